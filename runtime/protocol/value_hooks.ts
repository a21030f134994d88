// What the value codec and its callers say to each other: types only. The
// functions are in `value_codec.ts`.

import type { SerializerRegistry } from "./serializers.ts";

/** How the codec treats what is not plain data. */
export interface ValueHooks {
  /**
   * Session objects (refs, handles, remote functions): what to write in place
   * of `object`, or undefined if it is not one of ours. Asked about functions
   * and about objects of classes that the codec does not know, never about
   * plain objects and arrays.
   */
  replace(
    object: object,
  ): { readonly kind: string; readonly value: unknown } | undefined;
  /** Makes the session object that `replace` wrote as `kind` and `value`. */
  revive(kind: string, value: unknown): unknown;
  /** The classes that users registered. */
  readonly serializers: SerializerRegistry;
}

/** A serialised value whose large buffers have not been copied yet. */
export interface EncodedValue {
  /** The CBOR; belongs to the result. */
  readonly bytes: Uint8Array;
  /** Out-of-line bytes: views of the user's own memory. */
  readonly buffers: readonly Uint8Array[];
  /** Size of the whole as `layOut` writes it. */
  readonly sizeBytes: number;
  /** The session objects in the value, each once. */
  readonly contained: readonly object[];
}

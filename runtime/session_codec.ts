// Values of users to bytes and back, with the session's own objects in them:
// refs, actors' handles and remote functions.

import { mapStack } from "./code/map_stack.ts";
import { ObjectRef } from "./owner/object_ref.ts";
import type { Encoded, OwnerCodec } from "./owner/ports.ts";
import {
  type SerializerRegistry,
  THREAD_SERIALIZERS,
} from "./protocol/serializers.ts";
import {
  decodeValue,
  encodeValue,
  layOut,
  toPayload,
  type ValueHooks,
} from "./protocol/value_codec.ts";
import {
  decodeError,
  encodeError,
  type WireError,
} from "./protocol/wire_error.ts";

/** How one kind of session object travels. */
export interface SessionKind {
  /** What to write for the object, if it is of this kind. */
  write(object: object):
    | { readonly value: unknown; readonly holds?: object }
    | undefined;
  /** Makes the object; `source` is the value that it came in. */
  read(value: unknown, source: object | undefined): unknown;
}

/** See the head of the file. */
export class SessionCodec implements OwnerCodec {
  readonly #kinds: ReadonlyMap<string, SessionKind>;
  readonly #currentCode: () => string | undefined;
  /** Set by `within`, instead of what the present code has registered. */
  #within: SerializerRegistry | undefined;
  #source: object | undefined;
  /** What the objects of the value under way hold on to, if any do. */
  #holds: Map<object, object> | undefined;

  /** `currentCode` names the bundle of the code that runs, if one does. */
  constructor(
    kinds: Readonly<Record<string, SessionKind>>,
    currentCode: () => string | undefined = () => undefined,
  ) {
    this.#kinds = new Map(Object.entries(kinds));
    this.#currentCode = currentCode;
  }

  get #serializers(): SerializerRegistry {
    return this.#within ?? registryOf(this.#currentCode());
  }

  encode(value: unknown, root: string): Encoded {
    // A serializer of the user's may put or call: values within values.
    const outer = this.#holds;
    this.#holds = undefined;
    try {
      const encoded = encodeValue(value, root, this.#hooks());
      return {
        sizeBytes: encoded.sizeBytes,
        contained: this.#heldBy(encoded.contained),
        toPayload: () => toPayload(encoded),
        layOut: (target) => layOut(encoded, target),
      };
    } finally {
      this.#holds = outer;
    }
  }

  #heldBy(contained: readonly object[]): readonly object[] {
    const holds = this.#holds;
    if (contained.length === 0) return contained;
    if (!holds) return [];
    return [
      ...new Set(contained.flatMap((object) => holds.get(object) ?? [])),
    ];
  }

  decode(bytes: Uint8Array, share: boolean, source?: object): unknown {
    const outer = this.#source;
    this.#source = source;
    try {
      return decodeValue(bytes, this.#hooks(), { share });
    } finally {
      this.#source = outer;
    }
  }

  encodeError(error: unknown): WireError {
    return encodeError(error, { serializers: this.#serializers, mapStack });
  }

  decodeError(error: WireError): Error {
    return decodeError(error, { serializers: this.#serializers });
  }

  /** Runs `work` with the classes that a bundle registered. */
  within<T>(codeHash: string | undefined, work: () => T): T {
    const outer = this.#within;
    this.#within = registryOf(codeHash);
    try {
      return work();
    } finally {
      this.#within = outer;
    }
  }

  #hooks(): ValueHooks {
    return {
      serializers: this.#serializers,
      replace: (object) => {
        for (const [kind, { write }] of this.#kinds) {
          const written = write(object);
          if (!written) continue;
          if (written.holds) {
            this.#holds ??= new Map();
            this.#holds.set(object, written.holds);
          }
          return { kind, value: written.value };
        }
        return undefined;
      },
      revive: (kind, value) => {
        const known = this.#kinds.get(kind);
        if (!known) throw new TypeError(`Cannot read a value of kind ${kind}`);
        return known.read(value, this.#source);
      },
    };
  }
}

/** The classes that a bundle has registered, or else those of the thread. */
function registryOf(codeHash: string | undefined): SerializerRegistry {
  return codeHash === undefined
    ? THREAD_SERIALIZERS
    : THREAD_SERIALIZERS.scope(codeHash);
}

/** Whether a value is a ref. */
export function isRef(value: unknown): value is ObjectRef {
  return value instanceof ObjectRef;
}

/** Whether a ref is in the list more than once. */
export function hasDoubles(given: readonly unknown[]): boolean {
  const refs = given as readonly ObjectRef[];
  // As a rule they stand in the order in which one thread has made them, which
  // is seen at a tenth of the cost.
  const isInOrder = refs.every((ref, at) => {
    const before = refs[at - 1];
    return !before ||
      before.ownerId === ref.ownerId && before.number < ref.number;
  });
  return !isInOrder && new Set(refs).size < refs.length;
}

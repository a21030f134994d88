// Arguments of a call on their way to the wire: primitives as they are, the
// rest in bytes of the value codec, large ones through the store, refs
// replaced by what they stand for once that is known.

import { INLINE_VALUE_BYTES_MAX } from "../base/limits.ts";
import type { Primitive, WireArguments } from "../protocol/messages.ts";
import { isPrimitive } from "../protocol/primitive.ts";
import { ObjectRef } from "./object_ref.ts";
import type { Encoded, OwnerCodec } from "./ports.ts";
import { wireValue } from "./wire_value.ts";

/** One argument: final, or a ref whose value must be had first. */
type Part =
  | { readonly v: Primitive }
  | { readonly p: Uint8Array }
  | ObjectRef;

/** Arguments that were taken over from the user. */
export interface PreparedArguments {
  /** Complete unless `dependencies` are named. */
  readonly wire: WireArguments;
  /** Refs whose values are needed before the call can be sent. */
  readonly dependencies?: readonly ObjectRef[];
  readonly parts?: readonly Part[];
  /** Refs and handles inside the arguments. */
  readonly contained?: readonly object[];
}

/**
 * Serialises arguments at once: later changes to them are not seen.
 * `putLarge` stores an argument that is too large to travel inline.
 */
export function prepareArguments(
  args: readonly unknown[],
  codec: OwnerCodec,
  putLarge: (encoded: Encoded) => ObjectRef,
): PreparedArguments {
  if (args.length === 0) return { wire: null };
  let primitive = true;
  let withRefs = false;
  for (const arg of args) {
    if (isPrimitive(arg)) continue;
    primitive = false;
    if (arg instanceof ObjectRef) withRefs = true;
  }
  if (primitive) return { wire: args as readonly Primitive[] };
  if (!withRefs) {
    const encoded = codec.encode(args, "args");
    if (encoded.sizeBytes <= INLINE_VALUE_BYTES_MAX) {
      return { wire: encoded.toPayload(), contained: encoded.contained };
    }
  }
  return prepareParts(args, codec, putLarge);
}

function prepareParts(
  args: readonly unknown[],
  codec: OwnerCodec,
  putLarge: (encoded: Encoded) => ObjectRef,
): PreparedArguments {
  const parts: Part[] = [];
  const dependencies: ObjectRef[] = [];
  const contained: object[] = [];
  args.forEach((arg, index) => {
    if (isPrimitive(arg)) {
      parts.push({ v: arg });
    } else if (arg instanceof ObjectRef) {
      parts.push(arg);
      dependencies.push(arg);
    } else {
      const encoded = codec.encode(arg, `args[${index}]`);
      if (encoded.sizeBytes <= INLINE_VALUE_BYTES_MAX) {
        parts.push({ p: encoded.toPayload() });
        contained.push(...encoded.contained);
      } else {
        const ref = putLarge(encoded);
        parts.push(ref);
        dependencies.push(ref);
      }
    }
  });
  if (dependencies.length > 0) {
    return { wire: null, dependencies, parts, contained };
  }
  return { wire: completeArguments(parts), contained };
}

/** The wire form of parts whose refs are all settled, none failed. */
export function completeArguments(parts: readonly Part[]): WireArguments {
  return {
    parts: parts.map((part) =>
      part instanceof ObjectRef ? wireValue(part) : part
    ),
  };
}

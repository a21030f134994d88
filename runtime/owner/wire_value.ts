// The values of settled refs as they go over a wire: small ones as they are,
// large ones as their place in the store, with what they hold named beside.

import type { ActorId } from "../base/ids.ts";
import type {
  ObjectKey,
  WireHeld,
  WireStored,
  WireValue,
} from "../protocol/messages.ts";
import { ObjectRef } from "./object_ref.ts";

/** The value of a settled ref, for a wire. */
export function wireValue(ref: ObjectRef): WireValue {
  switch (ref.state) {
    case "primitive":
      return { v: ref.value as never };
    case "payload":
      return { p: ref.value as Uint8Array, ...heldBy(ref) };
    default: {
      const { ownerId, number } = ref;
      const at = ref.value as number;
      return {
        o: [ownerId, number],
        ...(at === number ? {} : { at }),
        ...heldBy(ref),
      };
    }
  }
}

/** The number that the store has a value by. */
export function storedAs({ o, at = o[1] }: WireStored): number {
  return at;
}

/** The refs and the actors' handles that a ref's value holds. */
function heldBy(ref: ObjectRef): WireHeld {
  if (!ref.contained) return {};
  const c: ObjectKey[] = [];
  const a: ActorId[] = [];
  for (const object of ref.contained) {
    if (object instanceof ObjectRef) c.push([object.ownerId, object.number]);
    else a.push((object as { actorId: ActorId }).actorId);
  }
  return { c, a };
}

/** A small view keeps its whole frame alive: copies it out. */
export function compact(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength * 2 < bytes.buffer.byteLength ? bytes.slice() : bytes;
}

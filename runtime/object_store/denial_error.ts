// Why the store refused, as the error that users see: what was wanted, what
// stands against it, and what to do about it.

import {
  type MantaError,
  ObjectLostError,
  ObjectStoreFullError,
  OwnerDiedError,
  unreachable,
} from "../base/errors.ts";
import type { DenyReason } from "./messages.ts";

export interface Denial {
  readonly reason: DenyReason;
  readonly objectId: string;
  /** Unknown when opening. */
  readonly sizeBytes?: number;
  readonly capacityBytes: number;
}

/** The error for a refused create or open. */
export function denialError(denial: Denial): MantaError {
  const { reason, objectId, sizeBytes, capacityBytes } = denial;
  const details = { objectId, sizeBytes, capacityBytes };
  const what = `object "${objectId}" of ${sizeBytes} bytes`;
  switch (reason) {
    case "too_large":
      return new ObjectStoreFullError(
        `Cannot store ${what}: the object store has ${capacityBytes} bytes ` +
          "in all. Raise `objectStoreMemory` in `init`",
        { details },
      );
    case "queue_full":
      return new ObjectStoreFullError(
        `Cannot store ${what}: the object store is full and too many ` +
          "objects wait for room. Drop refs, or put fewer at a time",
        { details },
      );
    case "allocation_failed":
      return new ObjectStoreFullError(
        `Cannot store ${what}: the system gives no memory. Lower ` +
          "`objectStoreMemory` in `init`, or free memory on the machine",
        { details },
      );
    case "not_found":
    case "freed":
      return new ObjectLostError(
        `Cannot read or write object "${objectId}": it was freed`,
        { details },
      );
    case "owner_ended":
      return new OwnerDiedError(
        `Cannot read or write object "${objectId}": its owner is gone`,
        { details },
      );
    default:
      return unreachable(reason);
  }
}

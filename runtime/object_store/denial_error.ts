// Why an object is refused, as the error that users see: what was wanted, what
// stands against it, and what to do about it.

import {
  type MantaError,
  ObjectLostError,
  ObjectStoreFullError,
  OutOfDiskError,
  OwnerDiedError,
  SerializationError,
  unreachable,
} from "../base/errors.ts";
import { type NodeId, objectIdText, type WorkerId } from "../base/ids.ts";
import { VALUE_BYTES_MAX } from "../base/limits.ts";
import type { DenyReason } from "./messages.ts";

const MEMORY_OPTION =
  "`objectStoreMemory` in `init` (`--object-store-memory` of `manta start`)";
const DISK_OPTION =
  "`spillDirectory` in `init` (`--spill-directory` of `manta start`)";

/** What was asked for. */
export interface DeniedObject {
  readonly owner: WorkerId;
  readonly number: number;
  /** Unknown when opening. */
  readonly sizeBytes?: number;
}

/** Who asks, and the node whose store is asked. */
export interface StoreUser {
  readonly workerId: WorkerId;
  readonly nodeId: NodeId;
}

/** The error for an object that no store takes; absent where one may. */
export function oversizeError(sizeBytes: number): MantaError | undefined {
  if (sizeBytes <= VALUE_BYTES_MAX) return undefined;
  return new SerializationError(
    `Cannot store a value of ${sizeBytes} bytes: the largest one has ` +
      `${VALUE_BYTES_MAX}. Split it into several`,
  );
}

/** The error for a create or an open that the store refuses. */
export function denialError(
  { owner, number, sizeBytes }: DeniedObject,
  reason: DenyReason,
  { nodeId, capacityBytes }: StoreUser & { readonly capacityBytes: number },
): MantaError {
  const objectId = objectIdText(owner, number);
  const details = { objectId, sizeBytes, nodeId, capacityBytes };
  // A driver may not have heard yet whose it is.
  const store = "the object store" + (nodeId && ` of node ${nodeId}`);
  const what = sizeBytes === undefined
    ? `object "${objectId}" of another node`
    : `object "${objectId}" of ${sizeBytes} bytes`;
  const does = sizeBytes === undefined
    ? `Cannot read object "${objectId}" back from disk`
    : `Cannot store ${what}`;
  switch (reason) {
    case "too_large":
      return new ObjectStoreFullError(
        `Cannot store ${what}: ${store} has ${capacityBytes} bytes in all. ` +
          `Raise ${MEMORY_OPTION}`,
        { details },
      );
    case "queue_full":
      return new ObjectStoreFullError(
        `Cannot store ${what}: ${store} is full and too many objects wait ` +
          "for room. Drop refs, or put fewer at a time",
        { details },
      );
    case "allocation_failed":
      return new ObjectStoreFullError(
        `${does}: the system gives no memory. Lower ${MEMORY_OPTION}, or ` +
          "free memory on the machine",
        { details },
      );
    case "full":
      return new ObjectStoreFullError(
        `${does}: all ${capacityBytes} bytes of ${store} are in use. ` +
          "Drop views of what was read, read less at a time, or raise " +
          MEMORY_OPTION,
        { details },
      );
    case "out_of_disk":
      return new OutOfDiskError(
        `${does}: ${store} is full and so is the disk that it spills to. ` +
          `Free room on it, or give another folder by ${DISK_OPTION}`,
        { details },
      );
    case "disk_failed":
      return new ObjectStoreFullError(
        `${does}: ${store} is full, and writing to the disk that it spills ` +
          `to fails. Give another folder by ${DISK_OPTION}`,
        { details },
      );
    default:
      return lossError(objectId, reason, details);
  }
}

type Loss = Extract<
  DenyReason,
  "unreadable" | "unreachable" | "lost" | "not_found" | "freed" | "owner_ended"
>;

/** The error for an object that there is not, or not any more. */
function lossError(
  objectId: string,
  reason: Loss,
  details: Readonly<Record<string, unknown>>,
): MantaError {
  switch (reason) {
    case "unreadable":
    case "unreachable":
    case "lost":
    case "not_found":
    case "freed":
      return new ObjectLostError(
        `Cannot read object "${objectId}": ${LOSSES[reason]}`,
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

const LOSSES = {
  unreadable: "it was spilled to disk and cannot be read back as it was " +
    "written",
  unreachable: "the nodes that have it did not send it. Look at their state " +
    "and at the network between them",
  lost: "every copy was on a node that is gone",
  not_found: "it was freed",
  freed: "it was freed",
} as const;

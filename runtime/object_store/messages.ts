// What a thread and its node's object store say to one another; objects lie in
// shared memory that `segment` fields pass on. docs/protocol.md has the whole.
// Messages may come again later; requests and replies may be lost and asked
// for anew. Those without an answer must arrive, in the order sent. Those with
// a segment may come earlier or later than others.

import type { WorkerId } from "../base/ids.ts";

/**
 * Numbers a thread's creates and opens in one sequence. It also names the
 * mapping that the request leads to: a thread's hold on a segment.
 */
export type RequestId = number;

/** Names a segment for the life of the node; never used twice. */
export type SegmentId = number;

/** Why a create or an open was refused. */
export type DenyReason =
  /** The object is larger than the whole store. */
  | "too_large"
  /** Too many creates wait already. */
  | "queue_full"
  /** The system gave no memory. */
  | "allocation_failed"
  /** All is in use, and nothing has changed for long. */
  | "full"
  /** The same, and the disk has no room for what is not in use. */
  | "out_of_disk"
  /** The same, and writing to the disk fails. */
  | "disk_failed"
  /** The object lies on disk and cannot be read back. */
  | "unreadable"
  /** Other nodes have the object, and it cannot be had from any. */
  | "unreachable"
  /** Every copy was on a node that is gone. */
  | "lost"
  /** The store has no such object: it was freed, or never created. */
  | "not_found"
  /** The object was freed while its create waited for room. */
  | "freed"
  /** The object's owner is gone. */
  | "owner_ended";

/** An object that its owner wrote: its number, and that of its create. */
export type RecalledObject = readonly [number: number, requestId: RequestId];

/** From a thread to its node's store. */
export type ToStore =
  /** Asks for memory to write an object into. */
  | {
    readonly type: "object_create";
    readonly requestId: RequestId;
    readonly owner: WorkerId;
    readonly number: number;
    readonly sizeBytes: number;
  }
  /** The object is written; the thread writes no more and lets go of it. */
  | { readonly type: "object_seal"; readonly requestId: RequestId }
  /** There will be no such object; the thread lets go of its memory. */
  | { readonly type: "object_abort"; readonly requestId: RequestId }
  /** Asks for an object to read; answered once it is sealed. */
  | {
    readonly type: "object_open";
    readonly requestId: RequestId;
    readonly owner: WorkerId;
    readonly number: number;
  }
  /** No view of the thread is left on what this open gave. */
  | { readonly type: "mapping_close"; readonly requestId: RequestId }
  /** The owner says that nobody needs the object any more. */
  | {
    readonly type: "object_free";
    readonly owner: WorkerId;
    readonly number: number;
  }
  /** A reply named a segment that the thread does not have. */
  | { readonly type: "segment_want"; readonly segmentId: SegmentId }
  /** The thread will ask before it opens these again. */
  | {
    readonly type: "objects_recalled";
    readonly objects: readonly RecalledObject[];
  }
  /** The thread has nothing left of a dropped segment. */
  | { readonly type: "segment_release"; readonly segmentId: SegmentId };

/** From the store to a thread. */
export type FromStore =
  /**
   * Memory to write the object into; `segment` if it is new to the thread.
   * `isCurrent` is false where somebody else has written the object already:
   * that one counts, and what is written here is for nobody.
   */
  | {
    readonly type: "object_created";
    readonly requestId: RequestId;
    readonly segmentId: SegmentId;
    readonly sizeBytes: number;
    readonly isCurrent: boolean;
    readonly segment?: SharedArrayBuffer;
    /** To a child process instead: the path of a file with the bytes. */
    readonly file?: string;
  }
  /** The sealed object, at the start of the segment. */
  | {
    readonly type: "object_opened";
    readonly requestId: RequestId;
    readonly segmentId: SegmentId;
    readonly sizeBytes: number;
    readonly segment?: SharedArrayBuffer;
    readonly file?: string;
  }
  | {
    readonly type: "object_denied";
    readonly requestId: RequestId;
    readonly reason: DenyReason;
    readonly capacityBytes: number;
  }
  /** Answers `segment_want`. */
  | {
    readonly type: "segment_share";
    readonly segmentId: SegmentId;
    readonly segment: SharedArrayBuffer;
  }
  /** The segment will not be used again: forget it. */
  | { readonly type: "segment_drop"; readonly segmentId: SegmentId }
  /**
   * To an owner: these may move, so ask before opening them again. Answered
   * with the same list.
   */
  | {
    readonly type: "objects_recall";
    readonly objects: readonly RecalledObject[];
  }
  /** The store is out of room: find what is unreachable, now. */
  | { readonly type: "garbage_collect" };

const TO_STORE: ReadonlySet<string> = new Set<ToStore["type"]>([
  "object_create",
  "object_seal",
  "object_abort",
  "object_open",
  "mapping_close",
  "object_free",
  "segment_want",
  "objects_recalled",
  "segment_release",
]);

const FROM_STORE: ReadonlySet<string> = new Set<FromStore["type"]>([
  "object_created",
  "object_opened",
  "object_denied",
  "segment_share",
  "segment_drop",
  "objects_recall",
  "garbage_collect",
]);

/** Whether a message from a thread is meant for the store. */
export function isToStore(
  message: { readonly type: string },
): message is ToStore {
  return TO_STORE.has(message.type);
}

/** Whether a message to a thread comes from the store. */
export function isFromStore(
  message: { readonly type: string },
): message is FromStore {
  return FROM_STORE.has(message.type);
}

/** A store's numbers; `used + pooled + draining <= capacity`. */
export interface StoreStats {
  readonly capacityBytes: number;
  /** Segments with an object in them, or that a thread still reads. */
  readonly usedBytes: number;
  /** Warm segments that wait for their next object. */
  readonly pooledBytes: number;
  /** Segments given back that threads have not yet let go of. */
  readonly drainingBytes: number;
  readonly objects: number;
  /** Creates and opens that wait for room. */
  readonly waiting: number;
  /** Objects of which there is a copy on disk. */
  readonly spilledBytes: number;
}

/** One object of a store, for state queries. */
export interface StoredObjectEntry {
  readonly owner: WorkerId;
  readonly number: number;
  readonly sizeBytes: number;
  readonly state:
    | "waiting"
    | "allocating"
    | "writing"
    | "sealed"
    | "spilled"
    | "restoring";
  /** Another node has it, too, and keeps it. */
  readonly isCopy: boolean;
  /** Mappings that hold its memory, the writer's included. */
  readonly mappings: number;
}

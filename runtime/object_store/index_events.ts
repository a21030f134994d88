// What the store's index is told and what it asks for: events in the past
// tense, actions in the imperative. Plain objects; nothing here does anything.
// `node_store.ts` performs the actions.

import { unreachable } from "../base/errors.ts";
import type { WorkerId } from "../base/ids.ts";
import type {
  DenyReason,
  RecalledObject,
  RequestId,
  SegmentId,
  ToStore,
} from "./messages.ts";

/** The node thread itself, which has every segment that it allocated. */
export const NODE_HOLDER = "node";

/** Who has the memory of a segment in reach. */
export type Holder = WorkerId | typeof NODE_HOLDER;

/** Names a spill file for the life of the node; never used twice. */
export type SpillFileId = number;

/** Where the bytes of an object lie on disk. */
export interface SpillCopy {
  readonly fileId: SpillFileId;
  readonly offset: number;
  /** CRC-32 of the object's bytes. */
  readonly checksum: number;
}

/** Why nothing can be written: the disk is full, or fails otherwise. */
export type SpillFailure = "out_of_disk" | "disk_failed";

/** Who asked, and under which number. */
export interface Asked {
  readonly requester: WorkerId;
  readonly requestId: RequestId;
}

export type StoreEvent =
  | { readonly type: "worker_started"; readonly workerId: WorkerId }
  | { readonly type: "worker_ended"; readonly workerId: WorkerId }
  /** It is of another node, and will own objects here. */
  | { readonly type: "owner_known"; readonly workerId: WorkerId }
  | CreateRequested
  | OpenRequested
  /** An open that others were asked for, in vain. */
  | ({ readonly type: "open_refused"; readonly reason: DenyReason } & Asked)
  | ({ readonly type: "object_sealed" } & Asked)
  | ({ readonly type: "create_aborted" } & Asked)
  | ({ readonly type: "mapping_closed" } & Asked)
  | {
    readonly type: "object_freed";
    readonly owner: WorkerId;
    readonly number: number;
  }
  | {
    readonly type: "segment_wanted";
    readonly requester: WorkerId;
    readonly segmentId: SegmentId;
  }
  | {
    readonly type: "segment_released";
    readonly holder: Holder;
    readonly segmentId: SegmentId;
  }
  /** No other node keeps this one: it is not dropped. */
  | {
    readonly type: "copy_kept";
    readonly owner: WorkerId;
    readonly number: number;
  }
  | { readonly type: "segment_allocated"; readonly segmentId: SegmentId }
  | {
    readonly type: "segment_allocation_failed";
    readonly segmentId: SegmentId;
  }
  /** The pages of a dropped segment are back with the system. */
  | { readonly type: "segment_returned"; readonly segmentId: SegmentId }
  /** The owner asks before it opens these again. */
  | {
    readonly type: "objects_recalled";
    readonly owner: WorkerId;
    readonly objects: readonly RecalledObject[];
  }
  /** The next pieces of a spill file are written; what they sum to. */
  | {
    readonly type: "spill_advanced";
    readonly fileId: SpillFileId;
    readonly checksums: readonly number[];
  }
  /** The rest of a spill file could not be written. */
  | {
    readonly type: "spill_failed";
    readonly fileId: SpillFileId;
    readonly reason: SpillFailure;
  }
  | { readonly type: "object_restored"; readonly segmentId: SegmentId }
  | { readonly type: "restore_failed"; readonly segmentId: SegmentId }
  /** Time has passed; the index reads it from its clock. */
  | { readonly type: "clock_ticked" };

export interface CreateRequested extends Asked {
  readonly type: "create_requested";
  readonly owner: WorkerId;
  readonly number: number;
  readonly sizeBytes: number;
  /** Another node has the object, and keeps it. @default {false} */
  readonly isCopy?: boolean;
}

export interface OpenRequested extends Asked {
  readonly type: "open_requested";
  readonly owner: WorkerId;
  readonly number: number;
}

/** One object of a spill file. */
export interface SpillPiece {
  readonly segmentId: SegmentId;
  readonly sizeBytes: number;
}

export type StoreAction =
  /** Ends in `segment_allocated` or `segment_allocation_failed`. */
  | {
    readonly type: "allocate_segment";
    readonly segmentId: SegmentId;
    readonly sizeBytes: number;
  }
  /** `isNew`: the thread has not got the segment yet; send it along. */
  | ({
    readonly type: "create_object";
    readonly segmentId: SegmentId;
    readonly sizeBytes: number;
    /** Whether the object will be what this thread writes. */
    readonly isCurrent: boolean;
    readonly isNew: boolean;
  } & Asked)
  | ({
    readonly type: "open_object";
    readonly segmentId: SegmentId;
    readonly sizeBytes: number;
    readonly isNew: boolean;
  } & Asked)
  | ({ readonly type: "deny_request"; readonly reason: DenyReason } & Asked)
  /** Tells whoever keeps where objects are that this one is whole. */
  | {
    readonly type: "announce_object";
    readonly owner: WorkerId;
    readonly number: number;
    readonly sizeBytes: number;
    readonly isCopy: boolean;
  }
  /** Tells them that a copy was dropped. */
  | {
    readonly type: "announce_dropped";
    readonly owner: WorkerId;
    readonly number: number;
  }
  | {
    readonly type: "share_segment";
    readonly requester: WorkerId;
    readonly segmentId: SegmentId;
  }
  /** Each holder forgets the segment and reports `segment_released`. */
  | {
    readonly type: "drop_segment";
    readonly segmentId: SegmentId;
    readonly holders: readonly Holder[];
  }
  /** Ends in `objects_recalled`. */
  | {
    readonly type: "recall_objects";
    readonly owner: WorkerId;
    readonly objects: readonly RecalledObject[];
  }
  /**
   * Writes what the segments hold into a new file, one piece behind the
   * other. Leads to a `spill_advanced` for all pieces, in order and in as many
   * portions as is convenient, or in the end to `spill_failed`.
   */
  | {
    readonly type: "write_spill_file";
    readonly fileId: SpillFileId;
    readonly pieces: readonly SpillPiece[];
  }
  /** Ends in `object_restored` or `restore_failed`. */
  | ({
    readonly type: "restore_object";
    readonly segmentId: SegmentId;
    readonly sizeBytes: number;
  } & SpillCopy)
  | {
    readonly type: "delete_spill_file";
    readonly fileId: SpillFileId;
  }
  /** All threads collect garbage, the node's own if that gives memory. */
  | { readonly type: "collect_garbage" };

const MAKES_NO_ROOM: ReadonlySet<string> = new Set<StoreEvent["type"]>([
  "worker_started",
  "owner_known",
  "open_refused",
  "create_requested",
  "open_requested",
  "segment_wanted",
  "spill_failed",
  "restore_failed",
  "clock_ticked",
]);

/** Whether there may be more room after the event than before. */
export function mayMakeRoom(event: StoreEvent): boolean {
  return !MAKES_NO_ROOM.has(event.type);
}

/** What a thread's message is for the index. */
export function eventOf(requester: WorkerId, message: ToStore): StoreEvent {
  switch (message.type) {
    case "object_create": {
      const { requestId, owner, number, sizeBytes } = message;
      const type = "create_requested";
      return { type, requester, requestId, owner, number, sizeBytes };
    }
    case "object_open": {
      const { requestId, owner, number } = message;
      return { type: "open_requested", requester, requestId, owner, number };
    }
    case "object_seal":
      return {
        type: "object_sealed",
        requester,
        requestId: message.requestId,
      };
    case "object_abort":
      return {
        type: "create_aborted",
        requester,
        requestId: message.requestId,
      };
    case "mapping_close":
      return {
        type: "mapping_closed",
        requester,
        requestId: message.requestId,
      };
    case "object_free": {
      const { owner, number } = message;
      return { type: "object_freed", owner, number };
    }
    case "segment_want": {
      const { segmentId } = message;
      return { type: "segment_wanted", requester, segmentId };
    }
    case "objects_recalled": {
      const { objects } = message;
      return { type: "objects_recalled", owner: requester, objects };
    }
    case "segment_release": {
      const { segmentId } = message;
      return { type: "segment_released", holder: requester, segmentId };
    }
    default:
      return unreachable(message);
  }
}

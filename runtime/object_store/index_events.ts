// What the store's index is told and what it asks for: events in the past
// tense, actions in the imperative. Plain objects; nothing here does anything.
// `object_store.ts` makes events of messages and performs the actions.

import type { WorkerId } from "../base/ids.ts";
import type { DenyReason, RequestId, SegmentId } from "./messages.ts";

/** The node thread itself, which has every segment that it allocated. */
export const NODE_HOLDER = "node";

/** Who has the memory of a segment in reach. */
export type Holder = WorkerId | typeof NODE_HOLDER;

/** Who asked, and under which number. */
export interface Asked {
  readonly requester: WorkerId;
  readonly requestId: RequestId;
}

export type StoreEvent =
  | { readonly type: "worker_started"; readonly workerId: WorkerId }
  | { readonly type: "worker_ended"; readonly workerId: WorkerId }
  | CreateRequested
  | OpenRequested
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
  | { readonly type: "segment_allocated"; readonly segmentId: SegmentId }
  | {
    readonly type: "segment_allocation_failed";
    readonly segmentId: SegmentId;
  }
  /** Time has passed; the index reads it from its clock. */
  | { readonly type: "clock_ticked" };

export interface CreateRequested extends Asked {
  readonly type: "create_requested";
  readonly owner: WorkerId;
  readonly number: number;
  readonly sizeBytes: number;
}

export interface OpenRequested extends Asked {
  readonly type: "open_requested";
  readonly owner: WorkerId;
  readonly number: number;
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
  /** All threads, the node's own included, collect garbage. */
  | { readonly type: "collect_garbage" };

// What the store's index answers its threads: memory to write into, objects to
// read, refusals. Collects the actions of the event at hand. A part of the
// index; it decides nothing.

import type { WorkerId } from "../base/ids.ts";
import type { Asked, StoreAction } from "./index_events.ts";
import type { DenyReason, SegmentId } from "./messages.ts";
import type { Mapping, ObjectTable, PlacedObject } from "./object_table.ts";
import type { Segment } from "./segment_table.ts";

/** See the head of the file. */
export class Answers {
  /** To be performed in their order. */
  actions: StoreAction[] = [];
  readonly #objects: ObjectTable;

  constructor(objects: ObjectTable) {
    this.#objects = objects;
  }

  /** Notes a thread's new hold on a segment. */
  addMapping(mapping: Mapping): void {
    const entry = this.#objects.worker(mapping.requester)!;
    entry.mappings.set(mapping.requestId, mapping);
    mapping.segment.mappings++;
  }

  /** Gives a writer its memory, once there is any. */
  create(mapping: Mapping): void {
    const { requester, requestId, segment, sizeBytes, object } = mapping;
    if (!mapping.writes || !segment.allocated) return;
    this.actions.push({
      type: "create_object",
      ...{ requester, requestId, segmentId: segment.id, sizeBytes },
      isCurrent: this.#objects.has(object),
      isNew: introduce(segment, requester),
    });
  }

  /** Gives a reader the object. */
  open(mapping: Mapping): void {
    const { requester, requestId, segment, sizeBytes } = mapping;
    this.actions.push({
      type: "open_object",
      ...{ requester, requestId, segmentId: segment.id, sizeBytes },
      isNew: introduce(segment, requester),
    });
  }

  deny({ requester, requestId }: Asked, reason: DenyReason): void {
    this.actions.push({ type: "deny_request", requester, requestId, reason });
  }

  share(requester: WorkerId, segmentId: SegmentId): void {
    this.actions.push({ type: "share_segment", requester, segmentId });
  }

  /** The object is whole, for whoever keeps where objects are. */
  announce({ owner, number, sizeBytes, isCopy }: PlacedObject): void {
    const type = "announce_object";
    this.actions.push({ type, owner, number, sizeBytes, isCopy });
  }

  /** The thread is gone: it hears nothing any more. */
  withdraw(workerId: WorkerId): void {
    const isOfWorker = (action: StoreAction) =>
      "requester" in action && action.requester === workerId;
    this.actions = this.actions.filter((action) => !isOfWorker(action));
  }
}

/** Notes that the thread gets the segment; whether it is the first time. */
function introduce(segment: Segment, requester: WorkerId): boolean {
  const isNew = !segment.holders.has(requester);
  segment.holders.add(requester);
  return isNew;
}

/** Readers need not know how an object came to its end. */
export function reasonForReaders(reason: DenyReason): DenyReason {
  return reason === "owner_ended" ? reason : "not_found";
}

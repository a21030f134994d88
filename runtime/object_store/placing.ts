// Gives room to what waits for it: creates, and objects on disk that somebody
// opens; first come first served. Memory that is there already comes first,
// then that of objects with a copy on disk. A part of the index, pure like it.

import type { WorkerId } from "../base/ids.ts";
import { STORE_OVERTAKE_MS } from "../base/limits.ts";
import type { Answers } from "./answers.ts";
import type { Asked } from "./index_events.ts";
import type { SegmentId } from "./messages.ts";
import {
  isSameRequest,
  type Mapping,
  type ObjectTable,
  type PlacedObject,
  type QueuedObject,
  type SpilledObject,
  type WaitingObject,
} from "./object_table.ts";
import { restoreAction, type Restoring } from "./restoring.ts";
import type { Segment, SegmentTable } from "./segment_table.ts";
import { segmentBytesFor } from "./size_class.ts";
import type { Spilling } from "./spilling.ts";

export interface PlacingParts {
  readonly segments: SegmentTable;
  readonly objects: ObjectTable;
  readonly spilling: Spilling;
  readonly restoring: Restoring;
  readonly answers: Answers;
}

/** See the head of the file. */
export class Placing {
  /**
   * All that waits for room. Each is in the table, but for creates whose
   * object is there already, written by somebody else.
   */
  readonly queue = new Set<QueuedObject>();
  /** What each segment that is being allocated is for. */
  readonly allocating = new Map<SegmentId, PlacedObject>();
  readonly #parts: PlacingParts;
  #shortBytes = 0;

  constructor(parts: PlacingParts) {
    this.#parts = parts;
  }

  /** What the first in the queue lacks and only spilling can give. */
  get shortBytes(): number {
    return this.#shortBytes;
  }

  /** The create of this request, if it waits. */
  queued(asked: Asked): WaitingObject | undefined {
    for (const object of this.queue) {
      if (object.state === "spilled") continue;
      if (isSameRequest(object.writer, asked)) return object;
    }
    return undefined;
  }

  /** Places what there is room for; whether there was for anything. */
  placeWaiting(nowMs: number): boolean {
    let isAnyPlaced = false;
    let isHeldUp = false;
    this.#shortBytes = 0;
    for (const object of this.queue) {
      if (isHeldUp && object.state !== "spilled") continue;
      const isPlaced = object.state === "spilled"
        ? this.#placeSpilled(object, nowMs)
        : this.#place(object, nowMs);
      isAnyPlaced ||= isPlaced;
      // One that waits for long must not hold up those that would fit: what
      // it waits for may be held by a task that waits behind it.
      if (isPlaced || nowMs - object.queuedAtMs >= STORE_OVERTAKE_MS) continue;
      // Nor must new objects hold up those on disk while nothing can go there.
      isHeldUp = this.#parts.spilling.failure !== undefined;
      if (!isHeldUp || object.state === "spilled") break;
    }
    return isAnyPlaced;
  }

  /** The memory of a segment is there. */
  allocated(segmentId: SegmentId, nowMs: number): void {
    const object = this.allocating.get(segmentId);
    if (!object) return;
    const { objects, segments, answers } = this.#parts;
    this.allocating.delete(segmentId);
    object.segment.allocated = true;
    if (object.state === "restoring") {
      answers.actions.push(restoreAction(object));
      return;
    }
    object.state = "writing";
    const mapping = objects.mapping(object.writer);
    if (mapping?.object === object) answers.create(mapping);
    segments.poolIfUnused(object.segment, nowMs);
  }

  #place(waiting: WaitingObject, nowMs: number): boolean {
    const { objects, answers } = this.#parts;
    const { writer, sizeBytes, owner, number, openers, isCopy } = waiting;
    const segment = this.#leavesReserve(sizeBytes, nowMs)
      ? this.#takeSegment(sizeBytes, writer.requester, nowMs)
      : undefined;
    if (!segment) return false;
    this.queue.delete(waiting);
    const state = segment.allocated ? "writing" : "allocating";
    const object: PlacedObject = {
      ...{ owner, number, sizeBytes, writer, openers, state, segment },
      ...{ copy: undefined, isCopy },
      isDirect: writer.requester === owner,
    };
    const mapping: Mapping = {
      ...writer,
      ...{ segment, sizeBytes, object, writes: true },
    };
    answers.addMapping(mapping);
    if (objects.has(waiting)) {
      segment.occupied = true;
      objects.set(object);
    }
    if (segment.allocated) answers.create(mapping);
    else this.#allocate(object);
    return true;
  }

  /** Gives room to an object on disk, to be read back. */
  #placeSpilled(spilled: SpilledObject, nowMs: number): boolean {
    const { restoring, answers } = this.#parts;
    const { sizeBytes, openers } = spilled;
    const reader = openers[0]!.requester;
    const segment = this.#takeSegment(sizeBytes, reader, nowMs);
    if (!segment) return false;
    this.queue.delete(spilled);
    const object = restoring.begin(spilled, segment);
    if (segment.allocated) answers.actions.push(restoreAction(object));
    else this.#allocate(object);
    return true;
  }

  /** Whether there will be room for what is on disk with this one, too. */
  #leavesReserve(sizeBytes: number, nowMs: number): boolean {
    const { segments, spilling } = this.#parts;
    const reserveBytes = spilling.reserveBytes(nowMs);
    if (reserveBytes === 0) return true;
    const { capacityBytes } = segments;
    const segmentBytes = segmentBytesFor(sizeBytes, capacityBytes);
    const wantedBytes = Math.min(segmentBytes + reserveBytes, capacityBytes);
    const shortBytes = () => wantedBytes - segments.obtainableBytes;
    if (shortBytes() > 0) {
      spilling.evict(shortBytes(), nowMs, this.#parts.answers.actions);
    }
    if (shortBytes() <= 0) return true;
    if (this.#shortBytes === 0) this.#shortBytes = shortBytes();
    return false;
  }

  #takeSegment(
    sizeBytes: number,
    worker: WorkerId,
    nowMs: number,
  ): Segment | undefined {
    const { segments, spilling, answers } = this.#parts;
    const segmentBytes = segmentBytesFor(sizeBytes, segments.capacityBytes);
    const take = () =>
      segments.takePooled(segmentBytes, worker) ??
        segments.takeFresh(segmentBytes) ??
        // Warm memory that is too large beats waiting for memory to drain.
        segments.takeLarger(segmentBytes, worker);
    const shortBytes = () => segmentBytes - segments.obtainableBytes;
    const evict = () => spilling.evict(shortBytes(), nowMs, answers.actions);
    const segment = take() ?? (evict() ? take() : undefined);
    if (!segment) {
      segments.makeRoom(segmentBytes, nowMs, answers.actions);
      if (this.#shortBytes === 0) this.#shortBytes = Math.max(0, shortBytes());
    }
    return segment;
  }

  #allocate(object: PlacedObject): void {
    const { id, sizeBytes } = object.segment;
    this.allocating.set(id, object);
    const type = "allocate_segment";
    this.#parts.answers.actions.push({ type, segmentId: id, sizeBytes });
  }
}

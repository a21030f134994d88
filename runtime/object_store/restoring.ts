// The objects of a store that are being read back from disk, and what a failure
// leads to. A part of the index, pure like it.

import { SPILL_READ_TRIES_MAX } from "../base/limits.ts";
import type { StoreAction } from "./index_events.ts";
import type { SegmentId } from "./messages.ts";
import type {
  ObjectTable,
  PlacedObject,
  SpilledObject,
} from "./object_table.ts";
import type { Segment, SegmentTable } from "./segment_table.ts";

/** See the head of the file. */
export class Restoring {
  readonly #segments: SegmentTable;
  readonly #objects: ObjectTable;
  /** How often each one was tried before, by the segment it is read into. */
  readonly #reading = new Map<
    SegmentId,
    { readonly object: PlacedObject; readonly failures: number }
  >();

  constructor(segments: SegmentTable, objects: ObjectTable) {
    this.#segments = segments;
    this.#objects = objects;
  }

  /** Gives a spilled object its segment; it is pinned until it is read. */
  begin(spilled: SpilledObject, segment: Segment): PlacedObject {
    const { owner, number, sizeBytes, writer, openers, copy } = spilled;
    const object: PlacedObject = {
      ...{ owner, number, sizeBytes, writer, openers, copy, segment },
      ...{ state: "restoring", isDirect: false, isCopy: false },
    };
    segment.occupied = true;
    segment.pinned = true;
    this.#objects.set(object);
    this.#reading.set(segment.id, { object, failures: spilled.failures });
    return object;
  }

  /** The bytes are there; the object if it is still needed. */
  end(segmentId: SegmentId, nowMs: number): PlacedObject | undefined {
    const reading = this.#reading.get(segmentId);
    if (!reading) return undefined;
    const { object } = reading;
    this.#reading.delete(segmentId);
    object.segment.pinned = false;
    if (!this.#objects.has(object)) {
      this.#segments.poolIfUnused(object.segment, nowMs);
      return undefined;
    }
    object.state = "sealed";
    return object;
  }

  /** The bytes could not be had; the object is only on disk again. */
  fail(segmentId: SegmentId, nowMs: number): SpilledObject | undefined {
    const failures = (this.#reading.get(segmentId)?.failures ?? 0) + 1;
    const object = this.end(segmentId, nowMs);
    if (!object) return undefined;
    const { owner, number, sizeBytes, writer, openers, copy } = object;
    const spilled: SpilledObject = {
      ...{ state: "spilled", owner, number, sizeBytes, writer, openers },
      ...{ copy: copy!, queuedAtMs: nowMs, failures, isCopy: false },
    };
    this.#objects.set(spilled);
    object.segment.occupied = false;
    this.#segments.poolIfUnused(object.segment, nowMs);
    return spilled;
  }

  has(object: PlacedObject): boolean {
    return this.#reading.get(object.segment.id)?.object === object;
  }

  get isReading(): boolean {
    return this.#reading.size > 0;
  }
}

/** Whether an object that could not be read is worth another try. */
export function mayBeReadAgain({ failures }: SpilledObject): boolean {
  return failures % SPILL_READ_TRIES_MAX !== 0;
}

/** Reads an object back into its segment. */
export function restoreAction(object: PlacedObject): StoreAction {
  const { segment, sizeBytes, copy } = object;
  return {
    type: "restore_object",
    ...{ segmentId: segment.id, sizeBytes },
    ...copy!,
  };
}

// The invariants of the store's index, checked all at once: after each event
// in tests and simulations, never in service.

import { InvariantError } from "../base/errors.ts";
import type { SegmentId } from "./messages.ts";
import type { Mapping, ObjectTable, WaitingObject } from "./object_table.ts";
import type { Segment, SegmentTable } from "./segment_table.ts";

/** All that the index keeps. */
export interface StoreBooks {
  readonly segments: SegmentTable;
  readonly objects: ObjectTable;
  readonly queue: ReadonlySet<WaitingObject>;
  readonly allocating: ReadonlyMap<SegmentId, Mapping>;
}

/** Throws an `InvariantError` if the books do not agree. */
export function validateBooks(books: StoreBooks): void {
  books.segments.validate();
  validateMappings(books);
  const occupied = validateObjects(books);
  for (const segment of books.segments.all()) {
    check(segment.occupied === occupied.has(segment), "occupied segments");
    const isAllocating = books.allocating.has(segment.id);
    check(segment.allocated !== isAllocating, "what is being allocated");
  }
}

function validateMappings({ segments, objects }: StoreBooks): void {
  const counts = new Map<Segment, number>();
  for (const [, entry] of objects.workers) {
    for (const { segment } of entry.mappings.values()) {
      check(segments.get(segment.id) === segment, "a mapping's segment");
      counts.set(segment, (counts.get(segment) ?? 0) + 1);
    }
  }
  for (const segment of segments.all()) {
    check(segment.mappings === (counts.get(segment) ?? 0), "mappings");
  }
}

/** Returns the segments that objects lie in. */
function validateObjects(books: StoreBooks): Set<Segment> {
  const occupied = new Set<Segment>();
  for (const object of books.objects.objects()) {
    const isSealed = object.state === "sealed";
    check(!isSealed || object.openers.length === 0, "opens that wait");
    if (object.state === "waiting") {
      check(books.queue.has(object), "the queue");
      continue;
    }
    const { segment, state, sizeBytes } = object;
    check(books.segments.get(segment.id) === segment, "an object's segment");
    check(!occupied.has(segment), "two objects in one segment");
    check(segment.allocated === (state !== "allocating"), "an object's state");
    check(segment.sizeBytes >= sizeBytes, "a segment's size");
    const written = books.objects.mapping(object.writer)?.object;
    check(isSealed || written === object, "an object without a writer");
    occupied.add(segment);
  }
  return occupied;
}

function check(agrees: boolean, what: string): void {
  if (!agrees) throw new InvariantError(`The store index errs on ${what}`);
}

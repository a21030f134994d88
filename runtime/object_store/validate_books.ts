// The invariants of the store's index, checked all at once: after each event
// in tests and simulations, never in service.

import { InvariantError } from "../base/errors.ts";
import type { SegmentId } from "./messages.ts";
import type {
  ObjectTable,
  PlacedObject,
  QueuedObject,
} from "./object_table.ts";
import type { Restoring } from "./restoring.ts";
import type { Segment, SegmentTable } from "./segment_table.ts";
import type { Spilling } from "./spilling.ts";

/** All that the index keeps. */
export interface StoreBooks {
  readonly segments: SegmentTable;
  readonly objects: ObjectTable;
  readonly queue: ReadonlySet<QueuedObject>;
  readonly allocating: ReadonlyMap<SegmentId, PlacedObject>;
  readonly spilling: Spilling;
  readonly restoring: Restoring;
}

/** Throws an `InvariantError` if the books do not agree. */
export function validateBooks(books: StoreBooks): void {
  books.segments.validate();
  validateMappings(books);
  const occupied = validateObjects(books);
  validateResting(books);
  validateCopies(books);
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
    if (object.state === "spilled") {
      const isOpened = object.openers.length > 0;
      check(books.queue.has(object) === isOpened, "what is to be restored");
      continue;
    }
    const { segment, state, sizeBytes } = object;
    check(books.segments.get(segment.id) === segment, "an object's segment");
    check(!occupied.has(segment), "two objects in one segment");
    const isRestoring = state === "restoring";
    check(books.restoring.has(object) === isRestoring, "what is restored");
    const mayLackMemory = isRestoring || state === "allocating";
    check(segment.allocated || mayLackMemory, "an object's state");
    check(state !== "allocating" || !segment.allocated, "an allocation");
    check(segment.sizeBytes >= sizeBytes, "a segment's size");
    const written = books.objects.mapping(object.writer)?.object;
    const isWritten = isSealed || isRestoring;
    check(isWritten || written === object, "an object without a writer");
    occupied.add(segment);
  }
  return occupied;
}

/** What rests are the sealed objects that nobody uses, each once. */
function validateResting({ objects, spilling, restoring }: StoreBooks): void {
  const resting = [...spilling.resting()];
  const known = new Set(resting);
  check(known.size === resting.length, "what rests twice");
  const pinned = new Set<Segment>();
  for (const { isWriting, pieces, writtenCount } of spilling.files()) {
    if (!isWriting) continue;
    for (const { segment } of pieces.slice(writtenCount)) pinned.add(segment);
  }
  for (const object of objects.objects()) {
    if (!("segment" in object)) continue;
    const { segment, state } = object;
    const isPinned = pinned.has(segment) || restoring.has(object);
    check(segment.pinned === isPinned, "what is pinned");
    const rests = state === "sealed" && segment.mappings === 0 && !isPinned;
    check(known.has(object) === rests, "what rests");
    if (rests) known.delete(object);
  }
  check(known.size === 0, "what rests and is gone");
}

/** Each copy is counted in its file, and no file is there without one. */
function validateCopies({ objects, spilling }: StoreBooks): void {
  const counts = new Map<number, number>();
  let bytes = 0;
  for (const object of objects.objects()) {
    if (!("copy" in object) || !object.copy) continue;
    const { fileId } = object.copy;
    bytes += object.sizeBytes;
    counts.set(fileId, (counts.get(fileId) ?? 0) + 1);
  }
  check(bytes === spilling.spilledBytes, "spilled bytes");
  for (const { id, copyCount, isWriting } of spilling.files()) {
    check(copyCount === (counts.get(id) ?? 0), "copies of a file");
    check(copyCount > 0 || isWriting, "a file without copies");
    counts.delete(id);
  }
  check(counts.size === 0, "copies without a file");
}

function check(agrees: boolean, what: string): void {
  if (!agrees) throw new InvariantError(`The store index errs on ${what}`);
}

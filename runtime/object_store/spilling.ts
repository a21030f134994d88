// What of a store lies on disk, and what goes there next: of the objects that
// nobody has mapped the coldest first, several to a file. A part of the index,
// pure like it: files are numbers here, and writes are actions.

import type { WorkerId } from "../base/ids.ts";
import {
  SPILL_AHEAD_MS,
  SPILL_FILE_BYTES_MAX,
  SPILL_FILE_OBJECTS_MAX,
  SPILL_PAUSE_MS,
  SPILL_PAUSE_MS_MAX,
  SPILL_RECALL_MS,
  SPILL_RESERVE_PORTIONS,
  SPILL_STORE_FRACTION,
  SPILL_WRITES_MAX,
  STORE_SPILL_POOL_IDLE_MS,
} from "../base/limits.ts";
import type {
  SpillCopy,
  SpillFailure,
  SpillFileId,
  StoreAction,
  StoreEvent,
} from "./index_events.ts";
import type { RecalledObject } from "./messages.ts";
import type {
  ObjectTable,
  PlacedObject,
  SpilledObject,
} from "./object_table.ts";
import type { Segment, SegmentTable } from "./segment_table.ts";

/** A file of the spill directory. */
interface SpillFile {
  readonly id: SpillFileId;
  /** What is being written to it, in order; pinned until it is written. */
  pieces: readonly PlacedObject[];
  /** How many pieces are written, and what they sum to. */
  writtenCount: number;
  writtenBytes: number;
  /** Objects of which it has the copy; with none it is deleted. */
  copyCount: number;
  isWriting: boolean;
}

export interface SpillingParts {
  readonly segments: SegmentTable;
  readonly objects: ObjectTable;
  /** Whether there is a disk to spill to. */
  readonly isEnabled: boolean;
}

/** See the head of the file. */
export class Spilling {
  readonly #segments: SegmentTable;
  readonly #objects: ObjectTable;
  readonly #isEnabled: boolean;
  readonly #portionBytes: number;
  // All and only the sealed objects that nobody has mapped and that are not
  // being written are in one of these four, the coldest first.
  /** Those with a copy on disk or at another node: gone at once. */
  readonly #clean = new Set<PlacedObject>();
  /** Those that can be written. */
  readonly #ready = new Set<PlacedObject>();
  /** Those that their owner opens without asking. */
  readonly #direct = new Set<PlacedObject>();
  /** Those whose owner was told to ask and has not answered yet. */
  readonly #recalling = new Set<PlacedObject>();
  readonly #files = new Map<SpillFileId, SpillFile>();
  #recallingBytes = 0;
  #recalledAtMs = -Infinity;
  /** The segments of what is being written. */
  #writingBytes = 0;
  #writeCount = 0;
  #spilledBytes = 0;
  #nextFileId = 1;
  #evictedAtMs = -Infinity;
  #shortAtMs = -Infinity;
  #failure: SpillFailure | undefined;
  #pauseMs = SPILL_PAUSE_MS;
  #pausedUntilMs = -Infinity;

  constructor({ segments, objects, isEnabled }: SpillingParts) {
    this.#segments = segments;
    this.#objects = objects;
    this.#isEnabled = isEnabled;
    this.#portionBytes = Math.min(
      SPILL_FILE_BYTES_MAX,
      segments.capacityBytes * SPILL_STORE_FRACTION,
    );
  }

  /** Objects of which there is a copy on disk. */
  get spilledBytes(): number {
    return this.#spilledBytes;
  }

  /**
   * Room that new objects leave to those on disk: should the disk be full, and
   * with it the memory, they could not be read any more. Nothing where all that
   * could make room is in use.
   */
  reserveBytes(nowMs: number): number {
    if (this.#spilledBytes === 0 || !this.mayGiveRoom(nowMs)) return 0;
    return SPILL_RESERVE_PORTIONS * this.#portionBytes;
  }

  /** Whether there is anything that could go to disk soon. */
  mayGiveRoom(nowMs: number): boolean {
    if (!this.#isEnabled) return false;
    return this.isWriting || this.#ready.size > 0 || this.#direct.size > 0 ||
      this.isRecalling && this.#isAnswerDue(nowMs);
  }

  /** Whether an owner was told to ask, and has not answered yet. */
  get isRecalling(): boolean {
    return this.#recalling.size > 0;
  }

  #isAnswerDue(nowMs: number): boolean {
    return nowMs - this.#recalledAtMs < SPILL_RECALL_MS;
  }

  get isWriting(): boolean {
    return this.#writeCount > 0;
  }

  /** Why the latest write has failed, if it has. */
  get failure(): SpillFailure | undefined {
    return this.#failure;
  }

  /** When memory was last taken from an object. */
  get evictedAtMs(): number {
    return this.#evictedAtMs;
  }

  /** The object is sealed, and nobody has it mapped any more. */
  rest(object: PlacedObject): void {
    if (object.copy || object.isCopy) this.#clean.add(object);
    else if (object.isDirect) this.#direct.add(object);
    else this.#ready.add(object);
  }

  /** Somebody maps the object, or it is gone. */
  wake(object: PlacedObject): void {
    if (this.#recalling.delete(object)) {
      this.#recallingBytes -= object.segment.sizeBytes;
    } else if (!this.#ready.delete(object) && !this.#clean.delete(object)) {
      this.#direct.delete(object);
    }
  }

  /** No other node has it any more: it can only go to disk. */
  kept(object: PlacedObject): void {
    if (this.#clean.delete(object)) this.rest(object);
  }

  /**
   * Takes the memory of objects that are elsewhere as well, until there is so
   * much; whether there is any.
   */
  evict(neededBytes: number, nowMs: number, actions: StoreAction[]): boolean {
    let freedBytes = 0;
    for (const object of this.#clean) {
      if (freedBytes >= neededBytes) break;
      freedBytes += object.segment.sizeBytes;
      if (object.copy) this.#evict(object, object.copy, nowMs);
      else this.#drop(object, nowMs, actions);
    }
    return freedBytes > 0;
  }

  /**
   * Has objects written, so that there will be room for what is short of it,
   * and some more: who needs room again soon finds it, and the disk is never
   * without work while there is more to come.
   */
  write(shortBytes: number, nowMs: number, actions: StoreAction[]): void {
    if (!this.#isEnabled || nowMs < this.#pausedUntilMs) return;
    if (shortBytes > 0) this.#shortAtMs = nowMs;
    if (nowMs - this.#shortAtMs >= SPILL_AHEAD_MS) return;
    const { obtainableBytes } = this.#segments;
    let missingBytes = this.#portionBytes - this.#writingBytes +
      (shortBytes > 0
        ? shortBytes
        : this.reserveBytes(nowMs) - obtainableBytes);
    if (this.#isAnswerDue(nowMs)) missingBytes -= this.#recallingBytes;
    // Small files are not worth it before somebody waits.
    if (shortBytes === 0 && missingBytes < this.#portionBytes / 2) return;
    while (missingBytes > 0 && this.#writeCount < SPILL_WRITES_MAX) {
      const pieces = this.#gather(this.#ready, missingBytes);
      if (pieces.length === 0) break;
      missingBytes -= this.#begin(pieces, actions);
    }
    if (missingBytes <= 0 || this.#ready.size > 0) return;
    this.#recall(missingBytes, nowMs, actions);
  }

  /** The owner asks before it opens these again. */
  recalled(owner: WorkerId, objects: readonly RecalledObject[]): void {
    for (const [number, requestId] of objects) {
      const object = this.#objects.get(owner, number);
      if (!object || !("isDirect" in object)) continue;
      if (object.writer.requestId !== requestId) continue;
      if (object.writer.requester !== owner) continue;
      object.isDirect = false;
      if (!this.#recalling.has(object) && !this.#direct.has(object)) continue;
      this.wake(object);
      this.#ready.add(object);
    }
  }

  /** A write has come further, or to its end. */
  heard(
    event: Extract<StoreEvent, { type: "spill_advanced" | "spill_failed" }>,
    nowMs: number,
    actions: StoreAction[],
  ): void {
    const file = this.#files.get(event.fileId);
    if (!file?.isWriting) return;
    if (event.type === "spill_advanced") {
      this.#advance(file, event.checksums, nowMs);
    } else this.#fail(file, event.reason, nowMs);
    const isOver = event.type === "spill_failed" ||
      file.writtenCount === file.pieces.length;
    if (isOver) this.#end(file, actions);
  }

  /** The next pieces of a file are written. */
  #advance(
    file: SpillFile,
    checksums: readonly number[],
    nowMs: number,
  ): void {
    this.#failure = undefined;
    this.#pauseMs = SPILL_PAUSE_MS;
    for (const checksum of checksums) {
      const object = file.pieces[file.writtenCount++]!;
      const copy = { fileId: file.id, offset: file.writtenBytes, checksum };
      file.writtenBytes += object.sizeBytes;
      this.#unpin(object);
      if (this.#objects.has(object)) this.#keep(object, copy, file, nowMs);
      else this.#segments.poolIfUnused(object.segment, nowMs);
    }
  }

  /** The rest of a file could not be written; it is tried again later. */
  #fail(file: SpillFile, reason: SpillFailure, nowMs: number): void {
    this.#failure = reason;
    this.#pausedUntilMs = nowMs + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, SPILL_PAUSE_MS_MAX);
    for (const object of file.pieces.slice(file.writtenCount)) {
      this.#unpin(object);
      if (!this.#objects.has(object)) {
        this.#segments.poolIfUnused(object.segment, nowMs);
      } else if (object.segment.mappings === 0) this.rest(object);
    }
  }

  /** Nobody needs this copy any more. */
  forget(object: PlacedObject | SpilledObject, actions: StoreAction[]): void {
    if (!object.copy) return;
    const file = this.#files.get(object.copy.fileId)!;
    file.copyCount--;
    this.#spilledBytes -= object.sizeBytes;
    this.#deleteIfUnused(file, actions);
  }

  /** What the books of the whole index are compared with. */
  *resting(): Generator<PlacedObject> {
    for (const objects of [this.#clean, this.#ready]) yield* objects;
    for (const objects of [this.#direct, this.#recalling]) yield* objects;
  }

  *files(): Generator<Readonly<SpillFile>> {
    yield* this.#files.values();
  }

  /** Objects from the coldest on, as many as one file takes. */
  #gather(from: Iterable<PlacedObject>, neededBytes: number): PlacedObject[] {
    const pieces: PlacedObject[] = [];
    let bytes = 0;
    for (const object of from) {
      if (bytes >= neededBytes) break;
      if (pieces.length === SPILL_FILE_OBJECTS_MAX) break;
      const isFull = bytes + object.segment.sizeBytes > SPILL_FILE_BYTES_MAX;
      if (isFull && pieces.length > 0) break;
      bytes += object.segment.sizeBytes;
      pieces.push(object);
    }
    return pieces;
  }

  /** Begins a file; returns how much memory that will free. */
  #begin(pieces: readonly PlacedObject[], actions: StoreAction[]): number {
    const id = this.#nextFileId++;
    this.#files.set(id, {
      ...{ id, pieces, isWriting: true },
      ...{ writtenCount: 0, writtenBytes: 0, copyCount: 0 },
    });
    for (const object of pieces) {
      this.wake(object);
      object.segment.pinned = true;
    }
    const bytes = sumOfBytes(pieces);
    this.#writingBytes += bytes;
    this.#writeCount++;
    actions.push({
      type: "write_spill_file",
      fileId: id,
      pieces: pieces.map(({ segment, sizeBytes }) => ({
        segmentId: segment.id,
        sizeBytes,
      })),
    });
    return bytes;
  }

  #unpin({ segment }: PlacedObject): void {
    segment.pinned = false;
    this.#writingBytes -= segment.sizeBytes;
  }

  #keep(
    object: PlacedObject,
    copy: SpillCopy,
    file: SpillFile,
    nowMs: number,
  ): void {
    object.copy = copy;
    file.copyCount++;
    this.#spilledBytes += object.sizeBytes;
    if (object.segment.mappings === 0) this.#evict(object, copy, nowMs);
  }

  #evict(object: PlacedObject, copy: SpillCopy, nowMs: number): void {
    const { owner, number, sizeBytes, writer, segment } = object;
    this.wake(object);
    this.#objects.set({
      ...{ state: "spilled", owner, number, sizeBytes, writer, copy },
      ...{ openers: [], queuedAtMs: 0, failures: 0, isCopy: false },
    });
    this.#giveBack(segment, nowMs);
  }

  /** Another node keeps it; whoever wants it here pulls it again. */
  #drop(
    object: PlacedObject,
    nowMs: number,
    actions: StoreAction[],
  ): void {
    const { owner, number, segment } = object;
    this.wake(object);
    this.#objects.delete(object);
    actions.push({ type: "announce_dropped", owner, number });
    this.#giveBack(segment, nowMs);
  }

  #giveBack(segment: Segment, nowMs: number): void {
    segment.occupied = false;
    this.#segments.poolIfUnused(segment, nowMs);
    // Memory of a store that spills is needed elsewhere.
    this.#segments.poolIdleMs = STORE_SPILL_POOL_IDLE_MS;
    this.#evictedAtMs = nowMs;
  }

  /** Tells owners, so that what only they know of can be written, too. */
  #recall(neededBytes: number, nowMs: number, actions: StoreAction[]): void {
    const recalled = this.#gather(this.#direct, neededBytes);
    if (recalled.length === 0) return;
    const byOwner = new Map<WorkerId, RecalledObject[]>();
    for (const object of recalled) {
      const { owner, number, writer } = object;
      this.#direct.delete(object);
      this.#recalling.add(object);
      this.#recallingBytes += object.segment.sizeBytes;
      const objects = byOwner.get(owner) ?? [];
      objects.push([number, writer.requestId]);
      byOwner.set(owner, objects);
    }
    this.#recalledAtMs = nowMs;
    for (const [owner, objects] of byOwner) {
      actions.push({ type: "recall_objects", owner, objects });
    }
  }

  #end(file: SpillFile, actions: StoreAction[]): void {
    file.isWriting = false;
    file.pieces = [];
    this.#writeCount--;
    this.#deleteIfUnused(file, actions);
  }

  #deleteIfUnused(file: SpillFile, actions: StoreAction[]): void {
    if (file.isWriting || file.copyCount > 0) return;
    this.#files.delete(file.id);
    actions.push({ type: "delete_spill_file", fileId: file.id });
  }
}

function sumOfBytes(objects: Iterable<PlacedObject>): number {
  let bytes = 0;
  for (const { segment } of objects) bytes += segment.sizeBytes;
  return bytes;
}

// The segments of a store and the count of their bytes: which are in use,
// which are pooled for reuse (they are warm: fresh memory is several times
// slower to write), and which were dropped but are still held somewhere.
// Pure; it decides which memory to use and never touches any.

import { InvariantError } from "../base/errors.ts";
import type { WorkerId } from "../base/ids.ts";
import { STORE_DRAIN_MS_MAX, STORE_POOL_IDLE_MS } from "../base/limits.ts";
import { type Holder, NODE_HOLDER, type StoreAction } from "./index_events.ts";
import type { SegmentId } from "./messages.ts";

/** A segment that is in use or pooled. */
export interface Segment {
  readonly id: SegmentId;
  readonly sizeBytes: number;
  /** Who was given the memory and may still have it. */
  readonly holders: Set<Holder>;
  /** False from `allocate_segment` to `segment_allocated`. */
  allocated: boolean;
  /** Whether an object lies in it; at most one does. */
  occupied: boolean;
  /** How many mappings the threads have on it, the writer's included. */
  mappings: number;
  /** Whether it is being read from disk or written to it. */
  pinned: boolean;
  /** Whether views are all that keeps it: its object is freed. */
  orphaned: boolean;
  pooled: boolean;
  pooledAtMs: number;
}

interface DrainingSegment {
  readonly id: SegmentId;
  readonly sizeBytes: number;
  readonly holders: Set<Holder>;
  readonly droppedAtMs: number;
}

/** Drops make room for more than is asked for: finding garbage costs time. */
const DROP_SHARE = 1 / 8;

/** How many of the warmest segments are looked at for one a thread knows. */
const AFFINITY_SCAN_MAX = 8;

/** See the head of the file. */
export class SegmentTable {
  readonly capacityBytes: number;
  /** How long a pooled segment is kept for reuse. */
  poolIdleMs = STORE_POOL_IDLE_MS;
  readonly #segments = new Map<SegmentId, Segment>();
  /** All and only the pooled segments by size, coldest first; none empty. */
  readonly #pools = new Map<number, Segment[]>();
  readonly #draining = new Map<SegmentId, DrainingSegment>();
  #usedBytes = 0;
  #pooledBytes = 0;
  #drainingBytes = 0;
  /** The part of the used bytes that is `orphaned`. */
  #orphanedBytes = 0;
  #nextId = 1;

  constructor(capacityBytes: number) {
    this.capacityBytes = capacityBytes;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  get pooledBytes(): number {
    return this.#pooledBytes;
  }

  get drainingBytes(): number {
    return this.#drainingBytes;
  }

  /** What would be free if there were no views on freed objects. */
  get orphanedBytes(): number {
    return this.#orphanedBytes;
  }

  /** What a create can have, now or once what was dropped is drained. */
  get obtainableBytes(): number {
    return this.#roomBytes() + this.#pooledBytes + this.#drainingBytes;
  }

  get(id: SegmentId): Segment | undefined {
    return this.#segments.get(id);
  }

  all(): IterableIterator<Segment> {
    return this.#segments.values();
  }

  /** A warm segment of this size, best one that `worker` has seen before. */
  takePooled(sizeBytes: number, worker: WorkerId): Segment | undefined {
    const pool = this.#pools.get(sizeBytes);
    if (!pool) return undefined;
    const least = Math.max(0, pool.length - AFFINITY_SCAN_MAX);
    let at = pool.length - 1;
    while (at > least && !pool[at]!.holders.has(worker)) at--;
    if (!pool[at]!.holders.has(worker)) at = pool.length - 1;
    const segment = pool[at]!;
    this.#unpool(segment);
    this.#usedBytes += segment.sizeBytes;
    return segment;
  }

  /** The smallest warm segment above this size and up to twice of it. */
  takeLarger(sizeBytes: number, worker: WorkerId): Segment | undefined {
    let bestBytes = Infinity;
    for (const pooledBytes of this.#pools.keys()) {
      if (pooledBytes < sizeBytes || pooledBytes > 2 * sizeBytes) continue;
      bestBytes = Math.min(bestBytes, pooledBytes);
    }
    return this.takePooled(bestBytes, worker);
  }

  /** A fresh segment, if there is room for it. */
  takeFresh(sizeBytes: number): Segment | undefined {
    if (sizeBytes > this.#roomBytes()) return undefined;
    const segment: Segment = {
      id: this.#nextId++,
      sizeBytes,
      holders: new Set<Holder>([NODE_HOLDER]),
      allocated: false,
      occupied: false,
      mappings: 0,
      pinned: false,
      orphaned: false,
      pooled: false,
      pooledAtMs: 0,
    };
    this.#segments.set(segment.id, segment);
    this.#usedBytes += sizeBytes;
    return segment;
  }

  /**
   * Drops pooled segments so that there will be room for `sizeBytes` once
   * they are drained. Does nothing where all of them would not be enough.
   */
  makeRoom(sizeBytes: number, nowMs: number, actions: StoreAction[]): void {
    const neededBytes = sizeBytes - this.#roomBytes() - this.#drainingBytes;
    if (neededBytes <= 0 || neededBytes > this.#pooledBytes) return;
    let missingBytes = Math.max(
      neededBytes,
      Math.min(this.capacityBytes * DROP_SHARE, this.#pooledBytes),
    );
    const chosen: Segment[] = [];
    for (const segment of this.#coldestFirst()) {
      chosen.push(segment);
      missingBytes -= segment.sizeBytes;
      if (missingBytes <= 0) break;
    }
    // Spare what a later, larger choice has made needless.
    chosen.sort((a, b) => b.sizeBytes - a.sizeBytes);
    for (const segment of chosen) {
      if (missingBytes + segment.sizeBytes <= 0) {
        missingBytes += segment.sizeBytes;
      } else {
        this.#drop(segment, nowMs, actions);
      }
    }
  }

  /** Pools the segment if nothing uses it any more. */
  poolIfUnused(segment: Segment, nowMs: number): void {
    if (segment.pooled || !segment.allocated) return;
    if (segment.occupied || segment.pinned) return;
    this.#setOrphaned(segment, segment.mappings > 0);
    if (segment.orphaned) return;
    segment.pooled = true;
    segment.pooledAtMs = nowMs;
    this.#usedBytes -= segment.sizeBytes;
    this.#pooledBytes += segment.sizeBytes;
    const pool = this.#pools.get(segment.sizeBytes);
    if (pool) pool.push(segment);
    else this.#pools.set(segment.sizeBytes, [segment]);
  }

  /** Forgets a segment that could not be allocated. */
  forget(segment: Segment): void {
    if (this.#segments.delete(segment.id)) {
      this.#usedBytes -= segment.sizeBytes;
    }
  }

  /** The memory of a dropped segment is back with the system. */
  returned(id: SegmentId): void {
    const segment = this.#draining.get(id);
    if (segment) this.#drained(segment);
  }

  /** A holder has nothing left of a dropped segment. */
  release(id: SegmentId, holder: Holder): void {
    const segment = this.#draining.get(id);
    if (!segment) return;
    segment.holders.delete(holder);
    if (segment.holders.size === 0) this.#drained(segment);
  }

  /** The thread is gone, and with it whatever it held. */
  releaseAll(worker: WorkerId): void {
    for (const segment of this.#segments.values()) {
      segment.holders.delete(worker);
    }
    for (const id of [...this.#draining.keys()]) this.release(id, worker);
  }

  /** Drops what was pooled for long; gives up on what does not drain. */
  expire(nowMs: number, actions: StoreAction[]): void {
    for (const segment of [...this.#coldestFirst()]) {
      if (nowMs - segment.pooledAtMs < this.poolIdleMs) break;
      this.#drop(segment, nowMs, actions);
    }
    for (const segment of [...this.#draining.values()]) {
      if (nowMs - segment.droppedAtMs < STORE_DRAIN_MS_MAX) break;
      this.#drained(segment);
    }
  }

  /** When the coldest pooled segment is to be dropped. */
  get nextIdleAtMs(): number | undefined {
    for (const segment of this.#coldestFirst()) {
      return segment.pooledAtMs + this.poolIdleMs;
    }
    return undefined;
  }

  /** Throws if the books do not agree with one another. */
  validate(): void {
    let usedBytes = 0;
    let pooledBytes = 0;
    let orphanedBytes = 0;
    for (const segment of this.#segments.values()) {
      if (segment.orphaned) orphanedBytes += segment.sizeBytes;
      if (segment.pooled) pooledBytes += segment.sizeBytes;
      else usedBytes += segment.sizeBytes;
      const used = segment.occupied || segment.mappings > 0 ||
        segment.pinned;
      const mustBePooled = segment.allocated && !used;
      check(segment.pooled === mustBePooled, segment, "pooled");
      const pool = this.#pools.get(segment.sizeBytes) ?? [];
      check(pool.includes(segment) === segment.pooled, segment, "in its pool");
      check(segment.mappings >= 0, segment, "mapped");
    }
    let drainingBytes = 0;
    for (const segment of this.#draining.values()) {
      drainingBytes += segment.sizeBytes;
      check(segment.holders.size > 0, segment, "draining");
      check(!this.#segments.has(segment.id), segment, "dropped");
    }
    const sums = [usedBytes, pooledBytes, drainingBytes, orphanedBytes];
    const books = [
      ...[this.#usedBytes, this.#pooledBytes],
      ...[this.#drainingBytes, this.#orphanedBytes],
    ];
    if (sums.join() !== books.join() || this.#roomBytes() < 0) {
      throw new InvariantError(
        `The store counts ${books} bytes used, pooled, draining and ` +
          `orphaned, but has ${sums} of ${this.capacityBytes}`,
      );
    }
  }

  #setOrphaned(segment: Segment, orphaned: boolean): void {
    if (segment.orphaned === orphaned) return;
    segment.orphaned = orphaned;
    this.#orphanedBytes += orphaned ? segment.sizeBytes : -segment.sizeBytes;
  }

  #roomBytes(): number {
    return this.capacityBytes - this.#usedBytes - this.#pooledBytes -
      this.#drainingBytes;
  }

  #drop(segment: Segment, nowMs: number, actions: StoreAction[]): void {
    this.#unpool(segment);
    this.#segments.delete(segment.id);
    this.#draining.set(segment.id, {
      id: segment.id,
      sizeBytes: segment.sizeBytes,
      holders: segment.holders,
      droppedAtMs: nowMs,
    });
    this.#drainingBytes += segment.sizeBytes;
    actions.push({
      type: "drop_segment",
      segmentId: segment.id,
      holders: [...segment.holders],
    });
  }

  #drained(segment: DrainingSegment): void {
    this.#draining.delete(segment.id);
    this.#drainingBytes -= segment.sizeBytes;
  }

  #unpool(segment: Segment): void {
    const pool = this.#pools.get(segment.sizeBytes)!;
    // The warm end is where a take finds it, the cold end where a drop does.
    const at = pool[0] === segment ? 0 : pool.lastIndexOf(segment);
    pool.splice(at, 1);
    if (pool.length === 0) this.#pools.delete(segment.sizeBytes);
    segment.pooled = false;
    this.#pooledBytes -= segment.sizeBytes;
  }

  /** Pooled segments by the time they were pooled; merges the pools. */
  *#coldestFirst(): Generator<Segment> {
    const cursors = [...this.#pools.values()].map((pool) => ({ pool, at: 0 }));
    while (cursors.length > 0) {
      let coldest = cursors[0]!;
      for (const cursor of cursors) {
        const segment = cursor.pool[cursor.at]!;
        if (segment.pooledAtMs < coldest.pool[coldest.at]!.pooledAtMs) {
          coldest = cursor;
        }
      }
      yield coldest.pool[coldest.at]!;
      if (++coldest.at === coldest.pool.length) {
        cursors.splice(cursors.indexOf(coldest), 1);
      }
    }
  }
}

function check(
  agrees: boolean,
  segment: { readonly id: SegmentId },
  what: string,
): void {
  if (agrees) return;
  const state = JSON.stringify(segment);
  throw new InvariantError(`The store errs on what is ${what}: ${state}`);
}

// The segments that a thread has in reach, one SharedArrayBuffer each, kept
// until the store drops the segment. Views for users are never made on these
// but on clones: while a clone lives, some view on it may, and when it is
// collected, none does. That is how the store learns that memory is unused.

import type { Collector } from "./collector.ts";
import type { SegmentId } from "./messages.ts";

/** See the head of the file. */
export class SharedSegments {
  readonly #segments = new Map<SegmentId, SharedArrayBuffer>();
  readonly #collector: Collector;
  readonly #release: (segmentId: SegmentId) => void;

  /** `release` is called when nothing is left here of a dropped segment. */
  constructor(
    collector: Collector,
    release: (segmentId: SegmentId) => void,
  ) {
    this.#collector = collector;
    this.#release = release;
  }

  get(segmentId: SegmentId): SharedArrayBuffer | undefined {
    return this.#segments.get(segmentId);
  }

  /** Keeps the segment, unless it is known; returns the one that is kept. */
  add(segmentId: SegmentId, segment: SharedArrayBuffer): SharedArrayBuffer {
    const present = this.#segments.get(segmentId);
    if (present) return present;
    this.#segments.set(segmentId, segment);
    return segment;
  }

  /** Forgets the segment; `release` follows once it is collected. */
  drop(segmentId: SegmentId): void {
    const segment = this.#segments.get(segmentId);
    if (!segment) return this.#release(segmentId);
    this.#segments.delete(segmentId);
    this.#collector.watch(segment, this.#releaser(segmentId));
  }

  /** Forgets everything. */
  clear(): void {
    this.#segments.clear();
  }

  /** Apart, so that the callback's scope does not hold the segment. */
  #releaser(segmentId: SegmentId): () => void {
    return () => this.#release(segmentId);
  }
}

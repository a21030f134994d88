// Gives the pages of dropped segments back to the system, a few at a time:
// clearing gigabytes at once would hold up the node's thread. Threads may have
// the segments yet, as empty addresses; nobody has a view on them.

import { MEMORY_RETURN_BYTES_MAX } from "../base/limits.ts";
import type { ReturnMemory } from "../platform/platform.ts";
import type { SegmentId } from "./messages.ts";

interface ReturningSegment {
  readonly segmentId: SegmentId;
  readonly segment: SharedArrayBuffer;
  returnedBytes: number;
}

/** See the head of the file. */
export class ReturnedMemory {
  readonly #returnMemory: ReturnMemory;
  readonly #waiting: ReturningSegment[] = [];

  constructor(returnMemory: ReturnMemory) {
    this.#returnMemory = returnMemory;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  add(segmentId: SegmentId, segment: SharedArrayBuffer): void {
    this.#waiting.push({ segmentId, segment, returnedBytes: 0 });
  }

  /** Does a part of what waits; gives the segments that are done. */
  next(): SegmentId[] {
    const done: SegmentId[] = [];
    let leftBytes = MEMORY_RETURN_BYTES_MAX;
    while (leftBytes > 0 && this.#waiting.length > 0) {
      const first = this.#waiting[0]!;
      const from = first.returnedBytes;
      const to = Math.min(from + leftBytes, first.segment.byteLength);
      this.#returnMemory(first.segment, from, to);
      first.returnedBytes = to;
      leftBytes -= to - from;
      if (to < first.segment.byteLength) break;
      this.#waiting.shift();
      done.push(first.segmentId);
    }
    return done;
  }
}

// When a store has its threads collect garbage. Every collection stops every
// thread, so that a store without room asks soon at first, then less and less,
// and one with room asks only for as much garbage as is worth it.

import {
  STORE_GARBAGE_ANSWER_MS,
  STORE_GARBAGE_FRACTION,
  STORE_GARBAGE_INTERVAL_MS,
  STORE_GARBAGE_INTERVAL_MS_MAX,
  STORE_GARBAGE_ONLY_HOPE_MS,
} from "../base/limits.ts";

/** See the head of the file. */
export class GarbagePace {
  #intervalMs = STORE_GARBAGE_INTERVAL_MS;
  #askedAtMs = -Infinity;

  /** What threads have let go of since then, garbage or not. */
  #foundBytes = 0;

  /** The least garbage known since the latest collection. */
  #orphanedBytes = 0;

  /**
   * Whether views on freed objects keep so much more memory than before that
   * finding them is cheaper than fresh memory, which is slow to write.
   */
  isWorth(orphanedBytes: number, capacityBytes: number): boolean {
    this.#orphanedBytes = Math.min(this.#orphanedBytes, orphanedBytes);
    const grownBytes = orphanedBytes - this.#orphanedBytes;
    return grownBytes >= capacityBytes * STORE_GARBAGE_FRACTION;
  }

  /** Notes that a collection was asked for. */
  asked(orphanedBytes: number): void {
    this.#orphanedBytes = orphanedBytes;
    this.#foundBytes = 0;
  }

  /** Notes that somebody let go of memory. */
  found(bytes: number): void {
    this.#foundBytes += bytes;
  }

  /** Whether the latest collection found so much that the next will, too. */
  isFruitful(capacityBytes: number): boolean {
    return this.#foundBytes >= capacityBytes * STORE_GARBAGE_FRACTION;
  }

  /** Whether a collection is due; the answer "yes" counts as having one. */
  isDue(nowMs: number, isOnlyHope: boolean): boolean {
    const intervalMs = isOnlyHope
      ? Math.min(this.#intervalMs, STORE_GARBAGE_ONLY_HOPE_MS)
      : this.#intervalMs;
    if (nowMs - this.#askedAtMs < intervalMs) return false;
    this.#askedAtMs = nowMs;
    this.#intervalMs = Math.min(
      this.#intervalMs * 2,
      STORE_GARBAGE_INTERVAL_MS_MAX,
    );
    return true;
  }

  /** When all threads that are not busy have looked for their garbage. */
  get answeredAtMs(): number {
    return this.#askedAtMs + STORE_GARBAGE_ANSWER_MS;
  }

  /** There was room again: the next shortage starts anew. */
  reset(): void {
    this.#intervalMs = STORE_GARBAGE_INTERVAL_MS;
  }
}

// How often a store without room may have its threads collect garbage: soon
// at first, then less and less, as every collection stops every thread.

import {
  STORE_GARBAGE_INTERVAL_MS,
  STORE_GARBAGE_INTERVAL_MS_MAX,
} from "../base/limits.ts";

/** See the head of the file. */
export class GarbagePace {
  #intervalMs = STORE_GARBAGE_INTERVAL_MS;
  #askedAtMs = -Infinity;

  /** Whether a collection is due; the answer "yes" counts as having one. */
  isDue(nowMs: number): boolean {
    if (nowMs - this.#askedAtMs < this.#intervalMs) return false;
    this.#askedAtMs = nowMs;
    this.#intervalMs = Math.min(
      this.#intervalMs * 2,
      STORE_GARBAGE_INTERVAL_MS_MAX,
    );
    return true;
  }

  /** There was room again: the next shortage starts anew. */
  reset(): void {
    this.#intervalMs = STORE_GARBAGE_INTERVAL_MS;
  }
}

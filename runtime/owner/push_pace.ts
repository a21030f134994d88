// How many tasks a lease is sent ahead where they cannot be taken back: as many
// as it has lately completed in a few milliseconds, at least one. Short tasks
// go in batches, long ones are not queued behind one another. Pure.

import { PUSH_AHEAD_MS_MAX } from "../base/limits.ts";

/** Endings are counted for so long, in milliseconds, to have a rate. */
const COUNT_MS_MIN = 0.2;

/** See the head of the file. */
export class PushPace {
  #sinceMs = 0;
  #ended = 0;
  #perMs = 0;

  /** The lease had nothing to do, and has now. */
  began(nowMs: number): void {
    this.#sinceMs = nowMs;
    this.#ended = 0;
  }

  /** A task of the lease is over. */
  ended(): void {
    this.#ended++;
  }

  /** How many tasks may be under way. */
  ahead(nowMs: number): number {
    const elapsedMs = nowMs - this.#sinceMs;
    if (this.#ended > 0 && elapsedMs >= COUNT_MS_MIN) {
      const perMs = this.#ended / elapsedMs;
      // What was long ago says nothing of now.
      const isLate = elapsedMs > PUSH_AHEAD_MS_MAX;
      const old = isLate || this.#perMs === 0 ? perMs : this.#perMs;
      this.#perMs = (old + perMs) / 2;
      this.#sinceMs = nowMs;
      this.#ended = 0;
    }
    return Math.max(1, Math.floor(this.#perMs * PUSH_AHEAD_MS_MAX));
  }
}

// Timers that a test fires itself, in the order of their times.

import type { Timers } from "../../runtime/base/clock.ts";

interface FakeTimer {
  readonly atMs: number;
  readonly callback: () => void;
}

/** See the head of the file. */
export class FakeTimers implements Timers {
  readonly #timers = new Set<FakeTimer>();
  #nowMs = 0;

  after(delayMs: number, callback: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** How many are set. */
  get count(): number {
    return this.#timers.size;
  }

  /** Lets time pass. */
  pass(ms: number): void {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      const due = [...this.#timers].filter(({ atMs }) => atMs <= untilMs);
      const next = due.sort((a, b) => a.atMs - b.atMs)[0];
      if (!next) break;
      this.#timers.delete(next);
      this.#nowMs = next.atMs;
      next.callback();
    }
    this.#nowMs = untilMs;
  }
}

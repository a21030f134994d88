// A progress bar with rate and time left. In a terminal it redraws one line;
// elsewhere (a file, a pipe, CI) it prints a plain line at every tenth.
// It writes to standard error, so that standard output is the result alone.

import process from "node:process";

/** Shows how far `total` steps have come. Call `step` after each of them. */
export class Progress {
  readonly #total: number;
  readonly #noun: string;
  readonly #out: ProgressOutput;
  readonly #now: () => number;
  readonly #startedAtMs: number;
  #done = 0;
  /** When the terminal's line was last drawn, so as not to flood it. */
  #drawnAtMs = -Infinity;
  /** How many tenths have a plain line already. */
  #tenths = 0;

  constructor(
    total: number,
    noun: string,
    out: ProgressOutput = process.stderr,
    now: () => number = () => performance.now(),
  ) {
    this.#total = total;
    this.#noun = noun;
    this.#out = out;
    this.#now = now;
    this.#startedAtMs = now();
  }

  /** Counts one more step as done. */
  step(): void {
    this.#done++;
    const nowMs = this.#now();
    const finished = this.#done === this.#total;
    if (this.#out.isTTY) {
      if (nowMs - this.#drawnAtMs < REDRAW_MS && !finished) return;
      this.#drawnAtMs = nowMs;
      // Erase to the end of the line: the text before may have been longer.
      this.#out.write(`\r${this.#line(nowMs, true)}\x1b[K`);
      if (finished) this.#out.write("\n");
      return;
    }
    const tenths = Math.floor(10 * this.#done / this.#total);
    if (tenths === this.#tenths) return;
    this.#tenths = tenths;
    this.#out.write(`${this.#line(nowMs, false)}\n`);
  }

  #line(nowMs: number, withBar: boolean): string {
    const share = this.#done / this.#total;
    const seconds = Math.max(nowMs - this.#startedAtMs, 1) / 1000;
    const rate = this.#done / seconds;
    const left = (this.#total - this.#done) / rate;
    const bar = "█".repeat(Math.round(share * BAR_WIDTH))
      .padEnd(BAR_WIDTH, "░");
    return [
      ...(withBar ? [bar] : []),
      `${Math.floor(100 * share)}%`.padStart(4),
      `${this.#done}/${this.#total} ${this.#noun}`,
      `${rate < 10 ? rate.toFixed(1) : Math.round(rate)}/s`,
      left > 0
        ? `${clock(Math.ceil(left))} left`
        : `${clock(Math.round(seconds))} in all`,
    ].join("  ");
  }
}

/** What a {@linkcode Progress} needs of a stream. */
export interface ProgressOutput {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

const BAR_WIDTH = 28;
const REDRAW_MS = 80;

/** Whole seconds as `m:ss`. */
function clock(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return `${minutes}:${String(seconds % 60).padStart(2, "0")}`;
}

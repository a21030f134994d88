// Short busy waits. Waking a thread of another processor costs tens of
// microseconds, so that watching for a moment before sleeping is worth it as
// long as it pays: a watch that has been in vain lately is mostly skipped.

import {
  SPIN_DISPLACED_MAX,
  SPIN_DISPLACED_US,
  SPIN_MISSES_MAX,
  SPIN_RETRY_EVERY,
} from "../base/limits.ts";

const atomics = Atomics as typeof Atomics & { pause?: () => void };

/** Tells the processor that this thread spins; nothing where it cannot. */
const spinHint: () => void = typeof atomics.pause === "function"
  ? atomics.pause.bind(atomics)
  : doNothing;

function doNothing(): void {}

/**
 * Looks again and again, for so long at most; whether it came true. Others have
 * the processor in between if `yieldProcessor` is given; where they need it all
 * the time, it is left to them.
 */
export function spinUntil(
  isOver: () => boolean,
  maxUs: number,
  yieldProcessor?: () => void,
): boolean {
  const untilMs = performance.now() + maxUs / 1000;
  let displaced = 0;
  do {
    for (let round = 0; round < 32; round++) {
      if (isOver()) return true;
      spinHint();
    }
    if (!yieldProcessor || !isDisplaced(yieldProcessor)) continue;
    if (++displaced > SPIN_DISPLACED_MAX) return isOver();
  } while (performance.now() < untilMs);
  return false;
}

/** Whether somebody else had the processor meanwhile. */
function isDisplaced(yieldProcessor: () => void): boolean {
  const startMs = performance.now();
  yieldProcessor();
  return performance.now() - startMs > SPIN_DISPLACED_US / 1000;
}

/** A place where it is decided again and again whether to spin. */
export class Watch {
  readonly #maxUs: number;
  readonly #yieldProcessor: (() => void) | undefined;
  #misses = 0;
  #skipped = 0;

  constructor(maxUs: number, yieldProcessor?: () => void) {
    this.#maxUs = maxUs;
    this.#yieldProcessor = yieldProcessor;
  }

  /** As `spinUntil`, unless that has been in vain the last few times. */
  until(isOver: () => boolean): boolean {
    const discouraged = this.#misses >= SPIN_MISSES_MAX;
    if (discouraged && ++this.#skipped % SPIN_RETRY_EVERY !== 0) return false;
    const came = spinUntil(isOver, this.#maxUs, this.#yieldProcessor);
    this.#misses = came ? 0 : this.#misses + 1;
    return came;
  }
}

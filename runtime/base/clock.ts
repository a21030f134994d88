// Time as something that is handed in, so that simulations own it. No part
// with a state asks the machine for the time.

import { clearTimeout, setTimeout } from "node:timers";

/** A source of time; `nowMs` never goes back. */
export interface Clock {
  nowMs(): number;
}

/** The machine's monotonic clock. */
export const systemClock: Clock = { nowMs: () => performance.now() };

/** Calls that come later; handed in like a clock. */
export interface Timers {
  /** Calls back once, after so long; gives what takes it back. */
  after(delayMs: number, callback: () => void): () => void;
}

/** The event loop's timers; none of them keeps the process alive. */
export const systemTimers: Timers = {
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
};

/** Calls back again and again, so long after each time; gives what ends it. */
export function every(
  timers: Timers,
  everyMs: number,
  callback: () => void,
): () => void {
  let cancel = () => {};
  const arm = () => {
    cancel = timers.after(everyMs, () => {
      arm();
      callback();
    });
  };
  arm();
  return () => cancel();
}

/** Waits for a promise that does not reject, but no longer than this. */
export async function settlesWithin(
  promise: Promise<void>,
  timeoutMs: number,
): Promise<boolean> {
  const { promise: timedOut, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), timeoutMs);
  const result = await Promise.race([promise.then(() => true), timedOut]);
  clearTimeout(timer);
  return result;
}

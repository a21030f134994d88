// Time as something that is handed in, so that simulations own it. No part
// with a state asks the machine for the time.

/** A source of time; `nowMs` never goes back. */
export interface Clock {
  nowMs(): number;
}

/** The machine's monotonic clock. */
export const systemClock: Clock = { nowMs: () => performance.now() };

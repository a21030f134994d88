// Time as something that is handed in, so that simulations own it.

/** A source of time; `nowMs` never goes back. */
export interface Clock {
  nowMs(): number;
}

/** The machine's monotonic clock. */
export const systemClock: Clock = { nowMs: () => performance.now() };

// Waiting for a promise no longer than asked. The timer goes with the wait, so
// that it keeps no program alive.

import { GetTimeoutError } from "../../mod.ts";

/** Options of calls that wait. */
export interface TimeoutOptions {
  /**
   * How long to wait, in milliseconds; `0` takes only what is there.
   *
   * @default {undefined} no limit
   */
  readonly timeout?: number | undefined;
}

/** A time limit that runs: several waits can share it. */
export interface TimeLimit extends Disposable {
  /** What `promise` gives, or a rejection with `GetTimeoutError`. */
  race<T>(promise: Promise<T>): Promise<T>;
}

/**
 * Starts a time limit, to be disposed of after the wait. `waitingFor` names in
 * its error what was waited for.
 */
export function startTimeLimit(
  options: TimeoutOptions,
  waitingFor: string,
): TimeLimit {
  checkKeys(options, ["timeout"]);
  const { timeout } = options;
  checkTimeout(timeout);
  if (timeout === undefined || timeout === Infinity) {
    return { race: (promise) => promise, [Symbol.dispose]() {} };
  }
  const expired = Promise.withResolvers<never>();
  // It rejects whether or not somebody races against it.
  expired.promise.catch(() => {});
  const timer = setTimeout(() => {
    expired.reject(
      new GetTimeoutError(`Waited ${timeout} ms for ${waitingFor}`),
    );
  }, timeout);
  return {
    race: (promise) => Promise.race([promise, expired.promise]),
    [Symbol.dispose]: () => clearTimeout(timer),
  };
}

/** Throws unless the timeout is a number of milliseconds from 0 on. */
export function checkTimeout(timeout: unknown): void {
  if (timeout === undefined) return;
  if (typeof timeout !== "number") {
    throw new TypeError(
      `Option "timeout" must be a number of ms, got ${typeof timeout}`,
    );
  }
  if (!(timeout >= 0)) {
    throw new RangeError(
      `Option "timeout" must be a number from 0 on, got ${timeout}`,
    );
  }
}

/** Throws if there is an option of another name. */
export function checkKeys(options: object, known: readonly string[]): void {
  for (const key of Object.keys(options)) {
    if (known.includes(key)) continue;
    throw new TypeError(
      `Unknown option "${key}": There is ${known.join(", ")}`,
    );
  }
}

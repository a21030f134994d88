// The result of work that a pool does in the background, with a way to ask
// whether it is there.

import { startTimeLimit, type TimeoutOptions } from "./time_limit.ts";

/**
 * A result that may not be there yet, as {@linkcode Pool.mapAsync} gives it.
 *
 * @typeParam T The type of the result.
 *
 * @example Looking without waiting
 * ```ts ignore
 * import { Pool } from "manta/util";
 *
 * await using pool = new Pool();
 * const result = pool.mapAsync((x: number) => x * x, [1, 2, 3]);
 * if (!result.ready()) console.log("not yet");
 * console.log(await result.get()); // [1, 4, 9]
 * ```
 */
export class AsyncResult<T> {
  readonly #result: Promise<T>;
  #state: "pending" | "done" | "failed" = "pending";

  /**
   * Makes one for work that has begun.
   *
   * @param result What it stands for.
   */
  constructor(result: Promise<T>) {
    this.#result = result;
    result.then(
      () => this.#state = "done",
      () => this.#state = "failed",
    );
  }

  /**
   * The result, waiting for it.
   *
   * @throws {GetTimeoutError} If it is not there in time.
   */
  async get(options: TimeoutOptions = {}): Promise<T> {
    using limit = startTimeLimit(options, "a result of the pool");
    return await limit.race(this.#result);
  }

  /** Waits until it is there or the time is over; failures do not reject. */
  async wait(options: TimeoutOptions = {}): Promise<void> {
    using limit = startTimeLimit(options, "a result of the pool");
    await limit.race(this.#result).catch(() => {});
  }

  /** Whether the work is done or has failed. */
  ready(): boolean {
    return this.#state !== "pending";
  }

  /**
   * Whether the work is done without an error.
   *
   * @throws {RangeError} If it is not ready.
   */
  successful(): boolean {
    if (this.#state === "pending") {
      throw new RangeError("The result is not ready: wait for it first");
    }
    return this.#state === "done";
  }
}

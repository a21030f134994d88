// A pool of actors that share work: each piece goes to the next idle actor.
// Built on the public API alone; the bookkeeping is in this thread.

import { get, type ObjectRef, wait } from "../../mod.ts";
import type { AnyActorHandle } from "../../mod.ts";
import { Fifo } from "./fifo.ts";
import { PoolResults, type PoolWork } from "./pool_results.ts";
import type { TimeoutOptions } from "./time_limit.ts";

/** How a pool gives a value to an actor: calls a method, returns the ref. */
export type ActorCall<H, V, R> = (actor: H, value: V) => ObjectRef<R>;

/**
 * A pool of actors that do the same work. Each value goes to the next actor
 * that is idle; with none idle it waits.
 *
 * @typeParam H The type of the handles.
 *
 * @example Squaring numbers with two actors
 * ```ts ignore
 * import { remote } from "manta";
 * import { ActorPool } from "manta/util";
 *
 * const Squarer = remote(class Squarer {
 *   square(x: number) {
 *     return x * x;
 *   }
 * });
 * const pool = new ActorPool([Squarer.remote(), Squarer.remote()]);
 * const squares = pool.map((actor, x) => actor.square.remote(x), [1, 2]);
 * for await (const square of squares) console.log(square); // 1, then 4
 * ```
 */
export class ActorPool<H extends AnyActorHandle> {
  readonly #idle = new Fifo<H>();
  readonly #members = new Set<H>();
  readonly #waiting = new Fifo<PoolWork<H>>();
  readonly #submitted = new PoolResults<H>();

  /**
   * Makes a pool of actors, all of them free.
   *
   * @param handles The actors, which must not be in another pool.
   * @throws {TypeError} If `handles` cannot be iterated.
   * @throws {RangeError} If an actor is there twice.
   */
  constructor(handles: Iterable<H>) {
    for (const handle of handles) this.push(handle);
  }

  /**
   * Gives every value to an actor, starting at once, and iterates over the
   * results in the order of the values. The first error ends the iteration.
   *
   * @param call Calls the method of the actor and returns the ref.
   * @param values What the actors are called with.
   */
  map<V, R>(
    call: ActorCall<H, V, R>,
    values: Iterable<V>,
  ): AsyncGenerator<R, void, void> {
    return this.#iterate(this.#submitAll(call, values), "next");
  }

  /** As {@linkcode map}, with the results in the order they are ready. */
  mapUnordered<V, R>(
    call: ActorCall<H, V, R>,
    values: Iterable<V>,
  ): AsyncGenerator<R, void, void> {
    return this.#iterate(this.#submitAll(call, values), "nextUnordered");
  }

  /**
   * Gives one value to an actor, once one is idle. The result is read with
   * {@linkcode getNext} or {@linkcode getNextUnordered}.
   */
  submit<V>(call: ActorCall<H, V, unknown>, value: V): void {
    this.#start(this.#submitted.add((actor: H) => call(actor, value)));
  }

  /** Whether there are results of `submit` that were not read. */
  hasNext(): boolean {
    return this.#submitted.hasNext();
  }

  /**
   * The next result, in the order of the calls of `submit`.
   *
   * @throws {RangeError} If all results were read.
   * @throws {GetTimeoutError} If it is not ready in time; it stays the next.
   */
  getNext<R = unknown>(options: TimeoutOptions = {}): Promise<R> {
    return this.#submitted.next(options) as Promise<R>;
  }

  /**
   * The next result that is ready, in whatever order.
   *
   * @throws {RangeError} If all results were read.
   * @throws {GetTimeoutError} If none is ready in time.
   */
  getNextUnordered<R = unknown>(options: TimeoutOptions = {}): Promise<R> {
    return this.#submitted.nextUnordered(options) as Promise<R>;
  }

  /** Whether an actor is idle, so that `submit` would start at once. */
  hasFree(): boolean {
    return this.#idle.length > 0 && this.#waiting.length === 0;
  }

  /**
   * Adds an actor.
   *
   * @throws {RangeError} If it is in the pool already.
   */
  push(handle: H): void {
    if (this.#members.has(handle)) {
      throw new RangeError("The actor is in the pool already");
    }
    this.#members.add(handle);
    this.#release(handle);
  }

  /** Takes an idle actor out of the pool; `undefined` if none is idle. */
  popIdle(): H | undefined {
    if (!this.hasFree()) return undefined;
    const handle = this.#idle.shift();
    if (handle !== undefined) this.#members.delete(handle);
    return handle;
  }

  #submitAll<V, R>(
    call: ActorCall<H, V, R>,
    values: Iterable<V>,
  ): PoolResults<H> {
    const results = new PoolResults<H>();
    for (const value of values) {
      this.#start(results.add((actor: H) => call(actor, value)));
    }
    return results;
  }

  async *#iterate<R>(
    results: PoolResults<H>,
    read: "next" | "nextUnordered",
  ): AsyncGenerator<R, void, void> {
    try {
      while (results.hasNext()) yield await results[read]({}) as R;
    } finally {
      results.drop();
    }
  }

  #start(work: PoolWork<H>): void {
    this.#waiting.push(work);
    this.#pair();
  }

  #release(handle: H): void {
    this.#idle.push(handle);
    this.#pair();
  }

  /** Brings waiting work and idle actors together. */
  #pair(): void {
    while (this.#idle.length > 0) {
      const work = this.#waiting.shift();
      if (work === undefined) return;
      // Nobody will read it any more.
      if (work.dropped) continue;
      this.#run(work, this.#idle.shift()!);
    }
  }

  async #run(work: PoolWork<H>, handle: H): Promise<void> {
    try {
      const ref = work.call(handle);
      work.read = () => get(ref);
      // A failed call is ready, too: its error is for who reads it.
      await wait([ref]);
    } catch (error) {
      work.read = () => Promise.reject(error);
    }
    work.finish();
    this.#release(handle);
  }
}

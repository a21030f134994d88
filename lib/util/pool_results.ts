// The results of one series of calls on a pool, read in the order of the calls
// or as they are ready. Knows nothing of actors: it is told when work is done.

import type { ObjectRef } from "../../mod.ts";
import { Fifo } from "./fifo.ts";
import { startTimeLimit, type TimeoutOptions } from "./time_limit.ts";

/** One call on an actor of a pool, from its submission to its reading. */
export class PoolWork<H> {
  /** Makes the call. */
  readonly call: (actor: H) => ObjectRef<unknown>;
  /** Fulfilled when the call is done, failed or not. */
  readonly done: Promise<void>;
  /** Gives the value or the error; to be called once it is done. */
  read: () => Promise<unknown> = () => Promise.resolve();
  /** Whether somebody is reading it or has read it. */
  claimed = false;
  /** Whether nobody will ever read it. */
  dropped = false;
  readonly #finished = Promise.withResolvers<void>();

  constructor(call: (actor: H) => ObjectRef<unknown>) {
    this.call = call;
    this.done = this.#finished.promise;
  }

  /** The call is done. */
  finish(): void {
    this.#finished.resolve();
  }
}

/** A series of results that are read one after another. */
export class PoolResults<H> {
  /** What was not read, in the order of submission. */
  readonly #unread = new Set<PoolWork<H>>();
  /** What is done, in that order; some of it may have been read. */
  readonly #done = new Fifo<PoolWork<H>>();
  #progress = Promise.withResolvers<void>();

  /** Adds a call to the end of the series. */
  add(call: (actor: H) => ObjectRef<unknown>): PoolWork<H> {
    const work = new PoolWork(call);
    this.#unread.add(work);
    work.done.then(() => {
      this.#done.push(work);
      this.#progress.resolve();
      this.#progress = Promise.withResolvers();
    });
    return work;
  }

  /** Whether there is a result that nobody has read or is reading. */
  hasNext(): boolean {
    return this.#firstUnclaimed() !== undefined;
  }

  /** The first result that was not read. */
  async next(options: TimeoutOptions): Promise<unknown> {
    const work = this.#firstUnclaimed() ?? noMore();
    using limit = startTimeLimit(options, "the next result of the pool");
    work.claimed = true;
    try {
      await limit.race(work.done);
    } catch (error) {
      work.claimed = false;
      throw error;
    }
    this.#unread.delete(work);
    return await work.read();
  }

  /** The next result that is ready. */
  async nextUnordered(options: TimeoutOptions): Promise<unknown> {
    using limit = startTimeLimit(options, "any result of the pool");
    while (true) {
      const work = this.#takeDone();
      if (work !== undefined) return await work.read();
      if (!this.hasNext()) noMore();
      await limit.race(this.#progress.promise);
    }
  }

  /** Gives up what was not read; what was not started never is. */
  drop(): void {
    for (const work of this.#unread) work.dropped = true;
    this.#unread.clear();
  }

  #takeDone(): PoolWork<H> | undefined {
    let work: PoolWork<H> | undefined;
    while ((work = this.#done.shift()) !== undefined) {
      if (work.claimed || !this.#unread.delete(work)) continue;
      work.claimed = true;
      return work;
    }
    return undefined;
  }

  #firstUnclaimed(): PoolWork<H> | undefined {
    for (const work of this.#unread) {
      if (!work.claimed) return work;
    }
    return undefined;
  }
}

function noMore(): never {
  throw new RangeError(
    "The pool has no more results: submit something before reading",
  );
}

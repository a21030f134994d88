// The actor behind a queue: the items, and who waits for items or for room.
// It answers with plain values and never throws, so that callers get the
// queue's own errors and not those of a task.

import { Fifo } from "./fifo.ts";

/** What waits: somebody with items to put, or somebody who wants some. */
interface Waiter<T> {
  readonly count: number;
  readonly settle: (answer: T) => void;
}

/** Items wrapped in an array, so that refs among them stay refs. */
export type Items = readonly unknown[];

/** A queue of items with a bound, first come, first served. */
export class QueueActor {
  readonly #items = new Fifo<unknown>();
  readonly #maxSize: number;
  readonly #putters = new Fifo<Waiter<boolean> & { readonly items: Items }>();
  readonly #getters = new Fifo<Waiter<Items | undefined>>();

  /** `maxSize` of 0 is no limit. */
  constructor(maxSize: number) {
    this.#maxSize = maxSize > 0 ? maxSize : Infinity;
  }

  /**
   * Takes all items or none; whether it took them. More than the queue ever
   * holds are not waited for.
   */
  put(items: Items, timeoutMs: number | undefined): Promise<boolean> {
    const canFit = items.length <= this.#maxSize;
    const count = items.length;
    return new Promise((resolve) => {
      const waiter = { items, count, settle: resolve };
      this.#putters.push(waiter);
      this.#serve();
      const limitMs = canFit ? timeoutMs : 0;
      this.#expire(this.#putters, waiter, false, limitMs);
    });
  }

  /**
   * Gives so many items, or nothing if they are not there in time. More than
   * the queue ever holds are not waited for.
   */
  take(
    count: number,
    timeoutMs: number | undefined,
  ): Promise<Items | undefined> {
    const canCome = count <= this.#maxSize;
    return new Promise((resolve) => {
      const waiter = { count, settle: resolve };
      this.#getters.push(waiter);
      this.#serve();
      const limitMs = canCome ? timeoutMs : 0;
      this.#expire(this.#getters, waiter, undefined, limitMs);
    });
  }

  /** How many items are in it. */
  size(): number {
    return this.#items.length;
  }

  /** Serves whoever is first on either side, for as long as that helps. */
  #serve(): void {
    while (this.#admitFirst() || this.#feedFirst());
  }

  #admitFirst(): boolean {
    const putter = this.#putters.peek();
    const room = this.#maxSize - this.#items.length;
    // A getter in wait takes its share as soon as the items are in. Without
    // counting that, the two could wait for each other for ever.
    const goesOn = this.#getters.peek()?.count ?? 0;
    if (putter === undefined || putter.count > room + goesOn) return false;
    this.#putters.shift();
    for (const item of putter.items) this.#items.push(item);
    putter.settle(true);
    return true;
  }

  #feedFirst(): boolean {
    const getter = this.#getters.peek();
    if (getter === undefined || getter.count > this.#items.length) return false;
    this.#getters.shift();
    const taken: unknown[] = [];
    while (taken.length < getter.count) taken.push(this.#items.shift());
    getter.settle(taken);
    return true;
  }

  /** Sends a waiter away after its time; at once if that is 0. */
  #expire<T, W extends Waiter<T>>(
    waiters: Fifo<W>,
    waiter: W,
    answer: T,
    timeoutMs: number | undefined,
  ): void {
    if (timeoutMs === undefined) return;
    const giveUp = () => {
      if (!waiters.remove(waiter)) return;
      waiter.settle(answer);
      // It may have stood in the way of a smaller one.
      this.#serve();
    };
    if (timeoutMs <= 0) giveUp();
    else setTimeout(giveUp, timeoutMs);
  }
}

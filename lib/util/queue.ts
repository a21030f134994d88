// A queue that tasks and actors of a session share. Built on the public API
// alone: the items are in an actor, a `Queue` is a face of its handle.

import {
  type ActorHandle,
  type ActorOptions,
  get,
  kill,
  MantaError,
  registerSerializer,
  remote,
} from "../../mod.ts";
import { type Items, QueueActor } from "./queue_actor.ts";
import { checkKeys, checkTimeout, type TimeoutOptions } from "./time_limit.ts";

/** The queue had no room in time. */
export class QueueFullError extends MantaError {
  /** The name of the class. */
  override readonly name: string = "QueueFullError";
  /** Always `queue_full`. */
  override readonly code = "queue_full";
  /** Another try may succeed. */
  override readonly retryable = true;
}

/** The queue had too few items in time. */
export class QueueEmptyError extends MantaError {
  /** The name of the class. */
  override readonly name: string = "QueueEmptyError";
  /** Always `queue_empty`. */
  override readonly code = "queue_empty";
  /** Another try may succeed. */
  override readonly retryable = true;
}

/** Options of a new {@linkcode Queue}. */
export interface QueueOptions {
  /**
   * How many items it holds; `0` is without limit.
   *
   * @default {0}
   */
  readonly maxSize?: number | undefined;
  /** Options of the actor that holds the items. */
  readonly actorOptions?: ActorOptions | undefined;
}

/** Options of {@linkcode Queue.put} and {@linkcode Queue.get}. */
export interface QueueWaitOptions extends TimeoutOptions {
  /**
   * Whether to wait at all; `false` is the same as a `timeout` of 0.
   *
   * @default {true}
   */
  readonly block?: boolean | undefined;
}

/**
 * Those who wait have groups of their own, so that no number of them keeps
 * the calls out that they wait for.
 */
const WAITERS_MAX = 10_000;
const SharedQueue = remote({
  numCpus: 0,
  maxConcurrency: WAITERS_MAX,
  concurrencyGroups: { put: WAITERS_MAX, take: WAITERS_MAX },
  methods: {
    put: { concurrencyGroup: "put" },
    take: { concurrencyGroup: "take" },
  },
}, QueueActor);

/** What is behind a queue; for its serialiser alone. */
let actorOf: (queue: Queue<unknown>) => ActorHandle<QueueActor>;

/**
 * A first-in, first-out queue between tasks, actors and the driver. It can be
 * passed to them as an argument or within a value; all copies are the same
 * queue. The items live in an actor, which ends with the last copy.
 *
 * @typeParam T The type of the items.
 *
 * @example A task that fills a queue while the driver reads it
 * ```ts ignore
 * import { remote } from "manta";
 * import { Queue } from "manta/util";
 *
 * const produce = remote(async function produce(queue: Queue<number>) {
 *   for (let n = 0; n < 3; n++) await queue.put(n);
 * });
 * const queue = new Queue<number>({ maxSize: 2 });
 * produce.remote(queue);
 * for (let n = 0; n < 3; n++) console.log(await queue.get()); // 0, 1, 2
 * ```
 */
export class Queue<T> {
  static {
    actorOf = (queue) => queue.#actor;
  }

  /** How many items it holds at most; `0` is without limit. */
  readonly maxSize: number;
  readonly #actor: ActorHandle<QueueActor>;

  /**
   * Makes a queue, or another door to one.
   *
   * @param options The bound of a new queue.
   * @param actor The actor of a queue that there is already.
   * @throws {TypeError} If `maxSize` is no number or an option is unknown.
   * @throws {RangeError} If `maxSize` is negative or no whole number.
   */
  constructor(options: QueueOptions = {}, actor?: ActorHandle<QueueActor>) {
    checkKeys(options, ["maxSize", "actorOptions"]);
    const { maxSize = 0, actorOptions } = options;
    if (typeof maxSize !== "number") {
      throw new TypeError(
        `Option "maxSize" must be a number, got ${typeof maxSize}`,
      );
    }
    if (!Number.isSafeInteger(maxSize) || maxSize < 0) {
      throw new RangeError(
        `Option "maxSize" must be a whole number from 0 on, got ${maxSize}`,
      );
    }
    this.maxSize = maxSize;
    this.#actor = actor ??
      SharedQueue.options(actorOptions ?? {}).remote(maxSize);
  }

  /**
   * Adds an item, waiting for room.
   *
   * @throws {QueueFullError} If there is no room in time.
   */
  async put(item: T, options: QueueWaitOptions = {}): Promise<void> {
    await this.#put([item], timeoutMs(options));
  }

  /**
   * Takes the first item, waiting for one.
   *
   * @throws {QueueEmptyError} If there is none in time.
   */
  async get(options: QueueWaitOptions = {}): Promise<T> {
    const [item] = await this.#take(1, timeoutMs(options));
    return item as T;
  }

  /**
   * Adds all items or none, without waiting unless a timeout is given.
   *
   * @throws {QueueFullError} If there is no room for all of them.
   */
  async putMany(
    items: Iterable<T>,
    options: TimeoutOptions = {},
  ): Promise<void> {
    const all = [...items];
    const limitMs = timeoutOfMany(options);
    if (all.length > 0) await this.#put(all, limitMs);
  }

  /**
   * Takes so many items or none, without waiting unless a timeout is given.
   *
   * @throws {QueueEmptyError} If there are fewer.
   * @throws {TypeError} If `count` is no number.
   * @throws {RangeError} If it is negative or no whole number.
   */
  async getMany(count: number, options: TimeoutOptions = {}): Promise<T[]> {
    if (typeof count !== "number") {
      throw new TypeError(`A count must be a number, got ${typeof count}`);
    }
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new RangeError(
        `A count must be a whole number from 0 on, got ${count}`,
      );
    }
    const limitMs = timeoutOfMany(options);
    if (count === 0) return [];
    return [...await this.#take(count, limitMs)] as T[];
  }

  /** How many items are in it. */
  async size(): Promise<number> {
    return await get(this.#actor.size.remote());
  }

  /** Whether there is no item in it. */
  async empty(): Promise<boolean> {
    return await this.size() === 0;
  }

  /** Whether there is no room in it. */
  async full(): Promise<boolean> {
    return this.maxSize > 0 && await this.size() >= this.maxSize;
  }

  /**
   * Ends the queue with all its items, for all copies of it. What waits on it,
   * and every later call, rejects with `ActorDiedError`.
   */
  async shutdown(): Promise<void> {
    await kill(this.#actor);
  }

  async #put(items: Items, limitMs: number | undefined): Promise<void> {
    if (await get(this.#actor.put.remote(items, limitMs))) return;
    throw new QueueFullError(
      items.length === 1
        ? `Queue is full: it holds ${this.maxSize} items`
        : `Queue has no room for ${items.length} items: it holds at most ` +
          `${this.maxSize}`,
    );
  }

  async #take(count: number, limitMs: number | undefined): Promise<Items> {
    const items = await get(this.#actor.take.remote(count, limitMs));
    if (items !== undefined) return items;
    throw new QueueEmptyError(
      count === 1 ? "Queue is empty" : `Queue has fewer than ${count} items`,
    );
  }
}

// At the top of the module, so that it runs wherever the module is shipped.
registerSerializer(Queue, {
  name: "manta/util.Queue",
  serialize: (queue) => [actorOf(queue), queue.maxSize] as const,
  deserialize: ([actor, maxSize]) => new Queue<unknown>({ maxSize }, actor),
});
registerSerializer(QueueFullError, {
  name: "manta/util.QueueFullError",
  serialize: ({ message }) => message,
  deserialize: (message) => new QueueFullError(message),
});
registerSerializer(QueueEmptyError, {
  name: "manta/util.QueueEmptyError",
  serialize: ({ message }) => message,
  deserialize: (message) => new QueueEmptyError(message),
});

/** The time limit that the actor is given; `undefined` is none. */
function timeoutMs(options: QueueWaitOptions): number | undefined {
  checkKeys(options, ["block", "timeout"]);
  const { block = true, timeout } = options;
  checkTimeout(timeout);
  if (!block) return 0;
  return timeout === Infinity ? undefined : timeout;
}

/** As `timeoutMs`, with no waiting by default. */
function timeoutOfMany(options: TimeoutOptions): number | undefined {
  checkKeys(options, ["timeout"]);
  return timeoutMs({ timeout: 0, ...options });
}

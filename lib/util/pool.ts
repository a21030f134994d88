// A pool that runs functions over many arguments, after Python's
// `multiprocessing.Pool`. Built on the public API alone: each item is a task,
// and the pool only bounds how many are under way.

import {
  cancel,
  clusterResources,
  get,
  MantaError,
  type ObjectRef,
  remote,
  type RemoteFunction,
  TaskCancelledError,
  type TaskOptions,
} from "../../mod.ts";
import { AsyncResult } from "./async_result.ts";
import { Fifo } from "./fifo.ts";
import {
  type ArgumentList,
  checkCount,
  type Chunk,
  chunked,
  chunkSizeOf,
  type MapOptions,
  READ_AHEAD,
  readChunks,
  singles,
} from "./pool_chunks.ts";

/** The pool is closed, or must be closed before it can be joined. */
export class PoolStateError extends MantaError {
  /** The name of the class. */
  override readonly name: string = "PoolStateError";
  /** Always `pool_state`. */
  override readonly code = "pool_state";
}

/** What a pool can run: a plain function, or one that is remote already. */
export type PoolFunction<A extends readonly unknown[], R> =
  | ((...args: A) => R)
  | RemoteFunction<(...args: A) => R>;

/** A task of any function, as far as the pool knows it. */
interface Task {
  remote(...args: unknown[]): ObjectRef<unknown>;
}

/**
 * Runs functions on other cores and machines, a bounded number at a time. The
 * functions are made remote as `remote()` does it, so that they can use what
 * their module has, and cannot use variables of an enclosing function.
 *
 * @example Squaring numbers, four at a time
 * ```ts ignore
 * import { Pool } from "manta/util";
 *
 * function square(x: number) {
 *   return x * x;
 * }
 * await using pool = new Pool(4);
 * console.log(await pool.map(square, [1, 2, 3])); // [1, 4, 9]
 * ```
 */
export class Pool {
  readonly #options: TaskOptions<1>;
  readonly #tasks = new WeakMap<object, Task>();
  readonly #running = new Set<ObjectRef<unknown>>();
  readonly #jobs = new Set<Promise<unknown>>();
  readonly #waiting = new Fifo<PromiseWithResolvers<void>>();
  #size: Promise<number> | undefined;
  #free = 0;
  #state: "open" | "closed" | "terminated" = "open";

  /**
   * Makes a pool; no task is started yet.
   *
   * @param processes How many tasks are under way at most; the number of the
   * cluster's CPUs by default.
   * @param options Options of the tasks, such as `{ numCpus: 0.5 }`.
   * @throws {TypeError} If `processes` is no number.
   * @throws {RangeError} If `processes` is below 1 or no whole number.
   */
  constructor(processes?: number, options: TaskOptions<1> = {}) {
    if (processes !== undefined) {
      checkCount(processes, "The number of processes");
      this.#free = processes;
      this.#size = Promise.resolve(processes);
    }
    this.#options = options;
  }

  /**
   * Runs the function with these arguments.
   *
   * @returns What the function returns.
   */
  async apply<const A extends readonly unknown[], R>(
    fn: PoolFunction<A, R>,
    ...[args]: A extends readonly [] ? [args?: A] : [args: A]
  ): Promise<Awaited<R>> {
    const task = this.#task(fn);
    const job = this.#runChunk(task, [args ?? []]);
    return (await this.#track(job))[0] as Awaited<R>;
  }

  /** As {@linkcode apply}, in the background. */
  applyAsync<const A extends readonly unknown[], R>(
    fn: PoolFunction<A, R>,
    ...args: A extends readonly [] ? [args?: A] : [args: A]
  ): AsyncResult<Awaited<R>> {
    return this.#inBackground(this.apply(fn, ...args));
  }

  /**
   * Runs the function once per item.
   *
   * @returns The results in the order of the items. The first error rejects
   * at once, and what was not started is not.
   */
  async map<A, R>(
    fn: PoolFunction<[item: A], R>,
    items: Iterable<A>,
    options: MapOptions = {},
  ): Promise<Awaited<R>[]> {
    const task = this.#task(fn);
    return await this.#mapAll(task, singles(items), options) as Awaited<R>[];
  }

  /** As {@linkcode map}, in the background. */
  mapAsync<A, R>(
    fn: PoolFunction<[item: A], R>,
    items: Iterable<A>,
    options: MapOptions = {},
  ): AsyncResult<Awaited<R>[]> {
    return this.#inBackground(this.map(fn, items, options));
  }

  /** As {@linkcode map}, with a list of arguments for each call. */
  async starmap<A extends readonly unknown[], R>(
    fn: PoolFunction<A, R>,
    argumentLists: Iterable<A>,
    options: MapOptions = {},
  ): Promise<Awaited<R>[]> {
    const task = this.#task(fn);
    return await this.#mapAll(task, argumentLists, options) as Awaited<R>[];
  }

  /** As {@linkcode starmap}, in the background. */
  starmapAsync<A extends readonly unknown[], R>(
    fn: PoolFunction<A, R>,
    argumentLists: Iterable<A>,
    options: MapOptions = {},
  ): AsyncResult<Awaited<R>[]> {
    return this.#inBackground(this.starmap(fn, argumentLists, options));
  }

  /**
   * Runs the function once per item, starting at once and staying a little
   * ahead of the reader, so that the items may be endless.
   *
   * @returns The results in the order of the items; an error ends them.
   */
  imap<A, R>(
    fn: PoolFunction<[item: A], R>,
    items: Iterable<A>,
    options: MapOptions = {},
  ): AsyncGenerator<Awaited<R>, void, void> {
    const chunks = chunked(singles(items), chunkSizeOf(options));
    return this.#stream(this.#task(fn), chunks, "ordered");
  }

  /** As {@linkcode imap}, with the results in the order they are ready. */
  imapUnordered<A, R>(
    fn: PoolFunction<[item: A], R>,
    items: Iterable<A>,
    options: MapOptions = {},
  ): AsyncGenerator<Awaited<R>, void, void> {
    const chunks = chunked(singles(items), chunkSizeOf(options));
    return this.#stream(this.#task(fn), chunks, "unordered");
  }

  /** Takes no more work; what was given to it goes on. */
  close(): void {
    if (this.#state === "open") this.#state = "closed";
  }

  /**
   * Waits until all work is done, failed or not.
   *
   * @throws {PoolStateError} If the pool is open.
   */
  async join(): Promise<void> {
    if (this.#state === "open") {
      throw new PoolStateError(
        "Cannot join a pool that is open: call close() or terminate() first",
      );
    }
    while (this.#jobs.size > 0) await Promise.allSettled(this.#jobs);
  }

  /** Ends all work at once; its results reject with `TaskCancelledError`. */
  async terminate(): Promise<void> {
    this.#state = "terminated";
    let waiter: PromiseWithResolvers<void> | undefined;
    while ((waiter = this.#waiting.shift()) !== undefined) {
      waiter.reject(terminated());
    }
    const cancelled = [...this.#running].map(async (ref) => {
      await cancel(ref, { force: true });
    });
    await Promise.all(cancelled);
  }

  /** As `terminate()`, and waits for the end. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.terminate();
    await this.join();
  }

  /**
   * The function as a task. Called in the turn of the user's own call: that
   * is how `remote()` finds the function in the user's source.
   */
  #task(fn: unknown): Task {
    if (this.#state !== "open") {
      throw new PoolStateError("Cannot give work to a pool that is closed");
    }
    if (typeof fn !== "function") {
      throw new TypeError(`A pool runs functions, got ${typeof fn}`);
    }
    let task = this.#tasks.get(fn);
    if (task === undefined) {
      const remoteFunction = "remote" in fn
        ? fn as unknown as RemoteFunction<() => unknown>
        : remote(fn as () => unknown);
      task = remoteFunction.options(this.#options) as unknown as Task;
      this.#tasks.set(fn, task);
    }
    return task;
  }

  async #mapAll(
    task: Task,
    argumentLists: Iterable<ArgumentList>,
    options: MapOptions,
  ): Promise<unknown[]> {
    // Taken now: the caller may change its array later.
    const chunks = [...chunked(argumentLists, chunkSizeOf(options))];
    const results: unknown[][] = new Array(chunks.length);
    let next = 0;
    const lane = async () => {
      while (next < chunks.length) {
        const index = next++;
        try {
          results[index] = await this.#runChunk(task, chunks[index]!);
        } catch (error) {
          next = chunks.length;
          throw error;
        }
      }
    };
    const job = this.#poolSize().then((size) =>
      Promise.all(Array.from({ length: Math.min(size, chunks.length) }, lane))
    );
    await this.#track(job);
    return results.flat();
  }

  #stream<R>(
    task: Task,
    chunks: Iterator<readonly ArgumentList[]>,
    order: "ordered" | "unordered",
  ): AsyncGenerator<R, void, void> {
    const started = new Set<Promise<Chunk>>();
    const fill = (size: number) => {
      while (started.size < size * READ_AHEAD) {
        const next = chunks.next();
        if (next.done) return;
        const chunk: Promise<Chunk> = this.#track(
          this.#runChunk(task, next.value),
        ).then((values) => ({ values, self: chunk }));
        chunk.catch(() => {}); // Read below, or left alone with the iteration.
        started.add(chunk);
      }
    };
    const sized = this.#poolSize().then((size) => (fill(size), size));
    sized.catch(() => {});
    return readChunks<R>(started, sized, fill, order, chunks);
  }

  /** Runs the items of a chunk together, once the pool has room for one. */
  async #runChunk(
    task: Task,
    argumentLists: readonly ArgumentList[],
  ): Promise<unknown[]> {
    await this.#acquire();
    const refs: ObjectRef<unknown>[] = [];
    try {
      for (const args of argumentLists) {
        const ref = task.remote(...args);
        refs.push(ref);
        this.#running.add(ref);
      }
      return await get(refs);
    } finally {
      for (const ref of refs) this.#running.delete(ref);
      this.#release();
    }
  }

  async #acquire(): Promise<void> {
    await this.#poolSize();
    if (this.#state === "terminated") throw terminated();
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    const waiter = Promise.withResolvers<void>();
    this.#waiting.push(waiter);
    await waiter.promise;
  }

  #release(): void {
    const waiter = this.#waiting.shift();
    if (waiter === undefined) this.#free++;
    else waiter.resolve();
  }

  #poolSize(): Promise<number> {
    this.#size ??= clusterResources().then((resources) => {
      const size = Math.max(1, Math.floor(resources["CPU"] ?? 1));
      this.#free = size;
      return size;
    });
    return this.#size;
  }

  /** Who has joined the pool finds the result ready. */
  #inBackground<T>(job: Promise<T>): AsyncResult<T> {
    const result = new AsyncResult(job);
    void this.#track(result.wait());
    return result;
  }

  async #track<T>(job: Promise<T>): Promise<T> {
    this.#jobs.add(job);
    try {
      return await job;
    } finally {
      this.#jobs.delete(job);
    }
  }
}

function terminated(): TaskCancelledError {
  return new TaskCancelledError("The pool was terminated");
}

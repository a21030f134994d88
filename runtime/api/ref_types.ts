// The types of references to objects and of the calls that read them. Types
// only: the classes behind them are in the owner, and nothing here may import
// from another part.

/**
 * The key of the phantom property that gives `ObjectRef<T>` its `T`. It does
 * not exist at run time; it keeps other objects with an `id` from being taken
 * for refs.
 */
export declare const refValue: unique symbol;

/**
 * A reference to an object: a value that was `put`, or that a task or an
 * actor's method will return.
 *
 * A ref can be passed to tasks and actors (as a top-level argument it is
 * resolved to its value first; nested in a value it stays a ref), returned
 * from them, and read with {@linkcode get}. It is not thenable, so that it
 * passes through `async` functions as a ref: `await ref` is the ref itself.
 *
 * The object lives as long as any ref to it can be reached, anywhere in the
 * session. Dropping the last ref frees it; `ref[Symbol.dispose]()` gives this
 * ref up at once, after which reading it rejects with `ObjectLostError`.
 *
 * @typeParam T The type of the object's value.
 *
 * @example Giving up a large object at the end of a scope
 * ```ts ignore
 * import { get, put } from "manta";
 *
 * {
 *   using ref = await put(new Float64Array(10_000_000));
 *   console.log((await get(ref)).length);
 * } // freed here
 * ```
 */
export interface ObjectRef<T> {
  /** The object's id, such as `o-x4k2…-1f`; the same for all its refs. */
  readonly id: string;
  /** Gives this ref up; the object is freed when it was the last. */
  [Symbol.dispose](): void;
  /** Carries the type; never present at run time. */
  readonly [refValue]: T;
}

/**
 * What a remote generator gives: refs to the items, one per `yield`, as they
 * are yielded, while the task runs on.
 *
 * An error after `k` items is the item `k + 1`: a ref that rejects, after
 * which the iteration ends. Leaving a `for await` loop early, `return()` and
 * `[Symbol.dispose]()` drop the items that were not read and cancel the task.
 * A generator has one reader and cannot be passed to tasks.
 *
 * @typeParam Y The type of the items.
 *
 * @example Reading items while they are made
 * ```ts ignore
 * import { get, remote } from "manta";
 *
 * const countTo = remote(function* countTo(last: number) {
 *   for (let n = 1; n <= last; n++) yield n;
 * });
 * for await (const ref of countTo.remote(3)) console.log(await get(ref));
 * ```
 */
export interface ObjectRefGenerator<Y> {
  /** The generator itself. */
  [Symbol.asyncIterator](): ObjectRefGenerator<Y>;
  /** The ref of the next item, as soon as it is yielded. */
  next(): Promise<IteratorResult<ObjectRef<Y>, undefined>>;
  /** Ends the iteration, drops the unread items and cancels the task. */
  return(): Promise<IteratorResult<ObjectRef<Y>, undefined>>;
  /**
   * A ref of the whole: ready when the task has ended, rejecting if it
   * failed. The items are read by iterating, not through this ref.
   */
  completed(): ObjectRef<undefined>;
  /** As `return()`, without waiting. */
  [Symbol.dispose](): void;
}

/** Any ref: for parameters that do not care about the value. */
export type AnyObjectRef = ObjectRef<unknown>;

/** The type of the value of a ref `R`. */
export type RefValue<R> = R extends ObjectRef<infer T> ? T : never;

/**
 * The values of an array or tuple of refs, position by position.
 *
 * `[ObjectRef<A>, ObjectRef<B>]` gives `[A, B]`, `ObjectRef<A>[]` gives `A[]`.
 */
export type RefValues<R extends readonly AnyObjectRef[]> = 0 extends 1 & R ? R
  : { -readonly [Index in keyof R]: RefValue<R[Index]> };

/** Options of {@linkcode get}. */
export interface GetOptions {
  /**
   * How long to wait, in milliseconds; `0` takes only what is ready.
   *
   * @default {undefined} no limit
   */
  readonly timeout?: number | undefined;
}

/** Options of {@linkcode wait}. */
export interface WaitOptions {
  /**
   * How many refs to wait for: 1 up to the number of refs.
   *
   * @default {1}
   */
  readonly numReturns?: number | undefined;
  /**
   * How long to wait, in milliseconds; `0` looks without waiting.
   *
   * @default {undefined} no limit
   */
  readonly timeout?: number | undefined;
  /**
   * Whether a ref counts as ready only once its object is on this node.
   *
   * @default {true}
   */
  readonly fetchLocal?: boolean | undefined;
}

/** Options of {@linkcode cancel}. */
export interface CancelOptions {
  /**
   * Whether to end the thread that runs the task, whatever it is doing. Not
   * for the tasks of actors.
   *
   * @default {false}
   */
  readonly force?: boolean | undefined;
  /**
   * Whether to cancel the tasks that the task started, too.
   *
   * @default {true}
   */
  readonly recursive?: boolean | undefined;
}

/** How a class is carried between threads; see `registerSerializer`. */
export interface Serializer<T, D = unknown> {
  /** The name under which both sides know the class; unique per session. */
  readonly name: string;
  /** Gives a value of serialisable parts that stands for the instance. */
  serialize(instance: T): D;
  /** Makes the instance again from what `serialize` gave. */
  deserialize(parts: D): T;
}

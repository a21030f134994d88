// The types of remote functions: what `.remote()` takes and what it gives.
// Types only.

import type { TaskOptions } from "./option_types.ts";
import type { ObjectRef, ObjectRefGenerator } from "./ref_types.ts";

/** Any function that can be made remote. */
export type AnyFunction = (...args: never[]) => unknown;

/**
 * An argument of a remote call: a value, or a ref to it, which is resolved
 * before the task starts. A parameter that is itself a ref takes a ref to a
 * ref; pass refs on by nesting them in an array or object.
 */
export type RemoteArg<T> = Exclude<T, ObjectRef<unknown>> | ObjectRef<T>;

/** The parameters `P` of a function, each of which may be given as a ref. */
export type RemoteArgs<P extends readonly unknown[]> = {
  [Index in keyof P]: RemoteArg<P[Index]>;
};

/**
 * A function that runs as a task, made by {@linkcode remote}.
 *
 * Calling it directly is a `TypeError`: a call says where it runs.
 *
 * @typeParam F The plain function.
 * @typeParam N The literal type of the `numReturns` option.
 *
 * @example Arguments may be refs
 * ```ts ignore
 * import { get, remote } from "manta";
 *
 * const add = remote(function add(a: number, b: number) {
 *   return a + b;
 * });
 * const three = add.remote(1, 2); // ObjectRef<number>
 * console.log(await get(add.remote(three, 4))); // 7
 * ```
 */
export interface RemoteFunction<F extends AnyFunction, N extends number = 1> {
  /**
   * Starts a task and returns at once.
   *
   * @param args The arguments of the function; each may be a ref.
   * @returns A ref of the result, a tuple of refs with `numReturns > 1`,
   * `undefined` with `numReturns: 0`, or a generator of refs.
   * @throws {TypeError} If there are too few or too many arguments.
   * @throws {CaptureError} If the function uses variables of an enclosing
   * function.
   * @throws {SerializationError} If an argument cannot be serialised.
   */
  remote(...args: RemoteArgs<Parameters<F>>): CallResult<ReturnType<F>, N>;
  /**
   * A copy with other options, over those it has.
   *
   * @throws {TypeError} If a key is unknown or a value has the wrong type.
   * @throws {RangeError} If a value is out of range.
   */
  options<const M extends number = N>(
    options: TaskOptions<M>,
  ): RemoteFunction<F, M>;
  /** The plain function, to be called on this thread. */
  readonly local: F;
}

/** What a call gives whose function returns `R`, with `numReturns: N`. */
export type CallResult<R, N extends number = 1> = IsGenerator<R> extends true
  ? Stream<R, N>
  : Refs<Awaited<R>, N>;

/**
 * The refs of a result `V`, with `numReturns: N`. Where `N` is only known to
 * be a number, all that it can be.
 */
type Refs<V, N extends number> = number extends N
  ? ObjectRef<V> | ObjectRef<Part<V>>[] | undefined
  : N extends 0 ? undefined
  : N extends 1 ? ObjectRef<V>
  : RefTuple<V, N>;

/**
 * One ref per part of the array `V`. Above 99 a tuple would cost the compiler
 * more than it tells, so that it is an array.
 */
type RefTuple<V, N extends number> = IsAny<V> extends true
  ? Repeat<ObjectRef<V>, N>
  : V extends readonly unknown[]
    ? number extends V["length"] ? Repeat<ObjectRef<V[number]>, N>
    : V["length"] extends N
      ? { -readonly [Index in keyof V]: ObjectRef<V[Index]> }
    : never
  : unknown extends V ? Repeat<ObjectRef<unknown>, N>
  : never;

type Part<V> = V extends readonly (infer E)[] ? E : unknown;

type Repeat<E, N extends number> = `${N}` extends
  `${number}${number}${number}${string}` ? E[] : RepeatExact<E, N>;

type RepeatExact<E, N extends number, T extends E[] = []> = T["length"] extends
  N ? T : RepeatExact<E, N, [...T, E]>;

/** A generator has no several returns: `numReturns` is a `TypeError` there. */
type Stream<R, N extends number> = N extends 1
  ? ObjectRefGenerator<Awaited<Item<R>>>
  : number extends N ? ObjectRefGenerator<Awaited<Item<R>>>
  : never;

/**
 * Whether `R` is what generator functions return, inferred or declared as one
 * of the wider interfaces. An array has more keys than an `Iterable` and is a
 * plain value.
 */
type IsGenerator<R> = IsAny<R> extends true ? false
  : [R] extends [never] ? false
  : [R] extends [AnyIterator] ? true
  : [R] extends [Iterable<unknown>]
    ? [keyof R] extends [typeof Symbol.iterator] ? true : false
  : [R] extends [AsyncIterable<unknown>]
    ? [keyof R] extends [typeof Symbol.asyncIterator] ? true : false
  : false;

type AnyIterator =
  | Iterator<unknown, unknown, never>
  | AsyncIterator<unknown, unknown, never>;

type Item<R> = R extends Iterator<infer Y, unknown, never> ? Y
  : R extends AsyncIterator<infer Y, unknown, never> ? Y
  : R extends Iterable<infer Y> ? Y
  : R extends AsyncIterable<infer Y> ? Y
  : never;

type IsAny<T> = 0 extends 1 & T ? true : false;

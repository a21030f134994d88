// The types of remote classes and of the handles of their actors. Types only:
// what is behind them is in `actor_class.ts` and `actor_handle.ts`.

import type { AnyFunction, CallResult, RemoteArgs } from "./function_types.ts";
import type { ActorOptions, MethodOptions } from "./option_types.ts";

/** Any class that can be made remote. */
export type AnyClass = new (...args: never[]) => object;

/** The key of the phantom property that gives `ActorHandle<T>` its `T`. */
export declare const actorType: unique symbol;

/**
 * A class whose instances are actors, made by {@linkcode remote}.
 *
 * Making an instance directly is a `TypeError`: actors are made by `.remote()`.
 *
 * @typeParam C The plain class.
 * @typeParam M The type of the `methods` option.
 *
 * @example An actor that counts
 * ```ts ignore
 * import { get, remote } from "manta";
 *
 * const Counter = remote(class Counter {
 *   #n = 0;
 *   increment(by = 1) {
 *     return (this.#n += by);
 *   }
 * });
 * const counter = Counter.remote();
 * console.log(await get(counter.increment.remote(5))); // 5
 * ```
 */
export interface ActorClass<C extends AnyClass, M = unknown> {
  /**
   * Starts an actor and returns its handle at once. An error of the
   * constructor rejects the actor's calls.
   *
   * @param args The arguments of the constructor; each may be a ref.
   * @throws {TypeError} If there are too few or too many arguments.
   * @throws {CaptureError} If the class uses variables of an enclosing
   * function.
   * @throws {SerializationError} If an argument cannot be serialised.
   */
  remote(
    ...args: RemoteArgs<ConstructorParameters<C>>
  ): ActorHandle<InstanceType<C>, M>;
  /**
   * A copy with other options, over those it has.
   *
   * @throws {TypeError} If a key is unknown or a value has the wrong type.
   * @throws {RangeError} If a value is out of range.
   */
  options<const P extends MethodOptionsOf<InstanceType<C>> = NoMethodOptions>(
    options: ActorOptions<P>,
  ): ActorClass<C, NoMethodOptions extends P ? M : P>;
  /** The plain class, whose instances live on this thread. */
  readonly local: C;
}

/**
 * A handle of an actor: each public method of `T` as
 * `{ remote(...), options(...) }`. Getters and fields are not reachable, nor
 * is a name that `T` does not have: a compile error, and a `TypeError` at run
 * time.
 *
 * A handle can be passed to tasks and actors. The actor lives as long as any
 * handle to it, unless it is detached; `[Symbol.dispose]()` gives this one up.
 *
 * @typeParam T The type of the class's instances. Without it, every name is
 * taken for a method with a result of type `unknown`.
 * @typeParam M The type of the `methods` option of the class.
 *
 * @example Naming the type of a handle
 * ```ts ignore
 * import { type ActorHandle, get, remote } from "manta";
 *
 * class Counter {
 *   #n = 0;
 *   increment(by = 1) {
 *     return (this.#n += by);
 *   }
 * }
 * const addTen = remote(async function addTen(counter: ActorHandle<Counter>) {
 *   return await get(counter.increment.remote(10));
 * });
 * const counter = remote(Counter).remote();
 * console.log(await get(addTen.remote(counter))); // 10
 * ```
 */
export type ActorHandle<T = UntypedActor, M = unknown> =
  & AnyActorHandle<T>
  & {
    readonly [K in MethodName<T>]: ActorMethod<
      MethodOf<T, K>,
      NumReturns<M, K>
    >;
  };

/** What all handles have in common: for parameters that take any actor. */
export interface AnyActorHandle<T = unknown> {
  /**
   * Gives this handle up, so that `using` works: when it was the last, the
   * actor ends as soon as the calls that were made are done. Using the handle
   * after that is a `TypeError`.
   */
  [Symbol.dispose](): void;
  /** Carries the type; never present at run time. */
  readonly [actorType]: T;
}

/** What a handle stands for when its class is not known. */
export type UntypedActor = Readonly<
  Record<string, (...args: unknown[]) => unknown>
>;

/**
 * A method of an actor, as its handle has it.
 *
 * @typeParam F The plain method.
 * @typeParam N The literal type of its `numReturns` option.
 */
export interface ActorMethod<F extends AnyFunction, N extends number = 1> {
  /**
   * Calls the method and returns at once. Calls from one caller run in the
   * order they were made.
   *
   * @param args The arguments of the method; each may be a ref.
   * @returns A ref of the result, a tuple of refs with `numReturns > 1`,
   * `undefined` with `numReturns: 0`, or a generator of refs.
   * @throws {TypeError} If there are too few or too many arguments.
   * @throws {SerializationError} If an argument cannot be serialised.
   * @throws {PendingCallsLimitError} If the handle has `maxPendingCalls`
   * unfinished calls.
   */
  remote(...args: RemoteArgs<Parameters<F>>): CallResult<ReturnType<F>, N>;
  /**
   * The method with other options, over those of its class.
   *
   * @throws {TypeError} If a key is unknown or a value has the wrong type.
   * @throws {RangeError} If a value is out of range.
   */
  options<const P extends number = N>(
    options: MethodOptions<P>,
  ): ActorMethod<F, P>;
}

/** The names of the public methods of `T`. */
export type MethodName<T> = {
  [K in keyof T & string]: T[K] extends AnyFunction ? K : never;
}[keyof T & string];

/** What the `methods` option of a class with instances `T` may hold. */
export type MethodOptionsOf<T> = {
  readonly [K in MethodName<T>]?: MethodOptions | undefined;
};

/** What the `methods` option is where it is not given. */
export type NoMethodOptions = Record<never, MethodOptions>;

/** Options of `getActor()`. */
export interface GetActorOptions {
  /**
   * The namespace to look in.
   *
   * @default {undefined} the session's
   */
  readonly namespace?: string | undefined;
}

/** Options of `kill()`. */
export interface KillOptions {
  /**
   * Whether the actor stays dead even if it has restarts left.
   *
   * @default {true}
   */
  readonly noRestart?: boolean | undefined;
}

type MethodOf<T, K extends keyof T> = T[K] extends AnyFunction ? T[K] : never;

type NumReturns<M, K extends PropertyKey> = M extends {
  readonly [P in K]: { readonly numReturns: infer N extends number };
} ? N
  : 1;

// Objects and their refs as users see them: `put`, `get`, `wait`, `cancel`.
// Checks what is given and leaves the rest to the session.

import {
  resolveCancelOptions,
  resolveGetOptions,
  resolveWaitOptions,
} from "./call_options.ts";
import type {
  AnyObjectRef,
  CancelOptions,
  GetOptions,
  ObjectRef,
  RefValues,
  WaitOptions,
} from "./ref_types.ts";
import { ObjectLostError } from "../base/errors.ts";
import {
  activeSession,
  apiWiring,
  type Session,
  type SessionRef,
} from "./session_port.ts";
import { currentSession } from "./session.ts";
import { shown } from "./option_checks.ts";
import { isGenerator, taskRefOf } from "./generator.ts";

/**
 * Puts a value into the object store. It is serialised before `put` returns,
 * so that later changes to it are not seen.
 *
 * @param value Anything that can be serialised; not an `ObjectRef`.
 * @returns A ref of it, once the store has accepted it.
 * @throws {TypeError} If the value is an `ObjectRef`.
 * @throws {SerializationError} If a part of it cannot be serialised.
 * @throws {ObjectStoreFullError} If it can never fit the store, or all that is
 * in the store is in use and stays so.
 * @throws {OutOfDiskError} If the store is full, and so is the disk behind it.
 *
 * @example Sharing a large array with many tasks
 * ```ts ignore
 * import { get, put, remote } from "manta";
 *
 * const sum = remote(function sum(numbers: Float64Array, from: number) {
 *   return numbers.subarray(from, from + 1000).reduce((a, b) => a + b);
 * });
 * const numbers = await put(new Float64Array(1_000_000).fill(1));
 * console.log(await get([0, 1000].map((from) => sum.remote(numbers, from))));
 * ```
 */
export async function put<T>(value: T): Promise<ObjectRef<T>> {
  const session = currentSession();
  if (isRef(value)) {
    throw new TypeError(
      "Cannot put an ObjectRef: it is a ref already. Put a value that " +
        "contains it, such as [ref], if a ref to the ref is wanted",
    );
  }
  return await session.holdOpen(session.put(value)) as ObjectRef<T>;
}

/** The value of a ref; see the other signature for several. */
export function get<T>(ref: ObjectRef<T>, options?: GetOptions): Promise<T>;
/**
 * The value of a ref, or the values of several, in their order. Any failure
 * rejects at once, without waiting for the rest.
 *
 * @param refs One ref, or an array of them; duplicates are allowed.
 * @param options The time limit.
 * @throws {TypeError} If something else than refs is given.
 * @throws {GetTimeoutError} If a value is not ready in time.
 * @throws {TaskError} If the task failed; `cause` is what it threw.
 *
 * @example
 * ```ts ignore
 * import { get, remote } from "manta";
 *
 * const square = remote(function square(x: number) {
 *   return x * x;
 * });
 * console.log(await get([1, 2, 3].map((x) => square.remote(x)))); // [1, 4, 9]
 * ```
 */
export function get<const R extends readonly AnyObjectRef[]>(
  refs: R,
  options?: GetOptions,
): Promise<RefValues<R>>;
export async function get(
  refs: unknown,
  options?: GetOptions,
): Promise<unknown> {
  const timeoutMs = resolveGetOptions(options);
  if (isRef(refs)) return await sessionOf([refs]).get(refs, timeoutMs);
  if (!Array.isArray(refs)) {
    throw notARef("get", refs, "an ObjectRef or an array of them");
  }
  for (const ref of refs) {
    if (!isRef(ref)) throw notARef("get", ref, "only ObjectRefs");
  }
  // A copy: the caller may change its array in the meantime.
  return await sessionOf(refs).getAll([...refs], timeoutMs);
}

/**
 * Waits until some of the refs are ready: finished, failed or cancelled.
 *
 * @param refs The refs, without duplicates.
 * @param options How many to wait for, and for how long.
 * @returns The ready refs, at most `numReturns`, and the others; both in the
 * order given.
 * @throws {TypeError} If something else than an array of refs is given.
 * @throws {RangeError} If refs are doubled or an option is out of range.
 *
 * @example
 * ```ts ignore
 * import { get, remote, wait } from "manta";
 *
 * const nap = remote(async function nap(ms: number) {
 *   await new Promise((wake) => setTimeout(wake, ms));
 *   return ms;
 * });
 * const [ready, pending] = await wait([nap.remote(10), nap.remote(60_000)]);
 * console.log(await get(ready), pending.length); // [10] 1
 * ```
 */
export async function wait<R extends AnyObjectRef>(
  refs: readonly R[],
  options?: WaitOptions,
): Promise<[ready: R[], pending: R[]]> {
  const all = checkedRefs(refs);
  if (all.length === 0) {
    resolveWaitOptions({ ...options, numReturns: 1 }, 1);
    return [[], []];
  }
  const { numReturns, timeoutMs } = resolveWaitOptions(options, all.length);
  await sessionOf(all).waitFor(all, numReturns, timeoutMs);
  return splitByReady(all, numReturns);
}

/**
 * The refs in the order in which they become ready.
 *
 * @param refs The refs, without duplicates.
 * @throws {TypeError} If something else than an array of refs is given.
 * @throws {RangeError} If refs are doubled.
 *
 * @example
 * ```ts ignore
 * import { asCompleted, get, remote } from "manta";
 *
 * const square = remote(function square(x: number) {
 *   return x * x;
 * });
 * const refs = [1, 2, 3].map((x) => square.remote(x));
 * for await (const ref of asCompleted(refs)) console.log(await get(ref));
 * ```
 */
export async function* asCompleted<T>(
  refs: readonly ObjectRef<T>[],
): AsyncGenerator<ObjectRef<T>, void, undefined> {
  let pending = checkedRefs(refs);
  while (pending.length > 0) {
    await sessionOf(pending).waitFor(pending, 1, undefined);
    let ready: readonly ObjectRef<T>[];
    [ready, pending] = splitByReady(pending, pending.length);
    yield* ready;
  }
}

/** A copy, since the caller may change its array in the meantime. */
function checkedRefs<R extends AnyObjectRef>(refs: readonly R[]): R[] {
  if (!Array.isArray(refs)) throw notARef("wait", refs, "an array of refs");
  const copy = [...refs] as R[];
  const { isRef, hasDoubles } = apiWiring();
  for (const ref of copy) {
    if (!isRef(ref)) throw notARef("wait", ref, "only ObjectRefs");
  }
  if (!hasDoubles(copy)) return copy;
  throw new RangeError("Cannot wait for a ref twice: the list has duplicates");
}

/** Those that are ready, at most so many, and the others. */
function splitByReady<R extends AnyObjectRef>(
  refs: readonly R[],
  most: number,
): [ready: R[], pending: R[]] {
  const session = sessionOf(refs);
  const ready: R[] = [];
  const pending: R[] = [];
  for (const ref of refs) {
    const isReady = ready.length < most && session.isReady(ref);
    (isReady ? ready : pending).push(ref);
  }
  return [ready, pending];
}

/**
 * Cancels the task behind a ref. One that waits never runs; one that runs has
 * its `context().signal` aborted. `get` then rejects with
 * `TaskCancelledError`. A finished task is not affected.
 *
 * @param ref A result of the task, or the generator of a stream.
 * @param options `force` ends the thread of a task that does not listen;
 * `recursive` (the default) cancels the tasks that it has started, too.
 * @throws {TypeError} If no ref is given, or `force` for an actor's method.
 *
 * @example
 * ```ts ignore
 * import { cancel, remote } from "manta";
 *
 * const spin = remote(function spin() {
 *   while (true);
 * });
 * const ref = spin.remote();
 * cancel(ref, { force: true });
 * ```
 */
export function cancel(
  ref: AnyObjectRef | { completed(): AnyObjectRef },
  options?: CancelOptions,
): void {
  const { force, recursive } = resolveCancelOptions(options);
  const task = isGenerator(ref) ? taskRefOf(ref) : ref;
  if (!isRef(task)) throw notARef("cancel", ref, "an ObjectRef");
  // With a session that has ended, its tasks have, too.
  activeSession()?.cancel(task, force, recursive);
}

function isRef(value: unknown): value is SessionRef {
  return apiWiring().isRef(value);
}

/** The session to read refs with; those of an ended one begin no other. */
function sessionOf(refs: readonly { readonly id: string }[]): Session {
  const session = activeSession();
  if (session || refs.length === 0) return currentSession();
  const { id } = refs[0]!;
  throw new ObjectLostError(
    `Cannot read object ${id}: its session has ended`,
    { details: { objectId: id } },
  );
}

function notARef(call: string, value: unknown, wanted: string): TypeError {
  return new TypeError(`${call}() takes ${wanted}, got ${shown(value)}`);
}

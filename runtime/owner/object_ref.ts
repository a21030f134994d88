// The ref of an object, in the thread that holds it. For the objects that the
// thread owns, the ref is the record itself: a small value lives in it and
// goes with it, by the runtime's own garbage collection.

import { objectIdText, type WorkerId } from "../base/ids.ts";

/** What is known of an object. `failed` holds a `WireError` in `value`. */
export type RefState =
  | "pending"
  | "primitive"
  | "payload"
  | "stored"
  | "failed"
  | "gone";

/** Somebody who waits for a ref; called once, in the turn it settles. */
export interface RefWaiter {
  settled(ref: ObjectRef): void;
}

/** Who a ref belongs to in its thread: the part that looks after refs. */
export interface RefKeeper {
  dispose(ref: ObjectRef): void;
}

const INSPECT = Symbol.for("nodejs.util.inspect.custom");
const DENO_INSPECT = Symbol.for("Deno.customInspect");

/** See the head of the file; users know it by `api/types.ts`. */
export class ObjectRef {
  readonly keeper: RefKeeper;
  readonly ownerId: WorkerId;
  /** The owner's number for the object. */
  readonly number: number;
  state: RefState = "pending";
  /**
   * By state: the primitive, the codec's bytes, the number that the store has
   * the value by, or the `WireError`.
   */
  value: unknown = undefined;
  /** Refs and handles inside the value: they live as long as it does. */
  contained: readonly object[] | undefined = undefined;
  waiters: RefWaiter | RefWaiter[] | undefined = undefined;
  /** Tasks and values under way that need the object. */
  pins = 0;
  /** The user gave it up; nothing but pins and borrowers keep it. */
  disposed = false;
  /** Its failure was reported to somebody. */
  seen = false;

  constructor(keeper: RefKeeper, ownerId: WorkerId, number: number) {
    this.keeper = keeper;
    this.ownerId = ownerId;
    this.number = number;
  }

  /** The object's id, the same wherever the ref travels. */
  get id(): string {
    return objectIdText(this.ownerId, this.number);
  }

  /** Drops the object now instead of when the ref is collected. */
  [Symbol.dispose](): void {
    this.keeper.dispose(this);
  }

  [INSPECT](): string {
    return `ObjectRef(${this.id})`;
  }

  [DENO_INSPECT](): string {
    return `ObjectRef(${this.id})`;
  }
}

/** Lets `waiter` know when the ref settles; it must not have yet. */
export function addWaiter(ref: ObjectRef, waiter: RefWaiter): void {
  if (ref.waiters === undefined) ref.waiters = waiter;
  else if (Array.isArray(ref.waiters)) ref.waiters.push(waiter);
  else ref.waiters = [ref.waiters, waiter];
}

/** Takes back what {@linkcode addWaiter} did. */
export function removeWaiter(ref: ObjectRef, waiter: RefWaiter): void {
  if (ref.waiters === waiter) {
    ref.waiters = undefined;
  } else if (Array.isArray(ref.waiters)) {
    ref.waiters = ref.waiters.filter((other) => other !== waiter);
  }
}

/** Gives a pending ref its outcome and wakes who waits. */
export function settleRef(
  ref: ObjectRef,
  state: RefState,
  value: unknown,
): void {
  if (ref.state !== "pending") return;
  ref.state = state;
  ref.value = value;
  const waiters = ref.waiters;
  if (waiters === undefined) return;
  ref.waiters = undefined;
  if (Array.isArray(waiters)) {
    for (const waiter of waiters) waiter.settled(ref);
  } else {
    waiters.settled(ref);
  }
}

/** What the ref was settled with is lost: it waits for its value again. */
export function unsettleRef(ref: ObjectRef): void {
  ref.state = "pending";
  ref.value = undefined;
}

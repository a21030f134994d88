// Garbage collection by dice: what nothing in a simulated thread reaches is
// collected when the world says so, not when an engine likes.

import type { Collector, Weak } from "../../runtime/object_store/collector.ts";
import type { ObjectRef } from "../../runtime/owner/object_ref.ts";
import type { Collected, OwnerCollector } from "../../runtime/owner/ports.ts";

const COLLECTED = new WeakSet<WeakKey>();

/** Stands in for `WeakRef`: empty as soon as the world has collected. */
class SimWeakRef<T extends WeakKey> {
  readonly #target: T;

  constructor(target: T) {
    this.#target = target;
  }

  deref(): T | undefined {
    return COLLECTED.has(this.#target) ? undefined : this.#target;
  }

  get [Symbol.toStringTag](): "WeakRef" {
    return "WeakRef";
  }
}

/** Runs a simulation in which weak references are the world's. */
export async function withSimWeakRefs(work: () => Promise<void>) {
  const real = globalThis.WeakRef;
  globalThis.WeakRef = SimWeakRef;
  try {
    await work();
  } finally {
    globalThis.WeakRef = real;
  }
}

/** Watches the refs of one thread. */
export class RefCollector implements OwnerCollector {
  readonly watched = new Map<ObjectRef, Collected>();
  readonly #due: Collected[] = [];

  watch(ref: ObjectRef, collected: Collected): void {
    this.watched.set(ref, collected);
  }

  unwatch(ref: ObjectRef): void {
    this.watched.delete(ref);
  }

  /** Finds what is to be collected. */
  sweep(isRooted: (ref: ObjectRef) => boolean): void {
    for (const [ref, collected] of this.watched) {
      if (isRooted(ref)) continue;
      this.watched.delete(ref);
      COLLECTED.add(ref);
      this.#due.push(collected);
    }
  }

  /** Tells of what was collected; the caller may wait with it. */
  finalize(callback: (collected: Collected) => void): void {
    for (const collected of this.#due.splice(0)) callback(collected);
  }

  /** What the values of watched and of just collected refs contain. */
  *contained(): Generator<object> {
    for (const { contained } of this.watched.values()) yield* contained ?? [];
    for (const { contained } of this.#due) yield* contained ?? [];
  }
}

/** Collects views on shared memory; nothing in a simulation keeps them. */
export class ViewCollector implements Collector {
  #watched = new Map<object, () => void>();

  watch<T extends object>(target: T, callback: () => void): Weak<T> {
    this.#watched.set(target, callback);
    return new SimWeakRef(target);
  }

  sweep(): void {
    const watched = this.#watched;
    this.#watched = new Map();
    for (const [target, callback] of watched) {
      COLLECTED.add(target);
      callback();
    }
  }
}

// Watches shared memory for its collection, as an interface: what decides
// when memory may be reused must be testable without a garbage collector.

/** Something that is held weakly. */
export interface Weak<T> {
  /** Undefined once it is collected. */
  deref(): T | undefined;
}

/** Watches objects. */
export interface Collector {
  /**
   * Holds the target weakly and calls back at some time after it was
   * collected. The callback must not refer to the target.
   */
  watch<T extends object>(target: T, collected: () => void): Weak<T>;
}

/** The runtime's own garbage collection. */
export function newCollector(): Collector {
  const registry = new FinalizationRegistry<() => void>((collected) =>
    collected()
  );
  return {
    watch(target, collected) {
      registry.register(target, collected);
      return new WeakRef(target);
    },
  };
}

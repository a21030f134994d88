// Garbage collection of shared memory when a world of chance says so, and not
// when an engine likes.

import type { Collector, Weak } from "../../runtime/object_store/collector.ts";

/** Collects what it is told to, when it is told to. */
export class FakeCollector implements Collector {
  readonly #watched = new Map<object, { weak: FakeWeak; callback(): void }>();
  /** Callbacks of what is collected already. */
  readonly #due: (() => void)[] = [];

  watch<T extends object>(target: T, callback: () => void): Weak<T> {
    const weak = new FakeWeak(target);
    this.#watched.set(target, { weak, callback });
    return weak as unknown as Weak<T>;
  }

  /** Collects all but what `isHeld` says is held. */
  collect(isHeld: (target: object) => boolean): void {
    for (const [target, entry] of this.#watched) {
      if (isHeld(target)) continue;
      entry.weak.target = undefined;
      this.#watched.delete(target);
      this.#due.push(entry.callback);
    }
  }

  /** Calls back for what was collected. */
  finalize(): void {
    for (const callback of this.#due.splice(0)) callback();
  }
}

class FakeWeak {
  target: object | undefined;

  constructor(target: object) {
    this.target = target;
  }

  deref(): object | undefined {
    return this.target;
  }
}

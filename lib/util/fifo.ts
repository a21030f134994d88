// A queue of values in memory: first in, first out, in constant time. Used in
// the queue's actor, so that it must not need anything but itself.

/** A first-in, first-out list. */
export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  /** How many values it holds. */
  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Adds a value at the end. */
  push(value: T): void {
    this.#items.push(value);
  }

  /** The first value, which stays. */
  peek(): T | undefined {
    return this.#items[this.#head];
  }

  /** Takes the first value out. */
  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const value = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    // Half of it is gone: moving the rest costs less than was taken.
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return value;
  }

  /** Takes a value out, wherever it is; whether it was there. */
  remove(value: T): boolean {
    const index = this.#items.indexOf(value, this.#head);
    if (index < 0) return false;
    this.#items.splice(index, 1);
    return true;
  }
}

// A queue with both ends open, on a growing ring: constant time per item,
// and a drained queue keeps no references.

const CAPACITY_MIN = 16;

/** See the head of the file. */
export class Deque<T> {
  #items: (T | undefined)[] = new Array(CAPACITY_MIN).fill(undefined);
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(item: T): void {
    if (this.#length === this.#items.length) this.#grow();
    this.#items[(this.#head + this.#length) & (this.#items.length - 1)] = item;
    this.#length++;
  }

  unshift(item: T): void {
    if (this.#length === this.#items.length) this.#grow();
    this.#head = (this.#head - 1) & (this.#items.length - 1);
    this.#items[this.#head] = item;
    this.#length++;
  }

  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.#length--;
    return item;
  }

  pop(): T | undefined {
    if (this.#length === 0) return undefined;
    this.#length--;
    const slot = (this.#head + this.#length) & (this.#items.length - 1);
    const item = this.#items[slot];
    this.#items[slot] = undefined;
    return item;
  }

  peek(): T | undefined {
    return this.#length === 0 ? undefined : this.#items[this.#head];
  }

  /** Removes one item, wherever it stands; linear in the length. */
  remove(item: T): boolean {
    const all = [...this];
    const at = all.indexOf(item);
    if (at < 0) return false;
    this.clear();
    all.splice(at, 1);
    for (const other of all) this.push(other);
    return true;
  }

  clear(): void {
    this.#items = new Array(CAPACITY_MIN).fill(undefined);
    this.#head = 0;
    this.#length = 0;
  }

  *[Symbol.iterator](): IterableIterator<T> {
    for (let index = 0; index < this.#length; index++) {
      yield this.#items[(this.#head + index) & (this.#items.length - 1)]!;
    }
  }

  #grow(): void {
    const items: (T | undefined)[] = [...this];
    const capacity = this.#items.length * 2;
    while (items.length < capacity) items.push(undefined);
    this.#items = items;
    this.#head = 0;
  }
}

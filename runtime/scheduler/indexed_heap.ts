// A binary heap whose items know their place, so that one whose rank changed
// can be moved, or one in the middle removed, in O(log n).

/** An item writes its place here; -1 when it is in no heap. */
export interface HeapItem {
  heapIndex: number;
}

/** A heap with the item that ranks before all others on top. */
export class IndexedHeap<T extends HeapItem> {
  readonly #items: T[] = [];
  readonly #isBefore: (left: T, right: T) => boolean;

  constructor(isBefore: (left: T, right: T) => boolean) {
    this.#isBefore = isBefore;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The first item, or nothing. */
  get top(): T | undefined {
    return this.#items[0];
  }

  /** All items; the first is the top, the others in no order. */
  items(): readonly T[] {
    return this.#items;
  }

  push(item: T): void {
    item.heapIndex = this.#items.length;
    this.#items.push(item);
    this.#rise(item.heapIndex);
  }

  remove(item: T): void {
    const index = item.heapIndex;
    const final = this.#items.pop()!;
    item.heapIndex = -1;
    if (final === item) return;
    this.#put(final, index);
    this.update(final);
  }

  /** To be called when an item's rank has changed. */
  update(item: T): void {
    this.#rise(item.heapIndex);
    this.#sink(item.heapIndex);
  }

  #put(item: T, index: number): void {
    this.#items[index] = item;
    item.heapIndex = index;
  }

  #rise(start: number): void {
    const item = this.#items[start]!;
    let index = start;
    while (index > 0) {
      const parentIndex = (index - 1) >> 1;
      const parent = this.#items[parentIndex]!;
      if (!this.#isBefore(item, parent)) break;
      this.#put(parent, index);
      index = parentIndex;
    }
    this.#put(item, index);
  }

  #sink(start: number): void {
    const item = this.#items[start]!;
    let index = start;
    for (;;) {
      let childIndex = 2 * index + 1;
      if (childIndex >= this.#items.length) break;
      const right = this.#items[childIndex + 1];
      if (right && this.#isBefore(right, this.#items[childIndex]!)) {
        childIndex += 1;
      }
      const child = this.#items[childIndex]!;
      if (!this.#isBefore(child, item)) break;
      this.#put(child, index);
      index = childIndex;
    }
    this.#put(item, index);
  }
}

// A table keyed by numbers that are given out in sequence and dropped in
// about the same order: pages of slots, so that a lookup is two array reads.
// (A `Map` of numbers costs several times as much on JavaScriptCore.)

const PAGE_BITS = 10;
const PAGE_SLOTS = 1 << PAGE_BITS;
const SLOT_MASK = PAGE_SLOTS - 1;

interface Page<T> {
  readonly slots: (T | undefined)[];
  used: number;
}

/** See the head of the file. */
export class NumberTable<T> {
  readonly #pages = new Map<number, Page<T>>();
  #recentKey = -1;
  #recentPage: Page<T> | undefined;
  #size = 0;

  /** How many entries there are. */
  get size(): number {
    return this.#size;
  }

  get(key: number): T | undefined {
    return this.#page(key)?.slots[key & SLOT_MASK];
  }

  set(key: number, value: T): void {
    let page = this.#page(key);
    if (!page) {
      page = { slots: new Array(PAGE_SLOTS).fill(undefined), used: 0 };
      const pageKey = Math.floor(key / PAGE_SLOTS);
      this.#pages.set(pageKey, page);
      this.#use(pageKey, page);
    }
    if (page.slots[key & SLOT_MASK] === undefined) {
      page.used++;
      this.#size++;
    }
    page.slots[key & SLOT_MASK] = value;
  }

  /** Removes the entry and returns it. */
  take(key: number): T | undefined {
    const page = this.#page(key);
    const value = page?.slots[key & SLOT_MASK];
    if (!page || value === undefined) return undefined;
    page.slots[key & SLOT_MASK] = undefined;
    this.#size--;
    // Empty, it stays until another page is used: the next key is most often
    // on the same page, and to make one anew for each would cost the most.
    page.used--;
    return value;
  }

  *values(): IterableIterator<T> {
    for (const page of this.#pages.values()) {
      for (const value of page.slots) if (value !== undefined) yield value;
    }
  }

  #page(key: number): Page<T> | undefined {
    const pageKey = Math.floor(key / PAGE_SLOTS);
    if (pageKey === this.#recentKey) return this.#recentPage;
    const page = this.#pages.get(pageKey);
    if (page) this.#use(pageKey, page);
    return page;
  }

  /** Only the page used last may be empty. */
  #use(pageKey: number, page: Page<T>): void {
    if (this.#recentPage?.used === 0) this.#pages.delete(this.#recentKey);
    this.#recentKey = pageKey;
    this.#recentPage = page;
  }
}

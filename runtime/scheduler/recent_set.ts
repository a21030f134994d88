// A set that remembers only the latest members: for ids that are gone and
// whose late messages must still be recognised, without growing for ever.

/** A set of bounded size; adding to a full one drops the oldest member. */
export class RecentSet<T> {
  readonly #members = new Set<T>();
  readonly #sizeMax: number;

  constructor(sizeMax: number) {
    this.#sizeMax = sizeMax;
  }

  /** How many members are remembered. */
  get size(): number {
    return this.#members.size;
  }

  add(member: T): void {
    this.#members.delete(member);
    this.#members.add(member);
    if (this.#members.size <= this.#sizeMax) return;
    for (const oldest of this.#members) {
      this.#members.delete(oldest);
      return;
    }
  }

  has(member: T): boolean {
    return this.#members.has(member);
  }
}

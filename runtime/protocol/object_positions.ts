// Where each object of a value was first written, and which of them are
// referred to again. Puts the marks (tag 28) in front of those at the end.

import { TAG } from "./value_tags.ts";
import type { ValueBytes } from "./value_bytes.ts";

/** Up to this many objects a linear search beats a hash table. */
const LINEAR_OBJECTS_MAX = 12;
/** The bytes of a mark: a head of tag 28. */
const MARK = [0xc0 | 24, TAG.shareable] as const;

/** The objects of one value; kept and reset between values. */
export class ObjectPositions {
  /** The first objects, `#firstCount` of them; the rest is null. */
  readonly #firstObjects = new Array<object | null>(LINEAR_OBJECTS_MAX)
    .fill(null);
  readonly #firstPositions = new Array<number>(LINEAR_OBJECTS_MAX).fill(0);
  #firstCount = 0;
  /** The further objects; as long as none is met twice, only a set. */
  readonly #laterObjects = new Set<object>();
  /** Their positions, in the order of the set. */
  readonly #laterPositions: number[] = [];
  /** The further objects once one was met twice. */
  #laterTable: Map<object, number> | undefined;
  /** Positions of references, each with the position it refers to. */
  readonly #refs: { readonly position: number; readonly target: number }[] = [];

  /** Forgets the objects of the last value. */
  reset(): void {
    // Setting a length to 0 would give the memory back, and cost more.
    for (let i = 0; i < this.#firstCount; i++) this.#firstObjects[i] = null;
    this.#firstCount = 0;
    if (this.#laterPositions.length > 0) {
      this.#laterObjects.clear();
      this.#laterPositions.length = 0;
      this.#laterTable = undefined;
    }
    if (this.#refs.length > 0) this.#refs.length = 0;
  }

  /** Where the object was written before, or -1 if it comes now. */
  meet(object: object, position: number): number {
    const objects = this.#firstObjects;
    const count = this.#firstCount;
    for (let i = 0; i < count; i++) {
      if (objects[i] === object) return this.#firstPositions[i]!;
    }
    if (count < LINEAR_OBJECTS_MAX) {
      objects[count] = object;
      this.#firstPositions[count] = position;
      this.#firstCount = count + 1;
      return -1;
    }
    return this.#meetLater(object, position);
  }

  #meetLater(object: object, position: number): number {
    if (!this.#laterTable) {
      const objects = this.#laterObjects;
      if (objects.size < objects.add(object).size) {
        this.#laterPositions.push(position);
        return -1;
      }
      let i = 0;
      this.#laterTable = new Map();
      for (const later of objects) {
        this.#laterTable.set(later, this.#laterPositions[i++]!);
      }
    }
    const first = this.#laterTable.get(object);
    if (first !== undefined) return first;
    this.#laterTable.set(object, position);
    return -1;
  }

  /** Notes that the placeholder at `position` refers to `target`. */
  addRef(position: number, target: number): void {
    this.#refs.push({ position, target });
  }

  /** Bytes that the marks will add. */
  get markBytes(): number {
    if (this.#refs.length === 0) return 0;
    return new Set(this.#refs.map((ref) => ref.target)).size * MARK.length;
  }

  /** Copies what was written, with the marks put in; fills placeholders. */
  copyMarked(out: ValueBytes): Uint8Array {
    if (this.#refs.length === 0) return out.take();
    const targets = [...new Set(this.#refs.map((ref) => ref.target))]
      .sort((a, b) => a - b);
    const numbers = new Map(targets.map((target, number) => [target, number]));
    for (const { position, target } of this.#refs) {
      out.patch32(position, numbers.get(target)!);
    }
    const size = out.position - out.start + targets.length * MARK.length;
    const copy = new Uint8Array(size);
    let from = out.start;
    let to = 0;
    for (const target of targets) {
      copy.set(out.bytes.subarray(from, target), to);
      to += target - from;
      copy.set(MARK, to);
      to += MARK.length;
      from = target;
    }
    copy.set(out.bytes.subarray(from, out.position), to);
    return copy;
  }
}

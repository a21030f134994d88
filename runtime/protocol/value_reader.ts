// Reads what `value_writer.ts` wrote. The bytes are untrusted: every length,
// count, depth and tag is checked before anything is made of it, no code of
// theirs runs, and what does not fit ends in `ProtocolError`. What a class
// with a serialiser does with its state is its own affair.

import { SerializationError } from "../base/errors.ts";
import { INLINE_VALUE_BYTES_MAX, VALUE_DEPTH_MAX } from "../base/limits.ts";
import {
  defineField,
  defineHidden,
  type ErrorKind,
  makeError,
} from "./error_shape.ts";
import { unpackNumbers } from "./packed_numbers.ts";
import { MAJOR } from "./value_bytes.ts";
import { describeThrown } from "./value_failure.ts";
import type { ValueHooks } from "./value_hooks.ts";
import { malformed, ValueSource } from "./value_source.ts";
import {
  OUT_OF_LINE_ALIGNMENT_BYTES,
  TAG,
  TYPED_ARRAY_CLASSES,
  type TypedArrayClass,
} from "./value_tags.ts";

/** The first byte of a tag whose number is in the next one. */
const TAG_HEAD = MAJOR.tag | 24;
/** The first byte of a float of 64 bits. */
const FLOAT_64 = 0xfb;
/**
 * Arrays get memory for so many items at once. For more it would add up when
 * each array of a deep nest announces many.
 */
const PRESIZED_ITEMS_MAX = 4_096;
/** An array with fewer items than one in so many gets no memory for all. */
const SPARSE_ITEMS_FRACTION = 8;
/** No shareable object waits to be made. */
const NO_SLOT = -1;
/** Stands in a slot whose object has not been made yet. */
const NOT_MADE = Symbol("not made");
const ERROR_KINDS: ReadonlySet<string> = new Set(["manta", "builtin", "plain"]);

/** Reads one value at a time; kept and reset between values. */
export class ValueReader extends ValueSource {
  #depth = 0;
  #hooks!: ValueHooks;
  #share = false;
  /** Where the first out-of-line bytes start, if there are any. */
  #firstOutOfLine = -1;
  /** Where the last out-of-line bytes end. */
  #lastOutOfLineEnd = -1;
  /** The objects of tag 28 in order. */
  readonly #shared: unknown[] = [];
  /** The slot of `#shared` that the next container made belongs in. */
  #slot = NO_SLOT;
  /** The bytes that `#readContent` found last. */
  #contentStart = 0;
  #contentLength = 0;
  #contentIsOutOfLine = false;

  /** Reads the one value that `source` holds. */
  decode(source: Uint8Array, hooks: ValueHooks, share: boolean): unknown {
    this.open(source);
    this.#hooks = hooks;
    this.#share = share;
    const value = this.#read();
    const isWhole = this.#firstOutOfLine < 0
      ? this.position === this.end
      : this.position <= this.#firstOutOfLine &&
        this.#lastOutOfLineEnd === this.end;
    if (!isWhole) throw malformed("there are bytes after its end");
    return value;
  }

  /** Forgets everything about the last value. */
  reset(): void {
    this.close();
    this.#depth = 0;
    this.#firstOutOfLine = -1;
    this.#lastOutOfLineEnd = -1;
    if (this.#shared.length > 0) this.#shared.length = 0;
    this.#slot = NO_SLOT;
  }

  #read(): unknown {
    const head = this.byte();
    const low = head & 0x1f;
    switch (head & 0xe0) {
      case MAJOR.unsigned:
        return low < 24 ? low : this.argument(low);
      case MAJOR.negative:
        return -1 - this.argument(low);
      case MAJOR.text:
        return this.text(low);
      case MAJOR.array:
        return this.#array(this.argument(low));
      case MAJOR.map:
        return this.#object(this.argument(low));
      case MAJOR.bytes:
        this.#setInlineContent(this.argument(low));
        return this.#typedArray(Uint8Array);
      case MAJOR.tag:
        return this.#tagged(this.argument(low));
      default:
        return head === FLOAT_64 ? this.float64() : this.simple(head);
    }
  }

  // -- Containers --

  /** Checks that `count` items of so many bytes at least can follow. */
  #enter(count: number, itemBytesMin: number): void {
    if (count * itemBytesMin > this.end - this.position) {
      throw malformed("it announces more items than it has bytes");
    }
    if (++this.#depth > VALUE_DEPTH_MAX) {
      throw malformed(`it nests deeper than ${VALUE_DEPTH_MAX} levels`);
    }
  }

  /** Makes a container known before its contents, which may refer to it. */
  #made(container: object): void {
    if (this.#slot === NO_SLOT) return;
    this.#shared[this.#slot] = container;
    this.#slot = NO_SLOT;
  }

  #array(count: number): unknown[] {
    this.#enter(count, 1);
    const array: unknown[] = count > PRESIZED_ITEMS_MAX ? [] : new Array(count);
    this.#made(array);
    const bytes = this.bytes;
    for (let i = 0; i < count; i++) {
      const head = this.position < this.end ? bytes[this.position]! : 0xff;
      if (head < 24) {
        this.position++;
        array[i] = head;
      } else if (head !== TAG_HEAD || !this.#skipHole()) {
        array[i] = this.#read();
      }
    }
    // Only if it was not sized at first and ends in holes.
    if (array.length !== count) array.length = count;
    this.#depth--;
    return array;
  }

  /** Steps over tag 31 and the undefined in it. */
  #skipHole(): boolean {
    if (this.bytes[this.position + 1] !== TAG.hole) return false;
    this.position += 2;
    if (this.byte() !== 0xf7) throw malformed("a hole is filled");
    return true;
  }

  #object(count: number): object {
    this.#enter(count, 2);
    const object: Record<string, unknown> = {};
    this.#made(object);
    for (let i = 0; i < count; i++) {
      const key = this.key();
      const value = this.#read();
      if (key === "__proto__") defineField(object, key, value);
      else object[key] = value;
    }
    this.#depth--;
    return object;
  }

  #set(): Set<unknown> {
    const count = this.count(MAJOR.array);
    this.#enter(count, 1);
    const set = new Set<unknown>();
    this.#made(set);
    for (let i = 0; i < count; i++) set.add(this.#read());
    this.#depth--;
    return set;
  }

  #map(): Map<unknown, unknown> {
    const count = this.count(MAJOR.map);
    this.#enter(count, 2);
    const map = new Map<unknown, unknown>();
    this.#made(map);
    for (let i = 0; i < count; i++) {
      const key = this.#read();
      map.set(key, this.#read());
    }
    this.#depth--;
    return map;
  }

  #sparseArray(): unknown[] {
    this.expectArray(2);
    const length = this.count(MAJOR.unsigned);
    const count = this.count(MAJOR.map);
    if (length > 0xffff_ffff) throw malformed("an array is too long");
    this.#enter(count, 2);
    const array: unknown[] = [];
    // Runtimes set memory aside for a length, unless it is enormous.
    if (count < length / SPARSE_ITEMS_FRACTION) array.length = 0xffff_ffff;
    array.length = length;
    this.#made(array);
    for (let i = 0; i < count; i++) {
      const key = this.primitive();
      const isIndex = typeof key === "number" && key >= 0 && key < length &&
        Number.isInteger(key);
      if (!isIndex && (typeof key !== "string" || key === "length")) {
        throw malformed("an array has a key that is not one");
      }
      defineField(array, String(key), this.#read());
    }
    this.#depth--;
    return array;
  }

  // -- Tags --

  #tagged(tag: number): unknown {
    switch (tag) {
      case TAG.sharedRef:
        return this.#sharedRef();
      case TAG.shareable:
        return this.#shareable();
      case TAG.set:
        return this.#set();
      case TAG.map:
        return this.#map();
      case TAG.sparseArray:
        return this.#sparseArray();
      case TAG.error:
        return this.#error();
      case TAG.sessionObject:
      case TAG.classInstance:
        return this.#replaced(tag);
      default:
        return this.#leaf(tag);
    }
  }

  /** Tags whose content holds no other values. */
  #leaf(tag: number): unknown {
    switch (tag) {
      case TAG.bigintPositive:
        return this.magnitude();
      case TAG.bigintNegative:
        return ~this.magnitude();
      case TAG.date:
        return new Date(Math.round(this.#number() * 1_000));
      case TAG.dateMs:
        return new Date(this.#number());
      case TAG.regexp:
        this.expectArray(2);
        return new RegExp(this.string(), this.string());
      case TAG.boxed:
        return boxed(this.primitive());
      case TAG.utf16:
        return this.utf16();
      case TAG.outOfLine:
        this.#setOutOfLineContent();
        return this.#typedArray(Uint8Array);
      case TAG.numbers:
        return this.#numbers();
      case TAG.arrayBuffer:
        this.#readContent();
        return this.#copyContent(new ArrayBuffer(this.#contentLength));
      case TAG.sharedArrayBuffer:
        this.#readContent();
        return this.#copyContent(new SharedArrayBuffer(this.#contentLength));
      case TAG.dataView:
        this.#readContent();
        return this.#viewOf(DataView, 1);
      default: {
        const arrayClass = TYPED_ARRAY_CLASSES.get(tag);
        if (!arrayClass) throw malformed(`the tag ${tag} is not known`);
        this.#readContent();
        return this.#typedArray(arrayClass);
      }
    }
  }

  #number(): number {
    const value = this.primitive();
    if (typeof value !== "number") throw malformed("a date is not a number");
    return value;
  }

  #sharedRef(): unknown {
    const number = this.count(MAJOR.unsigned);
    const value = number < this.#shared.length
      ? this.#shared[number]
      : NOT_MADE;
    if (value !== NOT_MADE) return value;
    throw malformed("a reference is to an object that is not there");
  }

  #shareable(): unknown {
    if (
      this.bytes[this.position] === TAG_HEAD &&
      this.bytes[this.position + 1] === TAG.shareable
    ) {
      throw malformed("an object is marked twice");
    }
    const slot = this.#shared.length;
    this.#shared.push(NOT_MADE);
    this.#slot = slot;
    const value = this.#read();
    this.#slot = NO_SLOT;
    if (this.#shared[slot] === NOT_MADE) this.#shared[slot] = value;
    return value;
  }

  /** Session objects and class instances: made after what they hold. */
  #replaced(tag: number): unknown {
    this.#slot = NO_SLOT;
    this.expectArray(2);
    this.#enter(2, 1);
    const name = this.string();
    const value = this.#read();
    this.#depth--;
    if (tag === TAG.sessionObject) return this.#hooks.revive(name, value);
    const entry = this.#hooks.serializers.findByName(name);
    if (!entry) {
      throw new SerializationError(
        `Cannot read an instance of ${
          JSON.stringify(name)
        }: this thread has no class registered under that name; call registerSerializer() at the top of the module that defines it`,
      );
    }
    try {
      return entry.deserialize(value);
    } catch (error) {
      throw new SerializationError(
        `Cannot read an instance of ${
          JSON.stringify(name)
        }: deserialize() threw ${describeThrown(error)}`,
        { cause: error },
      );
    }
  }

  #error(): Error {
    this.expectArray(7);
    this.#enter(7, 1);
    const kind = this.string();
    const error = ERROR_KINDS.has(kind)
      ? makeError({
        kind: kind as ErrorKind,
        className: this.string(),
        name: this.string(),
        message: this.string(),
        stack: this.#optionalString(),
      })
      : undefined;
    if (!error) throw malformed("an error is of a class that is not known");
    this.#made(error);
    this.#members(error, defineField);
    this.#members(error, defineHidden);
    this.#depth--;
    return error;
  }

  #optionalString(): string | null {
    const text = this.primitive();
    if (text === null || typeof text === "string") return text;
    throw malformed("a stack is not a string");
  }

  #members(
    error: Error,
    define: (error: Error, key: string, value: unknown) => void,
  ): void {
    const count = this.count(MAJOR.map);
    for (let i = 0; i < count; i++) define(error, this.key(), this.#read());
  }

  // -- Buffers --

  /** Finds the bytes of a buffer, in the CBOR or beside it. */
  #readContent(): void {
    const head = this.byte();
    if ((head & 0xe0) === MAJOR.bytes) {
      return this.#setInlineContent(this.argument(head & 0x1f));
    }
    const isTag = (head & 0xe0) === MAJOR.tag;
    if (!isTag || this.argument(head & 0x1f) !== TAG.outOfLine) {
      throw malformed("a buffer has no bytes");
    }
    this.#setOutOfLineContent();
  }

  #setInlineContent(count: number): void {
    this.#contentStart = this.skip(count);
    this.#contentLength = count;
    this.#contentIsOutOfLine = false;
  }

  /**
   * Out-of-line bytes come one after the other, so that no two buffers share
   * bytes and copies never take more memory than came in.
   */
  #setOutOfLineContent(): void {
    this.expectArray(2);
    const start = this.count(MAJOR.unsigned);
    const length = this.count(MAJOR.unsigned);
    if (
      start % OUT_OF_LINE_ALIGNMENT_BYTES !== 0 ||
      start < this.#lastOutOfLineEnd || start + length > this.end
    ) {
      throw malformed("a buffer lies where it must not");
    }
    if (this.#firstOutOfLine < 0) this.#firstOutOfLine = start;
    this.#lastOutOfLineEnd = start + length;
    this.#contentStart = start;
    this.#contentLength = length;
    this.#contentIsOutOfLine = true;
  }

  #typedArray(arrayClass: TypedArrayClass): ArrayBufferView {
    return this.#viewOf(arrayClass, arrayClass.BYTES_PER_ELEMENT);
  }

  /** Whether what is read may be a view on the source for ever. */
  #isShared(): boolean {
    return this.#share && this.#contentIsOutOfLine &&
      this.#contentLength >= INLINE_VALUE_BYTES_MAX;
  }

  /** A view on the source itself if that will do, else on a copy. */
  #viewOf(
    viewClass: Pick<TypedArrayClass, "prototype"> & {
      new (
        buffer: ArrayBufferLike,
        byteOffset: number,
        length: number,
      ): ArrayBufferView;
    },
    elementBytes: number,
    isShared = this.#isShared(),
  ): ArrayBufferView {
    const length = this.#contentLength / elementBytes;
    if (!Number.isInteger(length)) {
      throw malformed("a typed array ends in half an element");
    }
    const start = this.bytes.byteOffset + this.#contentStart;
    if (isShared && start % elementBytes === 0) {
      return new viewClass(this.bytes.buffer, start, length);
    }
    const content = this.#contentStart;
    const copy = this.bytes.slice(content, content + this.#contentLength);
    return viewClass === Uint8Array
      ? copy
      : new viewClass(copy.buffer, 0, length);
  }

  #numbers(): number[] {
    const arrayClass = TYPED_ARRAY_CLASSES.get(this.count(MAJOR.tag));
    this.#readContent();
    // Only looked at, so that a view on the source will do.
    const list = arrayClass && unpackNumbers(
      this.#viewOf(arrayClass, arrayClass.BYTES_PER_ELEMENT, true),
    );
    if (!list) throw malformed("a list of numbers is of the wrong type");
    return list;
  }

  #copyContent<B extends ArrayBufferLike>(target: B): B {
    const start = this.#contentStart;
    new Uint8Array(target).set(
      this.bytes.subarray(start, start + this.#contentLength),
    );
    return target;
  }
}

function boxed(value: unknown): object {
  if (value === null || value === undefined) {
    throw malformed("a tag has the wrong content");
  }
  return Object(value);
}

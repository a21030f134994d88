// Walks a value once and writes it as CBOR. Object identity is kept: an
// object that is met again is written as a reference (tag 29), and the mark
// on its first appearance (tag 28) is put in at the end, so values without
// shared parts carry no marks. Never runs on bytes from outside.

import { OUT_OF_LINE_BYTES_MIN, VALUE_BYTES_MAX } from "../base/limits.ts";
import { VALUE_DEPTH_MAX } from "../base/limits.ts";
import { errorFieldNames, errorShape } from "./error_shape.ts";
import type { SerializerEntry } from "./serializers.ts";
import { packNumbers } from "./packed_numbers.ts";
import { MAJOR, tooLargeReason, ValueBytes } from "./value_bytes.ts";
import {
  describeThrown,
  failedAt,
  functionReason,
  mapSegment,
  memberSegment,
  objectReason,
  ValueFailure,
} from "./value_failure.ts";
import type { EncodedValue, ValueHooks } from "./value_hooks.ts";
import { ObjectPositions } from "./object_positions.ts";
import { alignOffset, TAG, TYPED_ARRAY_CLASSES } from "./value_tags.ts";

/** Arrays from this length are searched for holes before they are written. */
const HOLE_SEARCH_LENGTH_MIN = 64;
/** For values without buffers or session objects: nothing to allocate. */
const NONE: readonly never[] = Object.freeze([]);
/** A Uint8Array has no tag of its own when it is written. */
const NO_TAG = 0;

type Write = (writer: ValueWriter, object: object) => void;

/** Writes one value at a time; kept and reset between values. */
export class ValueWriter {
  readonly #out = new ValueBytes();
  readonly #positions = new ObjectPositions();
  #hooks!: ValueHooks;
  #depth = 0;
  #buffers: Uint8Array[] | undefined;
  #contained: object[] | undefined;
  /** Where the offsets of `#buffers` are to be patched. */
  readonly #offsetPositions: number[] = [];
  /** Bytes that the out-of-line buffers take, padding included. */
  #buffersBytes = 0;
  /** Objects around here that can only be made after their contents. */
  readonly #unfinished: object[] = [];

  /** Serialises one value; throws `ValueFailure` or what hooks throw. */
  encode(value: unknown, hooks: ValueHooks): EncodedValue {
    this.#hooks = hooks;
    this.#out.begin();
    this.write(value);
    return this.#finish();
  }

  /** Forgets everything about the last value. */
  reset(): void {
    this.#out.trim();
    this.#positions.reset();
    this.#depth = 0;
    this.#contained = undefined;
    if (this.#buffers) {
      this.#buffers = undefined;
      this.#offsetPositions.length = 0;
      this.#buffersBytes = 0;
    }
    if (this.#unfinished.length > 0) this.#unfinished.length = 0;
  }

  /** Writes any value at the current position. */
  write(value: unknown): void {
    // A chain of comparisons; a switch on `typeof` is slow on Bun.
    if (typeof value === "string") {
      this.#out.text(value);
    } else if (typeof value === "number") {
      this.#out.number(value);
    } else if (typeof value === "object") {
      if (value === null) this.#out.byte(0xf6);
      else this.#object(value);
    } else if (typeof value === "boolean") {
      this.#out.byte(value ? 0xf5 : 0xf4);
    } else if (typeof value === "undefined") {
      this.#out.byte(0xf7);
    } else if (typeof value === "bigint") {
      this.#out.bigint(value);
    } else if (typeof value === "function") {
      this.#function(value);
    } else {
      throw new ValueFailure(
        "a symbol cannot be sent to another thread; pass a string",
      );
    }
  }

  #object(object: object): void {
    if (this.#wroteBefore(object)) return;
    const prototype: unknown = Object.getPrototypeOf(object);
    if (prototype === Object.prototype) {
      this.#plain(object as Record<string, unknown>);
    } else if (prototype === Array.prototype && Array.isArray(object)) {
      this.#array(object);
    } else {
      this.#instance(object, prototype as object | null);
    }
  }

  /** Writes a reference if this object was met before. */
  #wroteBefore(object: object): boolean {
    const out = this.#out;
    const first = this.#positions.meet(object, out.position);
    if (first < 0) return false;
    if (this.#unfinished.length > 0 && this.#unfinished.includes(object)) {
      throw new ValueFailure(
        "it refers back to an object that its class can only make after " +
          "this part; leave the reference out of what serialize() gives",
      );
    }
    out.head(MAJOR.tag, TAG.sharedRef);
    this.#positions.addRef(out.position, first);
    out.placeholder32();
    return true;
  }

  #enter(): void {
    if (++this.#depth > VALUE_DEPTH_MAX) {
      throw new ValueFailure(
        `it nests deeper than ${VALUE_DEPTH_MAX} levels; flatten the value`,
      );
    }
  }

  #plain(object: Record<string, unknown>): void {
    this.#enter();
    const keys = Object.keys(object);
    this.#out.head(MAJOR.map, keys.length);
    let key = "";
    try {
      for (let i = 0; i < keys.length; i++) {
        key = keys[i]!;
        this.#out.text(key);
        this.write(object[key]);
      }
    } catch (error) {
      throw failedAt(error, memberSegment(key));
    }
    this.#depth--;
  }

  #array(array: readonly unknown[]): void {
    if (mayBeSparse(array)) {
      const keys = Object.keys(array);
      if (keys.length !== array.length) return this.#sparseArray(array, keys);
    }
    this.#enter();
    const packed = packNumbers(array);
    if (packed) {
      this.#out.head(MAJOR.tag, TAG.numbers);
      WRITERS.get(Object.getPrototypeOf(packed))!(this, packed);
      this.#depth--;
      return;
    }
    const length = array.length;
    this.#out.head(MAJOR.array, length);
    let i = 0;
    try {
      for (; i < length; i++) {
        const item = array[i];
        if (item === undefined && !(i in array)) {
          this.#out.head(MAJOR.tag, TAG.hole);
        }
        this.write(item);
      }
    } catch (error) {
      throw failedAt(error, `[${i}]`);
    }
    this.#depth--;
  }

  #sparseArray(array: readonly unknown[], keys: readonly string[]): void {
    this.#enter();
    this.#out.head(MAJOR.tag, TAG.sparseArray);
    this.#out.head(MAJOR.array, 2);
    this.#out.number(array.length);
    this.#out.head(MAJOR.map, keys.length);
    let key = "";
    let segment = "";
    try {
      for (key of keys) {
        const index = Number(key);
        const isIndex = index < array.length && String(index) === key;
        segment = isIndex ? `[${key}]` : memberSegment(key);
        this.write(isIndex ? index : key);
        this.write(Reflect.get(array, key));
      }
    } catch (error) {
      throw failedAt(error, segment);
    }
    this.#depth--;
  }

  /** Anything that is not a plain object, an array or a primitive. */
  #instance(object: object, prototype: object | null): void {
    const write = prototype && WRITERS.get(prototype);
    if (write) return write(this, object);
    const replaced = this.#hooks.replace(object);
    if (replaced) return this.#sessionObject(object, replaced);
    if (prototype === null) {
      return this.#plain(object as Record<string, unknown>);
    }
    const entry = this.#hooks.serializers.findByPrototype(prototype);
    if (entry) return this.#classInstance(object, entry);
    if (object instanceof Error) return this.error(object);
    if (isNodeBuffer(object)) return this.typedArray(NO_TAG, object);
    throw new ValueFailure(objectReason(object));
  }

  #function(target: object): void {
    if (this.#wroteBefore(target)) return;
    const replaced = this.#hooks.replace(target);
    if (!replaced) throw new ValueFailure(functionReason(target));
    this.#sessionObject(target, replaced);
  }

  #sessionObject(
    object: object,
    replaced: { readonly kind: string; readonly value: unknown },
  ): void {
    (this.#contained ??= []).push(object);
    this.#replacement(TAG.sessionObject, object, replaced.kind, replaced.value);
  }

  #classInstance(object: object, entry: SerializerEntry): void {
    let state: unknown;
    try {
      state = entry.serialize(object);
    } catch (error) {
      throw new ValueFailure(
        `serialize() of the class ${entry.name} threw ${describeThrown(error)}`,
        error,
      );
    }
    try {
      this.#replacement(TAG.classInstance, object, entry.name, state);
    } catch (error) {
      throw failedAt(error, ".serialize()");
    }
  }

  #replacement(tag: number, object: object, name: string, value: unknown) {
    this.#enter();
    this.#out.head(MAJOR.tag, tag);
    this.#out.head(MAJOR.array, 2);
    this.#out.text(name);
    this.#unfinished.push(object);
    this.write(value);
    this.#unfinished.pop();
    this.#depth--;
  }

  // -- Classes of the language; called through WRITERS --

  /** Writes a Set: tag 258 and its members in order. */
  set(set: ReadonlySet<unknown>): void {
    this.#enter();
    const size = set.size;
    this.#out.head(MAJOR.tag, TAG.set);
    this.#out.head(MAJOR.array, size);
    let i = 0;
    try {
      for (const member of set) {
        this.write(member);
        i++;
      }
    } catch (error) {
      throw failedAt(error, `.values()[${i}]`);
    }
    if (i !== size) throw new ValueFailure(CHANGED_REASON);
    this.#depth--;
  }

  /** Writes a Map: tag 259 and its entries in order. */
  map(map: ReadonlyMap<unknown, unknown>): void {
    this.#enter();
    const size = map.size;
    this.#out.head(MAJOR.tag, TAG.map);
    this.#out.head(MAJOR.map, size);
    let i = 0;
    let atKey = true;
    let current: unknown;
    try {
      for (const [key, value] of map) {
        current = key;
        atKey = true;
        this.write(key);
        atKey = false;
        this.write(value);
        i++;
      }
    } catch (error) {
      throw failedAt(error, mapSegment(current, i, atKey));
    }
    if (i !== size) throw new ValueFailure(CHANGED_REASON);
    this.#depth--;
  }

  /** Writes a date as seconds, or as milliseconds where those are exact. */
  date(date: Date): void {
    const timeMs = date.getTime();
    const seconds = timeMs / 1_000;
    const exact = Math.round(seconds * 1_000) === timeMs || timeMs !== timeMs;
    this.#out.head(MAJOR.tag, exact ? TAG.date : TAG.dateMs);
    this.#out.number(exact ? seconds : timeMs);
  }

  /** Writes a regular expression; where it was in a text is not kept. */
  regexp(regexp: RegExp): void {
    this.#out.head(MAJOR.tag, TAG.regexp);
    this.#out.head(MAJOR.array, 2);
    this.#out.text(regexp.source);
    this.#out.text(regexp.flags);
  }

  /** Writes `new Number(1)` and the like. */
  boxed(object: object): void {
    this.#out.head(MAJOR.tag, TAG.boxed);
    this.write(object.valueOf());
  }

  /**
   * Writes an error: `[kind, class, name, message, stack, fields, links]`,
   * where links are the cause and, of an AggregateError, its parts.
   */
  error(error: Error): void {
    this.#enter();
    const shape = errorShape(error);
    this.#out.head(MAJOR.tag, TAG.error);
    this.#out.head(MAJOR.array, 7);
    this.#out.text(shape.kind);
    this.#out.text(shape.className);
    this.#out.text(shape.name);
    this.#out.text(shape.message);
    this.write(shape.stack);
    this.#members(error, errorFieldNames(error));
    const links: string[] = [];
    if (Object.hasOwn(error, "cause")) links.push("cause");
    if (shape.className === "AggregateError") links.push("errors");
    this.#members(error, links);
    this.#depth--;
  }

  #members(object: object, keys: readonly string[]): void {
    this.#out.head(MAJOR.map, keys.length);
    for (const key of keys) {
      try {
        this.#out.text(key);
        this.write(Reflect.get(object, key));
      } catch (error) {
        throw failedAt(error, memberSegment(key));
      }
    }
  }

  /** Writes an ArrayBuffer, a SharedArrayBuffer or a DataView. */
  bufferLike(tag: number, source: ArrayBufferLike | DataView): void {
    const isView = ArrayBuffer.isView(source);
    checkAttached(isView ? source.buffer : source);
    this.#out.head(MAJOR.tag, tag);
    this.#content(
      isView
        ? new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
        : new Uint8Array(source),
    );
  }

  /** Writes the elements that a typed array shows of its buffer. */
  typedArray(tag: number, array: ArrayBufferView): void {
    checkAttached(array.buffer);
    if (tag !== NO_TAG) this.#out.head(MAJOR.tag, tag);
    this.#content(
      new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
    );
  }

  /** Small bytes go into the CBOR, large ones beside it. */
  #content(source: Uint8Array): void {
    const out = this.#out;
    const count = source.length;
    if (count < OUT_OF_LINE_BYTES_MIN) return out.byteString(source);
    this.#buffersBytes += alignOffset(count);
    if (this.#buffersBytes + out.position > VALUE_BYTES_MAX) {
      throw new ValueFailure(tooLargeReason());
    }
    (this.#buffers ??= []).push(source);
    out.head(MAJOR.tag, TAG.outOfLine);
    out.head(MAJOR.array, 2);
    this.#offsetPositions.push(out.position);
    out.placeholder64();
    out.head(MAJOR.unsigned, count);
  }

  // -- The end --

  #finish(): EncodedValue {
    const out = this.#out;
    const buffers = this.#buffers ?? NONE;
    const cborBytes = out.position - out.start + this.#positions.markBytes;
    const sizeBytes = this.#placeBuffers(buffers, cborBytes);
    return {
      bytes: this.#positions.copyMarked(out),
      buffers,
      sizeBytes,
      contained: this.#contained ?? NONE,
    };
  }

  /** Fills in where the buffers will lie; gives the size of the whole. */
  #placeBuffers(buffers: readonly Uint8Array[], cborBytes: number): number {
    let sizeBytes = cborBytes;
    for (let i = 0; i < buffers.length; i++) {
      const offset = alignOffset(sizeBytes);
      this.#out.patch64(this.#offsetPositions[i]!, offset);
      sizeBytes = offset + buffers[i]!.length;
    }
    if (sizeBytes > VALUE_BYTES_MAX) throw new ValueFailure(tooLargeReason());
    return sizeBytes;
  }
}

const CHANGED_REASON = "it changed while it was serialized";

/** How to write instances of the language's own classes, by prototype. */
const WRITERS: ReadonlyMap<object, Write> = new Map<object, Write>([
  [Map.prototype, (w, o) => w.map(o as Map<unknown, unknown>)],
  [Set.prototype, (w, o) => w.set(o as Set<unknown>)],
  [Date.prototype, (w, o) => w.date(o as Date)],
  [RegExp.prototype, (w, o) => w.regexp(o as RegExp)],
  [Error.prototype, (w, o) => w.error(o as Error)],
  [Boolean.prototype, (w, o) => w.boxed(o)],
  [Number.prototype, (w, o) => w.boxed(o)],
  [String.prototype, (w, o) => w.boxed(o)],
  [BigInt.prototype, (w, o) => w.boxed(o)],
  [
    ArrayBuffer.prototype,
    (w, o) => w.bufferLike(TAG.arrayBuffer, o as ArrayBuffer),
  ],
  [
    SharedArrayBuffer.prototype,
    (w, o) => w.bufferLike(TAG.sharedArrayBuffer, o as SharedArrayBuffer),
  ],
  [DataView.prototype, (w, o) => w.bufferLike(TAG.dataView, o as DataView)],
  ...[...TYPED_ARRAY_CLASSES].map(([tag, arrayClass]): [object, Write] => {
    const written = arrayClass.prototype === Uint8Array.prototype
      ? NO_TAG
      : tag;
    return [
      arrayClass.prototype,
      (w, o) => w.typedArray(written, o as ArrayBufferView),
    ];
  }),
]);

/**
 * Whether an array could have holes or named properties. Named properties
 * are looked for only where the language itself makes them: on the results
 * of matches, which start with a string.
 */
function mayBeSparse(array: readonly unknown[]): boolean {
  if (array.length >= HOLE_SEARCH_LENGTH_MIN && array.includes(undefined)) {
    return true;
  }
  return typeof array[0] === "string" && Object.hasOwn(array, "index");
}

function isNodeBuffer(object: object): object is Uint8Array {
  return object instanceof Uint8Array &&
    Object.getPrototypeOf(Object.getPrototypeOf(object)) ===
      Uint8Array.prototype &&
    object.constructor.name === "Buffer";
}

function checkAttached(buffer: ArrayBufferLike): void {
  if (buffer instanceof ArrayBuffer && buffer.detached) {
    throw new ValueFailure(
      "its buffer was transferred away; pass a buffer that still has bytes",
    );
  }
}

// The CBOR tags that values are written with: the registered ones first, then
// Manta's own. What a tag's content looks like stands here and nowhere else;
// the writer and the reader must agree with it.

/** Registered tags, by the name of what they say. */
export const TAG = {
  /** Seconds since 1970, as a number; an invalid date is NaN. */
  date: 1,
  /** A byte string, most significant byte first. */
  bigintPositive: 2,
  /** The same for -1 - n. */
  bigintNegative: 3,
  /** `[name, state]`: an instance of a class with a serialiser. */
  classInstance: 27,
  /** Marks a value that tag 29 refers to; numbered as they appear. */
  shareable: 28,
  /** The number of an earlier tag 28: the same object again. */
  sharedRef: 29,
  /** A hole of an array; its content is undefined. */
  hole: 31,
  /** `[kind, value]`: an object of the session, such as a ref. */
  sessionObject: 39,
  /** An array: the members of a Set in order. */
  set: 258,
  /** A map with keys of any type: a Map. */
  map: 259,
  /** `[source, flags]`. */
  regexp: 21066,

  // From here on: Manta's own, out of the first come, first served range.

  /** `[kind, class, name, message, stack, fields, links]`, see writer. */
  error: 60_001,
  /** A byte string or out-of-line bytes: an ArrayBuffer. */
  arrayBuffer: 60_002,
  /** The same for a SharedArrayBuffer. */
  sharedArrayBuffer: 60_003,
  /** The same for a DataView. */
  dataView: 60_004,
  /** A boolean, number, string or bigint in its object form. */
  boxed: 60_005,
  /** `[length, entries]`: an array with many holes or named properties. */
  sparseArray: 60_006,
  /** `[offset, length]`: bytes beside the CBOR, from the value's start. */
  outOfLine: 60_007,
  /** Milliseconds since 1970, where seconds in a double are not exact. */
  dateMs: 60_008,
  /** A byte string of UTF-16 code units: a string with lone surrogates. */
  utf16: 60_009,
  /** A typed array: an array of numbers and nothing else. */
  numbers: 60_010,
} as const;

/** Out-of-line bytes start at multiples of this, for every element type. */
export const OUT_OF_LINE_ALIGNMENT_BYTES = 64;

/** The next offset at or after `offset` where out-of-line bytes may start. */
export function alignOffset(offset: number): number {
  const rest = offset % OUT_OF_LINE_ALIGNMENT_BYTES;
  return rest === 0 ? offset : offset + OUT_OF_LINE_ALIGNMENT_BYTES - rest;
}

/** A constructor of typed arrays, as far as the codec needs it. */
export interface TypedArrayClass {
  readonly name: string;
  readonly prototype: object;
  readonly BYTES_PER_ELEMENT: number;
  new (
    buffer: ArrayBufferLike,
    byteOffset: number,
    length: number,
  ): ArrayBufferView;
}

/**
 * Typed array classes by their RFC 8746 tag, little-endian. A Uint8Array is
 * written as a plain byte string; its tag is read all the same.
 */
export const TYPED_ARRAY_CLASSES: ReadonlyMap<number, TypedArrayClass> =
  new Map<number, TypedArrayClass>([
    [64, Uint8Array],
    [68, Uint8ClampedArray],
    [69, Uint16Array],
    [70, Uint32Array],
    [71, BigUint64Array],
    [72, Int8Array],
    [77, Int16Array],
    [78, Int32Array],
    [79, BigInt64Array],
    [84, Float16Array],
    [85, Float32Array],
    [86, Float64Array],
  ]);

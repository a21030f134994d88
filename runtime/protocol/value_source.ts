// Takes the single items of CBOR off untrusted bytes: heads, numbers, strings
// and big numbers, each checked against the end of the bytes. What they make
// up together is for `value_reader.ts`.

import { ProtocolError } from "../base/errors.ts";
import { MAJOR } from "./value_bytes.ts";
import { TAG } from "./value_tags.ts";
import { readKey, readText, readUtf16 } from "./value_text.ts";

const NO_BYTES = new Uint8Array(0);

/** Bytes with a read position; `ValueReader` builds on it. */
export class ValueSource {
  /** What is read; nothing of it is changed. */
  bytes: Uint8Array = NO_BYTES;
  /** Where the next byte comes from. */
  position = 0;
  /** Where the bytes end. */
  end = 0;
  #view: DataView | undefined;

  /** Goes to the start of these bytes. */
  open(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.position = 0;
    this.end = bytes.length;
  }

  /** Lets go of the bytes. */
  close(): void {
    this.bytes = NO_BYTES;
    this.#view = undefined;
    this.end = 0;
  }

  /** Reads one byte. */
  byte(): number {
    if (this.position >= this.end) throw malformed("it ends too early");
    return this.bytes[this.position++]!;
  }

  /** Steps over `count` bytes and says where they start. */
  skip(count: number): number {
    const start = this.position;
    if (count > this.end - start) throw malformed("it ends too early");
    this.position = start + count;
    return start;
  }

  #dataView(): DataView {
    const bytes = this.bytes;
    return this.#view ??= new DataView(
      bytes.buffer,
      bytes.byteOffset,
      bytes.length,
    );
  }

  /** Reads what follows in a head: a number, a length, a count or a tag. */
  argument(low: number): number {
    if (low < 24) return low;
    const bytes = this.bytes;
    let start: number;
    let value: number;
    switch (low) {
      case 24:
        return this.byte();
      case 25:
        start = this.skip(2);
        return bytes[start]! << 8 | bytes[start + 1]!;
      case 26:
        return this.#dataView().getUint32(this.skip(4));
      case 27:
        start = this.skip(8);
        value = this.#dataView().getUint32(start) * 0x1_0000_0000 +
          this.#dataView().getUint32(start + 4);
        if (value < Number.MAX_SAFE_INTEGER) return value;
        throw malformed("an integer is larger than 53 bits");
      default:
        throw malformed("it has an item without a length");
    }
  }

  /** Reads a head of that type and gives its argument. */
  count(major: number): number {
    const head = this.byte();
    if ((head & 0xe0) !== major) throw malformed("a tag has the wrong content");
    return this.argument(head & 0x1f);
  }

  /** Reads the head of an array of that many items. */
  expectArray(count: number): void {
    if (this.count(MAJOR.array) !== count) {
      throw malformed("a tag has the wrong content");
    }
  }

  /** Gives the simple value or the float that starts with `head`. */
  simple(head: number): boolean | null | undefined | number {
    switch (head) {
      case 0xf4:
        return false;
      case 0xf5:
        return true;
      case 0xf6:
        return null;
      case 0xf7:
        return undefined;
      case 0xf9:
        return halfFloat(this.argument(25));
      case 0xfa:
        return this.#dataView().getFloat32(this.skip(4));
      case 0xfb:
        return this.float64();
      default:
        throw malformed(`its byte 0x${head.toString(16)} says nothing known`);
    }
  }

  /** Reads a float of 64 bits. */
  float64(): number {
    const start = this.skip(8);
    return (this.#view ?? this.#dataView()).getFloat64(start);
  }

  /** Reads the string whose head ends in `low`. */
  text(low: number): string {
    const start = this.skip(this.argument(low));
    return readText(this.bytes, start, this.position);
  }

  /** Reads the key of an object. */
  key(): string {
    const head = this.byte();
    if ((head & 0xe0) === MAJOR.text) {
      const start = this.skip(this.argument(head & 0x1f));
      return readKey(this.bytes, start, this.position);
    }
    this.position--;
    return this.string();
  }

  /** Reads a string of any kind. */
  string(): string {
    const text = this.primitive();
    if (typeof text !== "string") throw malformed("a name is not a string");
    return text;
  }

  /** Reads an item that cannot hold others. */
  primitive(): unknown {
    const head = this.byte();
    const low = head & 0x1f;
    switch (head & 0xe0) {
      case MAJOR.unsigned:
        return this.argument(low);
      case MAJOR.negative:
        return -1 - this.argument(low);
      case MAJOR.text:
        return this.text(low);
      case MAJOR.tag: {
        const tag = this.argument(low);
        if (tag === TAG.utf16) return this.utf16();
        if (tag === TAG.bigintPositive) return this.magnitude();
        if (tag === TAG.bigintNegative) return ~this.magnitude();
        throw malformed("a tag has the wrong content");
      }
      case MAJOR.simple:
        return this.simple(head);
      default:
        throw malformed("a tag has the wrong content");
    }
  }

  /** Reads the bytes of a big number. */
  magnitude(): bigint {
    const count = this.count(MAJOR.bytes);
    const start = this.skip(count);
    let hex = "0x0";
    for (let i = start; i < start + count; i++) {
      const byte = this.bytes[i]!;
      hex += (byte < 16 ? "0" : "") + byte.toString(16);
    }
    return BigInt(hex);
  }

  /** Reads the code units of a string that is not well formed. */
  utf16(): string {
    const count = this.count(MAJOR.bytes);
    const start = this.skip(count);
    if (count % 2 !== 0) throw malformed("a string ends in half a unit");
    return readUtf16(this.bytes, start, start + count);
  }
}

/** The error for bytes that are no value. */
export function malformed(reason: string): ProtocolError {
  return new ProtocolError(`Cannot read a serialized value: ${reason}`);
}

function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1_024 + fraction) * 2 ** (exponent - 25);
}

// A growing buffer that CBOR heads, numbers and strings are written to. Knows
// nothing of objects; what goes where is up to `value_writer.ts`.

import { VALUE_BYTES_MAX, VALUE_SCRATCH_BYTES_KEPT } from "../base/limits.ts";
import { TAG } from "./value_tags.ts";
import { ValueFailure } from "./value_failure.ts";

/** CBOR major types, shifted to where they stand in an item's first byte. */
export const MAJOR = {
  unsigned: 0x00,
  negative: 0x20,
  bytes: 0x40,
  text: 0x60,
  array: 0x80,
  map: 0xa0,
  tag: 0xc0,
  simple: 0xe0,
} as const;

/**
 * Small values are written into shared slabs and stay there: a buffer for
 * each would cost more than writing it.
 */
const SLAB_BYTES = 16 * 1024;
/** A value starts in a new slab if the current one has less room. */
const SLAB_ROOM_BYTES_MIN = 512;
/** Room that every head and number finds without asking for it. */
const SLACK_BYTES = 64;
/** Strings up to here are written character by character. */
const SHORT_TEXT_CHARACTERS = 48;
/** Strings up to here get room for the worst case at once. */
const MEDIUM_TEXT_CHARACTERS = 64 * 1024;
const UINT32_MAX = 0xffff_ffff;

const textEncoder = new TextEncoder();

/** Memory with a write position; kept between values. */
export class ValueBytes {
  /** The memory that is written to now: the slab or the scratch buffer. */
  bytes = new Uint8Array(SLAB_BYTES);
  /** Where the value starts. */
  start = 0;
  /** Where the next byte goes. */
  position = 0;
  #view = new DataView(this.bytes.buffer);
  /** Beyond this position less than the slack is left. */
  #safeEnd = SLAB_BYTES - SLACK_BYTES;
  #slab = this.bytes;
  #slabView = this.#view;
  /** Where the values in the slab end. */
  #slabEnd = 0;
  /** Takes over, at the same positions, when a value outgrows the slab. */
  #scratch: Uint8Array<ArrayBuffer> | undefined;

  /** Starts a new value. */
  begin(): void {
    if (this.#slabEnd > SLAB_BYTES - SLAB_ROOM_BYTES_MIN) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#slabView = new DataView(this.#slab.buffer);
      this.#slabEnd = 0;
    }
    this.bytes = this.#slab;
    this.#view = this.#slabView;
    this.#safeEnd = SLAB_BYTES - SLACK_BYTES;
    this.start = this.#slabEnd;
    this.position = this.#slabEnd;
  }

  /** The value that was written, in memory that nothing writes to again. */
  take(): Uint8Array {
    if (this.bytes !== this.#slab) {
      // A value like this one may come again, so the slab counts as full.
      this.#slabEnd = SLAB_BYTES;
      return this.bytes.slice(this.start, this.position);
    }
    this.#slabEnd = this.position;
    return this.bytes.subarray(this.start, this.position);
  }

  /** Gives memory back that one large value made grow. */
  trim(): void {
    if (this.#scratch && this.#scratch.length > VALUE_SCRATCH_BYTES_KEPT) {
      this.#scratch = undefined;
      this.bytes = this.#slab;
    }
  }

  /** Makes room for `count` bytes and the slack. */
  reserve(count: number): void {
    const wanted = this.position + count + SLACK_BYTES;
    if (wanted <= this.bytes.length) return;
    if (wanted > VALUE_BYTES_MAX) throw new ValueFailure(tooLargeReason());
    const previous = this.bytes;
    if (!this.#scratch || wanted > this.#scratch.length) {
      const doubled = Math.max(wanted, previous.length * 2);
      this.#scratch = allocate(Math.min(doubled, VALUE_BYTES_MAX));
    }
    this.#scratch.set(
      previous.subarray(this.start, this.position),
      this.start,
    );
    this.bytes = this.#scratch;
    this.#view = new DataView(this.#scratch.buffer);
    this.#safeEnd = this.#scratch.length - SLACK_BYTES;
  }

  /** Writes one byte, such as a simple value. */
  byte(value: number): void {
    if (this.position > this.#safeEnd) this.reserve(0);
    this.bytes[this.position++] = value;
  }

  /** Writes the first bytes of an item: its type and its argument. */
  head(major: number, argument: number): void {
    if (this.position > this.#safeEnd) this.reserve(0);
    const bytes = this.bytes;
    if (argument < 24) {
      bytes[this.position++] = major | argument;
    } else if (argument < 0x100) {
      bytes[this.position++] = major | 24;
      bytes[this.position++] = argument;
    } else if (argument < 0x1_0000) {
      bytes[this.position++] = major | 25;
      bytes[this.position++] = argument >>> 8;
      bytes[this.position++] = argument;
    } else if (argument <= UINT32_MAX) {
      bytes[this.position++] = major | 26;
      this.#view.setUint32(this.position, argument);
      this.position += 4;
    } else {
      bytes[this.position++] = major | 27;
      this.#view.setUint32(this.position, argument / (UINT32_MAX + 1));
      this.#view.setUint32(this.position + 4, argument >>> 0);
      this.position += 8;
    }
  }

  /** Writes an unsigned number of 32 bits that is patched later. */
  placeholder32(): void {
    this.byte(MAJOR.unsigned | 26);
    this.position += 4;
  }

  /** The same with 64 bits. */
  placeholder64(): void {
    this.byte(MAJOR.unsigned | 27);
    this.position += 8;
  }

  /** Fills a placeholder of 32 bits that starts at `position`. */
  patch32(position: number, value: number): void {
    this.#view.setUint32(position + 1, value);
  }

  /** Fills a placeholder of 64 bits that starts at `position`. */
  patch64(position: number, value: number): void {
    this.#view.setUint32(position + 1, value / (UINT32_MAX + 1));
    this.#view.setUint32(position + 5, value >>> 0);
  }

  /** Writes a number so that it comes back bit for bit, -0 included. */
  number(value: number): void {
    const integer = value | 0;
    if (integer === value && (integer !== 0 || 1 / value > 0)) {
      if (integer >= 0) this.head(MAJOR.unsigned, integer);
      else this.head(MAJOR.negative, -1 - integer);
      return;
    }
    if (this.position > this.#safeEnd) this.reserve(0);
    if (Math.fround(value) === value) {
      this.bytes[this.position] = 0xfa;
      this.#view.setFloat32(this.position + 1, value);
      this.position += 5;
    } else if (value !== value) {
      this.bytes[this.position++] = 0xf9;
      this.bytes[this.position++] = 0x7e;
      this.bytes[this.position++] = 0x00;
    } else {
      this.bytes[this.position] = 0xfb;
      this.#view.setFloat64(this.position + 1, value);
      this.position += 9;
    }
  }

  /** Writes an integer of any size as a big number. */
  bigint(value: bigint): void {
    const magnitude = value < 0n ? ~value : value;
    const tag = value < 0n ? TAG.bigintNegative : TAG.bigintPositive;
    this.head(MAJOR.tag, tag);
    if (magnitude === 0n) return this.head(MAJOR.bytes, 0);
    const hex = magnitude.toString(16);
    const count = (hex.length + 1) >>> 1;
    this.head(MAJOR.bytes, count);
    this.reserve(count);
    const padded = hex.length % 2 === 0 ? hex : `0${hex}`;
    for (let i = 0; i < padded.length; i += 2) {
      this.bytes[this.position++] = hexDigit(padded.charCodeAt(i)) << 4 |
        hexDigit(padded.charCodeAt(i + 1));
    }
  }

  /** Writes bytes as a byte string. */
  byteString(source: Uint8Array): void {
    this.head(MAJOR.bytes, source.length);
    this.reserve(source.length);
    this.bytes.set(source, this.position);
    this.position += source.length;
  }

  /** Writes a string; one with lone surrogates as its code units. */
  text(text: string): void {
    const length = text.length;
    if (length > SHORT_TEXT_CHARACTERS) return this.#longText(text);
    if (this.position > this.#safeEnd) this.reserve(0);
    const bytes = this.bytes;
    let position = this.position;
    if (length < 24) {
      bytes[position++] = MAJOR.text | length;
    } else {
      bytes[position++] = MAJOR.text | 24;
      bytes[position++] = length;
    }
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit >= 0x80) return this.#longText(text);
      bytes[position++] = unit;
    }
    this.position = position;
  }

  #longText(text: string): void {
    if (!text.isWellFormed()) return this.#utf16(text);
    const length = text.length;
    const headBytes = length * 3 < 0x100 ? 2 : 5;
    this.reserve(
      length <= MEDIUM_TEXT_CHARACTERS ? length * 3 : length + SLACK_BYTES,
    );
    let start = this.position + headBytes;
    let result = textEncoder.encodeInto(text, this.bytes.subarray(start));
    if (result.read < length) {
      this.reserve(length * 3);
      start = this.position + headBytes;
      result = textEncoder.encodeInto(text, this.bytes.subarray(start));
    }
    if (headBytes === 2) {
      this.bytes[this.position] = MAJOR.text | 24;
      this.bytes[this.position + 1] = result.written;
    } else {
      this.bytes[this.position] = MAJOR.text | 26;
      this.#view.setUint32(this.position + 1, result.written);
    }
    this.position = start + result.written;
  }

  #utf16(text: string): void {
    this.head(MAJOR.tag, TAG.utf16);
    this.head(MAJOR.bytes, text.length * 2);
    this.reserve(text.length * 2);
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      this.bytes[this.position++] = unit;
      this.bytes[this.position++] = unit >>> 8;
    }
  }
}

/** The reason for a value that no segment can hold. */
export function tooLargeReason(): string {
  return "the value is larger than 4 GiB, the most that one object can " +
    "hold; put its parts one by one";
}

function allocate(size: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch (error) {
    throw new ValueFailure(
      `this thread has no memory for its ${size} bytes; put its parts one by one`,
      error,
    );
  }
}

function hexDigit(unit: number): number {
  return unit <= 0x39 ? unit - 0x30 : unit - 0x57;
}

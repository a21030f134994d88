// A ring of bytes in shared memory between exactly one writer and one reader.
// It carries frames, long ones in several parts, and knows nothing of what is
// in them.

import { ProtocolError } from "../base/errors.ts";
import { RING_PART_BYTES_MAX } from "../base/limits.ts";

/** Words of the control block. */
const WRITTEN = 0;
const TAKEN = 1;
const WRITER_WAITS = 2;
const CONTROL_BYTES = 64;

/** Each part is led by its length; this bit says that more parts follow. */
const LENGTH_BYTES = 4;
const MORE = 0x8000_0000;
/** Strangers that cut frames into less have them refused. */
const PART_BYTES_LEAST = 256;

/** Makes a ring of `sizeBytes`, a power of two. */
export function newRingBuffer(sizeBytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_BYTES + sizeBytes);
}

/** What a part takes in the ring: parts begin at whole words. */
function padded(lengthBytes: number): number {
  return LENGTH_BYTES + ((lengthBytes + 3) & ~3);
}

/** The length of the part that a word leads. */
function lengthIn(word: number): number {
  return word >= MORE ? word - MORE : word;
}

/** What the two ends share: positions count bytes for ever, modulo 2^32. */
class RingEnd {
  protected readonly control: Int32Array;
  protected readonly bytes: Uint8Array;
  protected readonly lengths: Uint32Array;
  protected readonly mask: number;

  constructor(buffer: SharedArrayBuffer) {
    const sizeBytes = buffer.byteLength - CONTROL_BYTES;
    this.control = new Int32Array(buffer, 0, CONTROL_BYTES / 4);
    this.bytes = new Uint8Array(buffer, CONTROL_BYTES, sizeBytes);
    this.lengths = new Uint32Array(buffer, CONTROL_BYTES, sizeBytes / 4);
    this.mask = sizeBytes - 1;
  }
}

/** The writing end; one thread only. */
export class RingWriter extends RingEnd {
  /**
   * Writes as much of a frame as there is room for, from `offset` on. Returns
   * the new offset: the frame's length when all of it is written, less when
   * the reader must make room first (then it signals).
   */
  write(frame: Uint8Array, offset = 0): number {
    do {
      const left = frame.length - offset;
      const length = Math.min(left, RING_PART_BYTES_MAX);
      if (!this.#reserve(padded(length))) return offset;
      this.#writePart(frame, offset, length, left > length);
      offset += length;
    } while (offset < frame.length);
    return offset;
  }

  /** Writes one part as it is, or nothing when there is no room. */
  writePart(part: Uint8Array, more: boolean): boolean {
    if (!this.#reserve(padded(part.length))) return false;
    this.#writePart(part, 0, part.length, more);
    return true;
  }

  #writePart(
    frame: Uint8Array,
    offset: number,
    length: number,
    more: boolean,
  ): void {
    const written = Atomics.load(this.control, WRITTEN) >>> 0;
    this.lengths[(written & this.mask) >> 2] = more ? length + MORE : length;
    const start = (written + LENGTH_BYTES) & this.mask;
    const untilEnd = this.mask + 1 - start;
    const end = offset + length;
    if (length <= untilEnd) {
      const whole = length === frame.length;
      this.bytes.set(whole ? frame : frame.subarray(offset, end), start);
    } else {
      this.bytes.set(frame.subarray(offset, offset + untilEnd), start);
      this.bytes.set(frame.subarray(offset + untilEnd, end), 0);
    }
    Atomics.store(this.control, WRITTEN, (written + padded(length)) | 0);
  }

  /** Asks the reader for a signal when it has made room, if it is short. */
  #reserve(sizeBytes: number): boolean {
    if (this.#freeBytes() >= sizeBytes) return true;
    Atomics.store(this.control, WRITER_WAITS, 1);
    return this.#freeBytes() >= sizeBytes;
  }

  #freeBytes(): number {
    const written = Atomics.load(this.control, WRITTEN);
    const taken = Atomics.load(this.control, TAKEN);
    return this.mask + 1 - ((written - taken) >>> 0);
  }
}

/** A piece of a frame. */
export interface RingPart {
  readonly bytes: Uint8Array;
  /** Whether parts of the same frame follow. */
  readonly more: boolean;
}

/** The reading end; one thread only. */
export class RingReader extends RingEnd {
  /** Parts of a frame whose last part has not come. */
  #parts: Uint8Array[] = [];
  #partsBytes = 0;
  /** How much has been read into the target that is being filled. */
  #filled = 0;
  readonly #frameBytesMax: number;

  /** Frames that are read whole, from a stranger, may have a bound. */
  constructor(buffer: SharedArrayBuffer, frameBytesMax = Infinity) {
    super(buffer);
    this.#frameBytesMax = frameBytesMax;
  }

  /** The next whole frame, copied out. */
  read(): Uint8Array | undefined {
    for (;;) {
      const word = this.#nextWord();
      if (word === undefined) return undefined;
      const part = new Uint8Array(lengthIn(word));
      this.#takePart(part, 0, part.length);
      if (word < MORE && this.#parts.length === 0) return part;
      this.#parts.push(part);
      this.#partsBytes += part.length;
      const parts = this.#parts.length;
      const isTooLong = this.#partsBytes > this.#frameBytesMax ||
        parts > this.#frameBytesMax / PART_BYTES_LEAST;
      if (isTooLong) {
        throw broken(`it has more than ${this.#frameBytesMax} bytes`);
      }
      if (word < MORE) return this.#join();
    }
  }

  /** Reads the next frame into memory of its length; whether it is whole. */
  readInto(target: Uint8Array): boolean {
    for (;;) {
      const word = this.#nextWord();
      if (word === undefined) return false;
      const length = lengthIn(word);
      if (this.#filled + length > target.length) throw broken("it is too long");
      this.#takePart(target, this.#filled, length);
      this.#filled += length;
      if (word >= MORE) continue;
      if (this.#filled < target.length) throw broken("it is too short");
      this.#filled = 0;
      return true;
    }
  }

  /** The next part as it lies there; for who never calls `read`. */
  readPart(): RingPart | undefined {
    const word = this.#nextWord();
    if (word === undefined) return undefined;
    const bytes = new Uint8Array(lengthIn(word));
    this.#takePart(bytes, 0, bytes.length);
    return { bytes, more: word >= MORE };
  }

  /** Whether the writer waits for room; asking clears it. */
  takeWriterWaits(): boolean {
    if (Atomics.load(this.control, WRITER_WAITS) === 0) return false;
    return Atomics.exchange(this.control, WRITER_WAITS, 0) === 1;
  }

  /** The word that leads the next part, if one has come. */
  #nextWord(): number | undefined {
    const taken = Atomics.load(this.control, TAKEN) >>> 0;
    if (Atomics.load(this.control, WRITTEN) >>> 0 === taken) return undefined;
    return this.lengths[(taken & this.mask) >> 2]!;
  }

  /** Copies the next part out and gives its room back. */
  #takePart(target: Uint8Array, offset: number, length: number): void {
    const taken = Atomics.load(this.control, TAKEN) >>> 0;
    const start = (taken + LENGTH_BYTES) & this.mask;
    const untilEnd = this.mask + 1 - start;
    if (length <= untilEnd) {
      target.set(this.bytes.subarray(start, start + length), offset);
    } else {
      target.set(this.bytes.subarray(start), offset);
      const rest = length - untilEnd;
      target.set(this.bytes.subarray(0, rest), offset + untilEnd);
    }
    Atomics.store(this.control, TAKEN, (taken + padded(length)) | 0);
  }

  #join(): Uint8Array {
    const parts = this.#parts;
    this.#parts = [];
    const frame = new Uint8Array(this.#partsBytes);
    this.#partsBytes = 0;
    let offset = 0;
    for (const part of parts) {
      frame.set(part, offset);
      offset += part.length;
    }
    return frame;
  }
}

function broken(why: string): ProtocolError {
  return new ProtocolError(`Cannot read a piece of a frame: ${why}`);
}

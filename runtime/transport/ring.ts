// A ring of bytes in shared memory between exactly one writer and one reader.
// It carries length-prefixed frames and knows nothing of what is in them.

/** Words of the control block. */
const WRITTEN = 0;
const TAKEN = 1;
const WRITER_WAITS = 2;
const CONTROL_BYTES = 64;

/** A length that stands for a frame which came over the port instead. */
const BESIDE = 0xffff_ffff;
const LENGTH_BYTES = 4;

/** Makes a ring of `sizeBytes`, a power of two. */
export function newRingBuffer(sizeBytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(CONTROL_BYTES + sizeBytes);
}

function padded(lengthBytes: number): number {
  return LENGTH_BYTES + ((lengthBytes + 3) & ~3);
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
  /** Frames longer than this never fit: they travel beside the ring. */
  get frameBytesMax(): number {
    return (this.mask + 1) >> 1;
  }

  /** Writes a frame; false when there is no room yet. */
  write(frame: Uint8Array): boolean {
    if (!this.#reserve(padded(frame.length))) return false;
    const written = Atomics.load(this.control, WRITTEN) >>> 0;
    this.lengths[(written & this.mask) >> 2] = frame.length;
    const start = (written + LENGTH_BYTES) & this.mask;
    const untilEnd = this.mask + 1 - start;
    if (frame.length <= untilEnd) {
      this.bytes.set(frame, start);
    } else {
      this.bytes.set(frame.subarray(0, untilEnd), start);
      this.bytes.set(frame.subarray(untilEnd), 0);
    }
    this.#publish(written + padded(frame.length));
    return true;
  }

  /** Marks the place of a frame that comes over the port. */
  writeBeside(): boolean {
    if (!this.#reserve(LENGTH_BYTES)) return false;
    const written = Atomics.load(this.control, WRITTEN) >>> 0;
    this.lengths[(written & this.mask) >> 2] = BESIDE;
    this.#publish(written + LENGTH_BYTES);
    return true;
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

  #publish(position: number): void {
    Atomics.store(this.control, WRITTEN, position | 0);
  }
}

/** The reading end; one thread only. */
export class RingReader extends RingEnd {
  /** The next frame, copied out; `"beside"` when it comes over the port. */
  read(): Uint8Array | "beside" | undefined {
    const taken = Atomics.load(this.control, TAKEN) >>> 0;
    if (Atomics.load(this.control, WRITTEN) >>> 0 === taken) return undefined;
    const length = this.lengths[(taken & this.mask) >> 2]!;
    if (length === BESIDE) {
      this.#release(taken + LENGTH_BYTES);
      return "beside";
    }
    const frame = new Uint8Array(length);
    const start = (taken + LENGTH_BYTES) & this.mask;
    const untilEnd = this.mask + 1 - start;
    if (length <= untilEnd) {
      frame.set(this.bytes.subarray(start, start + length));
    } else {
      frame.set(this.bytes.subarray(start));
      frame.set(this.bytes.subarray(0, length - untilEnd), untilEnd);
    }
    this.#release(taken + padded(length));
    return frame;
  }

  /** Whether the writer waits for room; asking clears it. */
  takeWriterWaits(): boolean {
    if (Atomics.load(this.control, WRITER_WAITS) === 0) return false;
    return Atomics.exchange(this.control, WRITER_WAITS, 0) === 1;
  }

  #release(position: number): void {
    Atomics.store(this.control, TAKEN, position | 0);
  }
}

// Reads the frames of a WebSocket (RFC 6455, 5.2) as a client gets them, from
// chunks that end anywhere. What no honest server sends ends the reading.

import { CHANNEL_MESSAGE_BYTES_MAX } from "../base/limits.ts";

export const OPCODE = {
  continuation: 0,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
} as const;

const FIN = 0x80;
const MASKED = 0x80;
const RESERVED = 0x70;
const HEADER_BYTES_MAX = 10;
const CONTROL_BYTES_MAX = 125;

const NOTHING = new Uint8Array(0);

/** What becomes of the frames. */
export interface FrameSink {
  /** A message, valid within the call; false when it is refused. */
  message(bytes: Uint8Array): boolean;
  ping(payload: Uint8Array): void;
  close(): void;
}

/** See the head of the file. */
export class FrameReader {
  readonly #sink: FrameSink;
  /** A header that has not come as a whole. */
  #header = NOTHING;
  #opcode = 0;
  #isFinal = false;
  /** Where payloads are put together. */
  #memory = NOTHING;
  /** The payload that is being filled, if one is. */
  #payload: Uint8Array | undefined;
  #filled = 0;
  /** Of a message in several frames. */
  #started: Uint8Array[] | undefined;
  #startedBytes = 0;
  #isOver = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Takes in a chunk; false when the connection must end. */
  read(chunk: Uint8Array): boolean {
    let rest = plain(chunk);
    while (rest.length > 0 && !this.#isOver) {
      const taken = this.#payload ? this.#fill(rest) : this.#begin(rest);
      if (taken < 0) return false;
      rest = rest.subarray(taken);
    }
    return true;
  }

  /** Reads a header, and its payload when all of it is there. */
  #begin(rest: Uint8Array): number {
    const before = this.#header.length;
    const header = before === 0 ? rest : joined(
      this.#header,
      rest.subarray(0, HEADER_BYTES_MAX),
    );
    const size = headerSize(header);
    if (header.length < size) {
      this.#header = header.slice();
      return rest.length;
    }
    this.#header = NOTHING;
    const length = this.#readHeader(header, size);
    if (length === undefined) return -1;
    const start = size - before;
    const end = start + length;
    if (rest.length >= end) {
      return this.#finish(rest.subarray(start, end)) ? end : -1;
    }
    this.#payload = this.#memoryFor(length);
    this.#payload.set(rest.subarray(start));
    this.#filled = rest.length - start;
    return rest.length;
  }

  /** The length of the payload, if the header may stand here. */
  #readHeader(header: Uint8Array, size: number): number | undefined {
    // No view on the bytes: most frames are short, and making one costs more.
    let length = size === 2 ? header[1]! & ~MASKED : 0;
    for (let at = 2; at < size; at++) length = length * 256 + header[at]!;
    this.#opcode = header[0]! & 0x0f;
    this.#isFinal = (header[0]! & FIN) !== 0;
    const isBroken = (header[0]! & RESERVED) !== 0 ||
      (header[1]! & MASKED) !== 0 ||
      length + this.#startedBytes > CHANNEL_MESSAGE_BYTES_MAX;
    return isBroken ? undefined : length;
  }

  /** The same memory each time: fresh memory costs more than the copy. */
  #memoryFor(length: number): Uint8Array {
    if (length > this.#memory.length) this.#memory = new Uint8Array(length);
    return this.#memory.subarray(0, length);
  }

  #fill(rest: Uint8Array): number {
    const payload = this.#payload!;
    const part = rest.subarray(0, payload.length - this.#filled);
    payload.set(part, this.#filled);
    this.#filled += part.length;
    if (this.#filled < payload.length) return part.length;
    this.#payload = undefined;
    return this.#finish(payload) ? part.length : -1;
  }

  #finish(payload: Uint8Array): boolean {
    if (this.#opcode >= OPCODE.close) return this.#control(payload);
    const isStart = this.#opcode === OPCODE.binary;
    // Either the first frame of a message, or one more of it.
    const isAllowed = isStart ? !this.#started : this.#started !== undefined;
    const isKnown = isStart || this.#opcode === OPCODE.continuation;
    if (!isAllowed || !isKnown) return false;
    if (isStart && this.#isFinal) return this.#sink.message(payload);
    this.#started = [...this.#started ?? [], payload.slice()];
    this.#startedBytes += payload.length;
    if (!this.#isFinal) return true;
    const message = joined(...this.#started);
    this.#started = undefined;
    this.#startedBytes = 0;
    return this.#sink.message(message);
  }

  #control(payload: Uint8Array): boolean {
    if (!this.#isFinal || payload.length > CONTROL_BYTES_MAX) return false;
    switch (this.#opcode) {
      case OPCODE.ping:
        this.#sink.ping(payload);
        return true;
      case OPCODE.pong:
        return true;
      case OPCODE.close:
        this.#isOver = true;
        this.#sink.close();
        return true;
      default:
        return false;
    }
  }
}

/** How long the header is that begins so. */
function headerSize(header: Uint8Array): number {
  const short = (header[1] ?? 0) & ~MASKED;
  return short < 126 ? 2 : short === 126 ? 4 : HEADER_BYTES_MAX;
}

/** Node's buffers are views whose slices are views, too. */
function plain(chunk: Uint8Array): Uint8Array {
  return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.length);
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (const part of parts) length += part.length;
  const whole = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

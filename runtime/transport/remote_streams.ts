// Many streams over one session: cuts what they send into parts, takes turns
// among them, and gives the parts that come to whom they belong. Each stream
// has a window: who does not read stops its own stream and no other. Pure: no
// I/O, no timer. docs/protocol.md has the format.

import { ProtocolError } from "../base/errors.ts";
import { Deque } from "../base/deque.ts";
import {
  REMOTE_FRAME_BYTES_MAX,
  REMOTE_STREAMS_MAX,
  RING_PART_BYTES_MAX,
  STREAM_QUEUED_BYTES_MAX,
  STREAM_WINDOW_BYTES,
} from "../base/limits.ts";
import { PacketFrame } from "../protocol/session_packet.ts";

/** In front of each part: the stream's number, and the part's length. */
export const PART_HEADER_BYTES = 8;
/** In a length: more parts of the same piece follow. */
const MORE = 0x8000_0000;
/** In a number: no part follows; the length is bytes granted, 0 is the end. */
const CONTROL = 0x8000_0000;
/** Of a control: its sender neither sends nor takes anything more. */
const ENDED = 0;
/** A part is cut to what has room, but not to less than this. */
const CUT_BYTES_MIN = 1024;
/** Streams that both sides have from the start, with a whole window. */
const STREAMS_AT_START = 2;

/** What becomes of the parts of a stream. */
export interface StreamSink {
  /** A part has come; a view, to be copied by who keeps it long. */
  part(bytes: Uint8Array, more: boolean): void;
  /** The stream has room again. */
  drained?(): void;
  /** The peer has closed the stream: nothing comes any more. */
  closed(): void;
}

export interface RemoteStreamsOptions {
  /** Whether this side, the node, numbers the streams that are opened. */
  readonly isNumbering: boolean;
  /** There is something for `nextFrame`. */
  readonly onOutput: () => void;
}

interface QueuedPart {
  readonly bytes: Uint8Array;
  readonly more: boolean;
}

/** What one part of a frame becomes of. */
interface Cut {
  readonly stream: number;
  readonly word: number;
  readonly bytes?: Uint8Array;
}

/** One stream, as its user sees it. */
export class RemoteStream {
  readonly number: number;
  /** For {@linkcode RemoteStreams}, as all of these. */
  readonly sink: StreamSink;
  readonly queue = new Deque<QueuedPart>();
  /** How much of the first queued part has been sent. */
  sentOfFirst = 0;
  queuedBytes = 0;
  /** What the peer lets us send. */
  credit: number;
  /** What we let the peer send. */
  granted = STREAM_WINDOW_BYTES;
  /** What was taken and is not granted anew. */
  taken = 0;
  isReady = false;
  isClosed = false;
  /** The user waits for `drained`. */
  isAwaited = false;
  readonly #streams: RemoteStreams;

  constructor(
    streams: RemoteStreams,
    number: number,
    sink: StreamSink,
    credit: number,
  ) {
    this.#streams = streams;
    this.number = number;
    this.sink = sink;
    this.credit = credit;
  }

  /** Queues a part, or a whole piece. It must not be changed afterwards. */
  send(bytes: Uint8Array, more = false): void {
    if (this.isClosed) return;
    this.queue.push({ bytes, more });
    this.#streams.queued(this, bytes.length + PART_HEADER_BYTES);
  }

  /** Whether more is to be queued now; if not, `drained` tells when. */
  awaitRoom(): boolean {
    this.isAwaited = this.queuedBytes >= STREAM_QUEUED_BYTES_MAX;
    return !this.isAwaited;
  }

  /** The part of so many bytes needs no room any more: more may come. */
  consumed(lengthBytes: number): void {
    this.taken += lengthBytes + PART_HEADER_BYTES;
    if (this.taken >= STREAM_WINDOW_BYTES / 4) this.#streams.grant(this);
  }

  /** Gets nothing more; the peer is told after all that was queued. */
  close(): void {
    if (!this.isClosed) this.#streams.close(this);
  }
}

/** See the head of the file. */
export class RemoteStreams {
  readonly #isNumbering: boolean;
  readonly #onOutput: () => void;
  readonly #streams = new Map<number, RemoteStream>();
  /** Streams that may send, in turn. */
  readonly #ready = new Deque<RemoteStream>();
  /** Grants and ends to be sent. */
  readonly #controls = new Deque<Cut>();
  /** Granted by the peer for streams that are not open here yet. */
  readonly #early = new Map<number, number>();
  /** The highest number so far. */
  #opened = -1;
  #next = STREAMS_AT_START;
  #queuedBytes = 0;

  constructor(options: RemoteStreamsOptions) {
    this.#isNumbering = options.isNumbering;
    this.#onOutput = options.onOutput;
  }

  /** The number for another stream; numbering side only. */
  nextNumber(): number {
    return this.#next++;
  }

  /** Opens a stream; numbers are never used twice. */
  open(number: number, sink: StreamSink): RemoteStream {
    if (this.#streams.has(number) || number >= CONTROL) {
      throw new RangeError(`Cannot open stream ${number}: it is open already`);
    }
    this.#opened = Math.max(this.#opened, number);
    const isStart = number < STREAMS_AT_START;
    const early = isStart ? STREAM_WINDOW_BYTES : this.#early.get(number);
    this.#early.delete(number);
    const stream = new RemoteStream(this, number, sink, early ?? 0);
    if (early === ENDED) {
      stream.isClosed = true;
      sink.closed();
      return stream;
    }
    this.#streams.set(number, stream);
    if (!isStart) this.#control(number, STREAM_WINDOW_BYTES);
    return stream;
  }

  /** Everything that waits to be sent, in bytes. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether `nextFrame` has something. */
  get hasOutput(): boolean {
    return this.#ready.length + this.#controls.length > 0;
  }

  /** The session is over: nobody sends or gets anything any more. */
  closeAll(): void {
    const all = [...this.#streams.values()];
    for (const stream of all) this.#forget(stream);
    this.#ready.clear();
    this.#controls.clear();
    this.#early.clear();
    for (const stream of all) stream.sink.closed();
  }

  // -- For streams -----------------------------------------------------------

  queued(stream: RemoteStream, sizeBytes: number): void {
    stream.queuedBytes += sizeBytes;
    this.#queuedBytes += sizeBytes;
    this.#makeReady(stream);
  }

  grant(stream: RemoteStream): void {
    if (!this.#streams.has(stream.number)) return;
    const { number, taken } = stream;
    stream.taken = 0;
    stream.granted += taken;
    this.#control(number, taken);
  }

  close(stream: RemoteStream): void {
    stream.isClosed = true;
    if (stream.queue.length === 0) this.#end(stream);
  }

  // -- Sending ---------------------------------------------------------------

  /** The next frame to send, if there is something. */
  nextFrame(): Uint8Array | undefined {
    if (!this.hasOutput) return undefined;
    const cuts: Cut[] = [];
    const drained: RemoteStream[] = [];
    let length = 0;
    for (;;) {
      const room = REMOTE_FRAME_BYTES_MAX - length - PART_HEADER_BYTES;
      if (room < 0) break;
      const control = this.#controls.shift();
      const stream = control ? undefined : this.#ready.peek();
      const cut = control ?? (stream && this.#cut(stream, room));
      if (!cut) break;
      cuts.push(cut);
      length += PART_HEADER_BYTES + (cut.bytes?.length ?? 0);
      if (stream && hasDrained(stream)) drained.push(stream);
    }
    const frame = joinCuts(cuts, length);
    for (const stream of drained) stream.sink.drained?.();
    return frame;
  }

  /** Takes a part off the first ready stream, which then stands last. */
  #cut(stream: RemoteStream, room: number): Cut | undefined {
    const { bytes, more } = stream.queue.peek()!;
    const start = stream.sentOfFirst;
    const left = bytes.length - start;
    const credit = stream.credit - PART_HEADER_BYTES;
    const length = Math.min(left, RING_PART_BYTES_MAX, room, credit);
    // A ready stream has the credit: the room is short, the frame full.
    if (length < left && length < CUT_BYTES_MIN) return undefined;
    const isWhole = length === left;
    const charged = length + (isWhole ? PART_HEADER_BYTES : 0);
    stream.credit -= length + PART_HEADER_BYTES;
    stream.queuedBytes -= charged;
    this.#queuedBytes -= charged;
    if (isWhole) stream.queue.shift();
    stream.sentOfFirst = isWhole ? 0 : start + length;
    this.#ready.shift();
    stream.isReady = false;
    if (stream.queue.length > 0) this.#makeReady(stream);
    else if (stream.isClosed) this.#end(stream);
    return {
      stream: stream.number,
      word: more || !isWhole ? length + MORE : length,
      bytes: bytes.subarray(start, start + length),
    };
  }

  #makeReady(stream: RemoteStream): void {
    if (stream.isReady || stream.queue.length === 0) return;
    const first = stream.queue.peek()!.bytes.length - stream.sentOfFirst;
    const needed = PART_HEADER_BYTES + Math.min(first, CUT_BYTES_MIN);
    if (stream.credit < needed) return;
    stream.isReady = true;
    this.#ready.push(stream);
    this.#onOutput();
  }

  #control(stream: number, word: number): void {
    this.#controls.push({ stream: stream + CONTROL, word });
    this.#onOutput();
  }

  #end(stream: RemoteStream): void {
    this.#forget(stream);
    this.#control(stream.number, ENDED);
  }

  #forget(stream: RemoteStream): void {
    stream.isClosed = true;
    this.#queuedBytes -= stream.queuedBytes;
    stream.queuedBytes = 0;
    stream.queue.clear();
    if (stream.isReady) this.#ready.remove(stream);
    stream.isReady = false;
    this.#streams.delete(stream.number);
  }

  // -- Receiving -------------------------------------------------------------

  /** Gives the parts of a frame to their streams. */
  receive(frame: Uint8Array): void {
    const { buffer, byteOffset, length } = frame;
    const view = new DataView(buffer, byteOffset, length);
    let offset = 0;
    while (offset < length) {
      if (length - offset < PART_HEADER_BYTES) throw broken("it is cut off");
      const number = view.getUint32(offset, true);
      const word = view.getUint32(offset + 4, true);
      offset += PART_HEADER_BYTES;
      if (number >= CONTROL) {
        this.#controlled(number - CONTROL, word);
        continue;
      }
      const more = word >= MORE;
      const size = more ? word - MORE : word;
      if (size > RING_PART_BYTES_MAX) throw broken("it is too long");
      if (size > length - offset) throw broken("it is cut off");
      this.#received(number, frame.subarray(offset, offset + size), more);
      offset += size;
    }
  }

  #received(number: number, bytes: Uint8Array, more: boolean): void {
    const stream = this.#streams.get(number);
    if (!stream) {
      if (number > this.#opened) throw broken(`there is no stream ${number}`);
      return;
    }
    stream.granted -= bytes.length + PART_HEADER_BYTES;
    if (stream.granted < 0) throw broken("its stream's window is full");
    // Two that close must not wait for each other's window.
    if (stream.isClosed) stream.consumed(bytes.length);
    else stream.sink.part(bytes, more);
  }

  #controlled(number: number, word: number): void {
    const stream = this.#streams.get(number);
    if (!stream) return this.#controlledEarly(number, word);
    if (word === ENDED) {
      const tell = !stream.isClosed;
      this.#forget(stream);
      if (tell) stream.sink.closed();
      return;
    }
    // No honest peer lets more come than a window.
    if (stream.credit + word > STREAM_WINDOW_BYTES) {
      throw broken("it grants too much");
    }
    stream.credit += word;
    this.#makeReady(stream);
  }

  /** The peer has opened, or closed, what we have not opened yet. */
  #controlledEarly(number: number, word: number): void {
    if (number <= this.#opened) return;
    if (this.#isNumbering) throw broken(`there is no stream ${number}`);
    const isAgain = this.#early.has(number) && word !== ENDED;
    if (isAgain || word > STREAM_WINDOW_BYTES) {
      throw broken("it grants too much");
    }
    if (this.#early.size >= REMOTE_STREAMS_MAX) {
      throw broken(`more than ${REMOTE_STREAMS_MAX} streams wait to be opened`);
    }
    this.#early.set(number, word);
  }
}

/** Whether who waits for room is to be told; told once. */
function hasDrained(stream: RemoteStream): boolean {
  const isLow = stream.queuedBytes * 2 <= STREAM_QUEUED_BYTES_MAX;
  if (!stream.isAwaited || !isLow) return false;
  stream.isAwaited = false;
  return true;
}

function joinCuts(
  cuts: readonly Cut[],
  length: number,
): Uint8Array {
  const frame = PacketFrame.ofLength(length);
  const view = new DataView(frame.buffer, frame.byteOffset);
  let offset = 0;
  for (const { stream, word, bytes } of cuts) {
    view.setUint32(offset, stream, true);
    view.setUint32(offset + 4, word, true);
    offset += PART_HEADER_BYTES;
    if (!bytes) continue;
    frame.set(bytes, offset);
    offset += bytes.length;
  }
  return frame;
}

function broken(why: string): ProtocolError {
  return new ProtocolError(`Cannot read a part of a frame: ${why}`);
}

// Looks through the CBOR of a frame's head that came from another process,
// before anything is made of it: it must be whole, shallow, of the kinds that
// messages consist of, and must not ask for memory that its bytes do not pay
// for. The decoder itself believes what a count says.

import { ProtocolError } from "../base/errors.ts";
import {
  ATTACHMENT_BYTES_MAX,
  MESSAGE_DEPTH_MAX,
  REMOTE_ATTACHED_BYTES_MAX,
} from "../base/limits.ts";
import {
  ATTACHED_TAG,
  decodeFrame,
  type FrameContents,
} from "./frame_codec.ts";

/** CBOR's major types (RFC 8949, 3.1). */
const UNSIGNED = 0;
const NEGATIVE = 1;
const BYTES = 2;
const TEXT = 3;
const LIST = 4;
const MAP = 5;
const TAG = 6;

/** Decodes a frame's head that came from another process. */
export function decodeUntrusted(head: Uint8Array): FrameContents {
  checkHead(head);
  return decodeFrame(head);
}

/** Throws a `ProtocolError` unless the head is safe to decode. */
export function checkHead(head: Uint8Array): void {
  const check = new HeadCheck(head);
  check.item(0);
  check.end();
}

class HeadCheck {
  readonly #head: Uint8Array;
  readonly #view: DataView;
  #offset = 0;
  #attachedBytes = 0;

  constructor(head: Uint8Array) {
    this.#head = head;
    this.#view = new DataView(head.buffer, head.byteOffset, head.length);
  }

  item(depth: number): void {
    if (depth > MESSAGE_DEPTH_MAX) {
      throw broken(`it is nested more than ${MESSAGE_DEPTH_MAX} deep`);
    }
    const first = this.#byte();
    const major = first >> 5;
    const short = first & 31;
    if (major > TAG) return this.#simple(short);
    const count = this.#argument(short);
    switch (major) {
      case UNSIGNED:
      case NEGATIVE:
        return;
      case BYTES:
      case TEXT:
        return this.#skip(count);
      case LIST:
        this.#expect(count);
        for (let n = 0; n < count; n++) this.item(depth + 1);
        return;
      case MAP:
        this.#expect(count * 2);
        for (let n = 0; n < count * 2; n++) this.item(depth + 1);
        return;
      default:
        return this.#attached(count);
    }
  }

  end(): void {
    if (this.#offset < this.#head.length) throw broken("bytes follow its end");
  }

  /** The argument of an item's first byte; lengths are always definite. */
  #argument(short: number): number {
    if (short < 24) return short;
    const at = this.#offset;
    switch (short) {
      case 24:
        return this.#byte();
      case 25:
        this.#skip(2);
        return this.#view.getUint16(at);
      case 26:
        this.#skip(4);
        return this.#view.getUint32(at);
      case 27:
        this.#skip(8);
        return Number(this.#view.getBigUint64(at));
      default:
        throw broken("an item has no length");
    }
  }

  /** Booleans, null, undefined, and floats. */
  #simple(short: number): void {
    if (short >= 20 && short <= 23) return;
    if (short < 25 || short > 27) throw broken("a simple value is unknown");
    this.#skip(1 << (short - 24));
  }

  /** The one tag of frames: the length of bytes that stand beside. */
  #attached(tag: number): void {
    if (tag !== ATTACHED_TAG) throw broken(`it has the unknown tag ${tag}`);
    const first = this.#byte();
    if (first >> 5 !== UNSIGNED) throw broken("a length is no number");
    const length = this.#argument(first & 31);
    this.#attachedBytes += length;
    const isTooLong = length > ATTACHMENT_BYTES_MAX ||
      this.#attachedBytes > REMOTE_ATTACHED_BYTES_MAX;
    if (isTooLong) throw broken("the bytes beside it are too many");
  }

  /** Each item takes a byte at least. */
  #expect(count: number): void {
    if (count > this.#head.length - this.#offset) {
      throw broken("it ends too early");
    }
  }

  #skip(count: number): void {
    this.#expect(count);
    this.#offset += count;
  }

  #byte(): number {
    this.#skip(1);
    return this.#head[this.#offset - 1]!;
  }
}

function broken(why: string): ProtocolError {
  return new ProtocolError(`Cannot read a frame: ${why}`);
}

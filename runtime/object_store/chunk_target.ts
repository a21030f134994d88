// Memory that the chunks of one object come into: in order, without gaps, never
// beyond its end. What does not fit is a `ProtocolError`.

import { ProtocolError } from "../base/errors.ts";
import { OBJECT_CHUNK_BYTES_MAX } from "../base/limits.ts";
import { returnAttachment } from "../protocol/frame_codec.ts";

/** See the head of the file. */
export class ChunkTarget {
  readonly #bytes: Uint8Array<SharedArrayBuffer>;
  #filled = 0;

  /** `bytes` has the length of the object. */
  constructor(bytes: Uint8Array<SharedArrayBuffer>) {
    this.#bytes = bytes;
  }

  /** Whether all has come. */
  get isWhole(): boolean {
    return this.#filled === this.#bytes.length;
  }

  /** Copies a chunk in; its memory is used again for what comes next. */
  take(offset: number, chunk: Uint8Array): void {
    this.fill(offset, chunk.length, (bytes) => bytes.set(chunk));
    returnAttachment(chunk);
  }

  /** Has a chunk of so many bytes written where it belongs. */
  fill(
    offset: number,
    length: number,
    write: (bytes: Uint8Array) => void,
  ): void {
    const isNext = offset === this.#filled && length > 0 &&
      length <= OBJECT_CHUNK_BYTES_MAX &&
      length <= this.#bytes.length - offset;
    if (!isNext) {
      throw new ProtocolError(
        `Cannot take ${length} bytes at ${offset}: the object has ` +
          `${this.#filled} of ${this.#bytes.length} bytes`,
      );
    }
    write(this.#bytes.subarray(offset, offset + length));
    this.#filled += length;
  }
}

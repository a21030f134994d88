// Pieces from the parts of a stream, in the way that a ring's reader gives
// them: whole heads, and attachments into memory of their length. What a peer
// sends is not trusted: a piece too long, or of another length than was said,
// is a `ProtocolError`.

import { ProtocolError } from "../base/errors.ts";
import { Deque } from "../base/deque.ts";
import { REMOTE_PIECE_BYTES_MAX } from "../base/limits.ts";
import type { PieceReader } from "./frame_assembler.ts";
import type { RingPart } from "./ring.ts";

/** See the head of the file. */
export class PartQueue implements PieceReader {
  readonly #parts = new Deque<RingPart>();
  /** Of a piece whose last part has not come. */
  #started: Uint8Array[] = [];
  #startedBytes = 0;
  /** How much has been read into the target that is being filled. */
  #filled = 0;

  push(part: RingPart): void {
    this.#parts.push(part);
  }

  read(): Uint8Array | undefined {
    for (;;) {
      const part = this.#parts.shift();
      if (!part) return undefined;
      this.#startedBytes += part.bytes.length;
      if (this.#startedBytes > REMOTE_PIECE_BYTES_MAX) {
        throw broken(`it is longer than ${REMOTE_PIECE_BYTES_MAX} bytes`);
      }
      // A copy: the part is a view on a message that may be much larger.
      this.#started.push(part.bytes.slice());
      if (!part.more) return this.#join();
    }
  }

  readInto(target: Uint8Array): boolean {
    for (;;) {
      const part = this.#parts.shift();
      if (!part) return false;
      if (this.#filled + part.bytes.length > target.length) {
        throw broken("it is longer than was said");
      }
      target.set(part.bytes, this.#filled);
      this.#filled += part.bytes.length;
      if (part.more) continue;
      if (this.#filled < target.length) {
        throw broken("it is shorter than was said");
      }
      this.#filled = 0;
      return true;
    }
  }

  #join(): Uint8Array {
    const parts = this.#started;
    const length = this.#startedBytes;
    this.#started = [];
    this.#startedBytes = 0;
    if (parts.length === 1) return parts[0]!;
    const piece = new Uint8Array(length);
    let offset = 0;
    for (const part of parts) {
      piece.set(part, offset);
      offset += part.length;
    }
    return piece;
  }
}

function broken(why: string): ProtocolError {
  return new ProtocolError(`Cannot read a piece of a frame: ${why}`);
}

// Puts the frames of a link together again: a head, then the attachments that
// it names, each a piece of its own. Knows nothing of where pieces come from:
// a ring and a stream of a connection read them alike.

import { decodeFrame, type FrameContents } from "../protocol/frame_codec.ts";

/** Where pieces come from, in order. */
export interface PieceReader {
  /** The next whole piece, if it is there; it belongs to the caller. */
  read(): Uint8Array | undefined;
  /** Reads the next piece into memory of its length; whether it is whole. */
  readInto(target: Uint8Array): boolean;
}

/** See the head of the file. */
export class FrameAssembler {
  readonly #pieces: PieceReader;
  readonly #decode: (head: Uint8Array) => FrameContents;
  /** A frame whose head has come, and how many of its attachments. */
  #incomplete: FrameContents | undefined;
  #filledCount = 0;

  constructor(pieces: PieceReader, decode = decodeFrame) {
    this.#pieces = pieces;
    this.#decode = decode;
  }

  /** The next frame that is there with all that belongs to it. */
  next(): FrameContents | undefined {
    if (!this.#incomplete) {
      const head = this.#pieces.read();
      if (!head) return undefined;
      this.#incomplete = this.#decode(head);
      this.#filledCount = 0;
    }
    const contents = this.#incomplete;
    const { attachments } = contents;
    while (this.#filledCount < attachments.length) {
      const target = attachments[this.#filledCount]!;
      if (!this.#pieces.readInto(target)) return undefined;
      this.#filledCount++;
    }
    this.#incomplete = undefined;
    return contents;
  }
}

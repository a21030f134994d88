// Cuts objects into chunks and says which one is sent next: objects take turns,
// and no more is under way than the peer has room for. Both sides of a
// connection send objects in this way. Pure: it knows lengths, and no bytes.

import { Deque } from "../base/deque.ts";
import { ProtocolError } from "../base/errors.ts";
import { OBJECT_CHUNK_BYTES_MAX, OBJECT_CHUNKS_MAX } from "../base/limits.ts";
import type { RequestId } from "./messages.ts";

/** What is to be sent now. */
export interface Chunk {
  readonly requestId: RequestId;
  readonly offset: number;
  readonly length: number;
  readonly isLast: boolean;
}

interface Transfer {
  readonly requestId: RequestId;
  readonly sizeBytes: number;
  sentBytes: number;
  /** Chunks that the peer has not taken. */
  underWay: number;
  isStopped: boolean;
}

/** See the head of the file. */
export class ChunkSender {
  readonly #transfers = new Map<RequestId, Transfer>();
  /** Those with something left to send, in turn. */
  readonly #turns = new Deque<Transfer>();
  /** Of each chunk under way the transfer, in the order sent. */
  readonly #underWay = new Deque<Transfer>();

  /** Sends this object from now on; an empty one has nothing to send. */
  add(requestId: RequestId, sizeBytes: number): void {
    const transfer: Transfer = {
      ...{ requestId, sizeBytes, sentBytes: 0, underWay: 0, isStopped: false },
    };
    this.#transfers.set(requestId, transfer);
    this.#turns.push(transfer);
  }

  /** The next chunk, if the peer has room for one. */
  next(): Chunk | undefined {
    if (this.#underWay.length >= OBJECT_CHUNKS_MAX) return undefined;
    const transfer = this.#turns.shift();
    if (!transfer) return undefined;
    const { requestId, sizeBytes, sentBytes: offset } = transfer;
    const length = Math.min(sizeBytes - offset, OBJECT_CHUNK_BYTES_MAX);
    transfer.sentBytes += length;
    transfer.underWay++;
    this.#underWay.push(transfer);
    const isLast = transfer.sentBytes === sizeBytes;
    if (!isLast) this.#turns.push(transfer);
    return { requestId, offset, length, isLast };
  }

  /** The peer has taken so many chunks; gives the objects that are through. */
  taken(count: number): RequestId[] {
    if (count > this.#underWay.length) {
      throw new ProtocolError(
        `Cannot count ${count} chunks as taken: ${this.#underWay.length} are ` +
          "under way",
      );
    }
    const through: RequestId[] = [];
    for (let n = 0; n < count; n++) {
      const transfer = this.#underWay.shift()!;
      transfer.underWay--;
      if (this.#isThrough(transfer)) through.push(transfer.requestId);
    }
    return through;
  }

  /**
   * Sends nothing more of the object. Whether it is through at once; else
   * `taken` says so when nothing of it is under way any more.
   */
  stop(requestId: RequestId): boolean {
    const transfer = this.#transfers.get(requestId);
    if (!transfer) return true;
    transfer.isStopped = true;
    this.#turns.remove(transfer);
    return this.#isThrough(transfer);
  }

  clear(): void {
    this.#transfers.clear();
    this.#turns.clear();
    this.#underWay.clear();
  }

  #isThrough(transfer: Transfer): boolean {
    const { requestId, sizeBytes, sentBytes, underWay, isStopped } = transfer;
    const isSent = sentBytes === sizeBytes || isStopped;
    if (!isSent || underWay > 0) return false;
    this.#transfers.delete(requestId);
    return true;
  }
}

// News of a node that must wait for other streams: what a thread has said comes
// before what is said of its end, though each takes a way of its own.

import type { StreamsAwaited } from "./protocol/driver_messages.ts";
import type { LinkMessage } from "./transport/link.ts";

/** What has come on a stream. */
export interface AwaitedStream {
  readonly receivedPieces: number;
  /** One that this side has closed brings nothing more. */
  readonly isOpen: boolean;
}

/** See the head of the file. */
export class HeldNews {
  readonly #streams = new Map<number, AwaitedStream>();
  readonly #deliver: (message: LinkMessage) => void;
  /** What must wait, and all behind it. */
  #held: LinkMessage[] = [];

  constructor(deliver: (message: LinkMessage) => void) {
    this.#deliver = deliver;
  }

  opened(number: number, stream: AwaitedStream): void {
    this.#streams.set(number, stream);
  }

  /** Delivers a message of the node, now or later. */
  take(message: LinkMessage): void {
    const isBehind = this.#held.length > 0;
    if (isBehind || message.type === "streams_awaited") {
      this.#held.push(message);
      if (!isBehind) this.release();
    } else this.#deliver(message);
  }

  /** Delivers what waited for other streams, as far as they have come. */
  release(): void {
    while (this.#held.length > 0) {
      const [message] = this.#held;
      if (message!.type === "streams_awaited") {
        if (!this.#hasCome(message as StreamsAwaited)) return;
        this.#held.shift();
      } else this.#deliver(this.#held.shift()!);
    }
  }

  #hasCome({ streams }: StreamsAwaited): boolean {
    return streams.every(([number, pieces]) => {
      const stream = this.#streams.get(number);
      if (stream?.isOpen && stream.receivedPieces < pieces) return false;
      if (stream && !stream.isOpen) this.#streams.delete(number);
      return true;
    });
  }
}

// A link between two threads of a simulated cluster, or a thread and a relay of
// its node: real rings, which are looked into when the world says so.

import type { ClaimTable } from "../../runtime/transport/claims.ts";
import type {
  Link,
  LinkMessage,
  LinkReceiver,
} from "../../runtime/transport/link.ts";
import { Mailbox } from "../../runtime/transport/mailbox.ts";
import {
  RingLink,
  type RingLinkEnd,
} from "../../runtime/transport/ring_link.ts";

/** See the head of the file. */
export class SimRing implements Link {
  readonly pushed?: ClaimTable;
  readonly taken?: ClaimTable;
  readonly #link: RingLink;
  readonly #wake: () => void;
  #isOver = false;

  constructor(end: RingLinkEnd, wake: () => void) {
    // A mailbox that nobody rings: the world looks by itself.
    this.#link = new RingLink(end, new Mailbox());
    this.#wake = wake;
    const { pushed, taken } = this.#link;
    if (pushed) this.pushed = pushed;
    if (taken) this.taken = taken;
  }

  get isForeign(): boolean {
    return this.#link.isForeign;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  start(receiver: LinkReceiver): void {
    this.#link.start({
      ...receiver,
      receive: (message) => {
        if (this.#isOver) return;
        receiver.receive(message);
        this.#wake();
      },
    });
  }

  send(message: LinkMessage): void {
    this.#link.send(message);
  }

  sendShared(message: LinkMessage): void {
    this.#link.sendShared(message);
  }

  flush(): void {
    if (!this.#isOver) this.#link.flush();
  }

  drain(): void {
    this.poll();
  }

  close(): void {
    if (this.#isOver) return;
    this.#link.close();
    this.#isOver = true;
  }

  /** Takes in what has come. */
  poll(): void {
    if (!this.#isOver) this.#link.poll();
  }

  /** The thread on this side is gone. */
  kill(): void {
    this.#isOver = true;
  }
}

// A link of a thread to itself, for tasks that an owner runs on its own
// thread. Messages are taken over at flush, in a later microtask.

import { encodeFrame, joinFrame, readFrame } from "../protocol/frame_codec.ts";
import { ClaimTable, newClaimBuffer } from "./claims.ts";
import type { Link, LinkMessage, LinkReceiver } from "./link.ts";

/** One side of a loopback; see {@linkcode newLoopbackLinks}. */
class LoopbackLink implements Link {
  readonly pushed: ClaimTable;
  readonly taken: ClaimTable;
  peer: LoopbackLink | undefined;
  #outgoing: LinkMessage[] = [];
  #receiver: LinkReceiver | undefined;
  #early: LinkMessage[] = [];
  #open = true;
  readonly #wake: () => void;

  constructor(pushed: ClaimTable, taken: ClaimTable, wake: () => void) {
    this.pushed = pushed;
    this.taken = taken;
    this.#wake = wake;
  }

  start(receiver: LinkReceiver): void {
    this.#receiver = receiver;
    for (const message of this.#early.splice(0)) receiver.receive(message);
  }

  send(message: LinkMessage): void {
    this.#outgoing.push(message);
  }

  flush(): void {
    if (this.#outgoing.length === 0 || !this.#open) return;
    // Encoded like on any other link, so that nothing is shared by accident.
    const frame = joinFrame(encodeFrame(this.#outgoing));
    this.#outgoing = [];
    queueMicrotask(() => this.#deliver(readFrame(frame)));
  }

  sendShared(message: LinkMessage): void {
    if (!this.#open) return;
    queueMicrotask(() => this.#deliver([message]));
  }

  /** What is under way comes in its microtask, whatever happens. */
  drain(): void {}

  close(): void {
    this.flush();
    this.#open = false;
    this.#early = [];
  }

  #deliver(messages: readonly LinkMessage[]): void {
    const peer = this.peer;
    for (const message of messages) {
      // Closed, maybe by what the message before led to.
      if (!peer || !peer.#open) return;
      if (peer.#receiver) peer.#receiver.receive(message);
      else peer.#early.push(message);
    }
    this.#wake();
  }
}

/** Two links that are each other's peer; `wake` as for a ring link. */
export function newLoopbackLinks(wake: () => void): [Link, Link] {
  const forth = new ClaimTable(newClaimBuffer());
  const back = new ClaimTable(newClaimBuffer());
  const source = new LoopbackLink(forth, back, wake);
  const target = new LoopbackLink(back, forth, wake);
  source.peer = target;
  target.peer = source;
  return [source, target];
}

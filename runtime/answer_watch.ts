// A node's watch for what its threads answer to a call that it has passed on
// for another process: a driver or another node. Waking the node costs tens of
// microseconds, so that it stays awake for a moment behind a lone call.

import { ANSWER_WATCH_US_MAX, LONE_CALL_BYTES_MAX } from "./base/limits.ts";
import { Watch } from "./platform/spin.ts";
import type { Mailbox } from "./transport/mailbox.ts";

/** The node that watches. */
export interface WatchingNode {
  readonly mailbox: Mailbox;
  takeIn(): void;
}

/** See the head of the file. */
export class AnswerWatch {
  readonly #node: WatchingNode;
  readonly #watch: Watch;
  /** What threads have got of other processes in this turn. */
  #relayedBytes = 0;

  constructor(node: WatchingNode, yieldProcessor: (() => void) | undefined) {
    this.#node = node;
    this.#watch = new Watch(ANSWER_WATCH_US_MAX, yieldProcessor);
  }

  relayed(lengthBytes: number): void {
    this.#relayedBytes += lengthBytes;
  }

  /** The node takes in what has come, and what is answered to it at once. */
  takeIn(): void {
    const { mailbox } = this.#node;
    this.#node.takeIn();
    const relayedBytes = this.#relayedBytes;
    this.#relayedBytes = 0;
    // Behind many calls, a watch would only take the time of who runs them.
    const isLoneCall = relayedBytes > 0 && relayedBytes <= LONE_CALL_BYTES_MAX;
    if (!isLoneCall) return;
    if (this.#watch.until(() => mailbox.hasMail)) this.#node.takeIn();
  }
}

// What every connection between two threads or nodes looks like. Parts see
// this interface only; whether a link is a pair of rings, a loopback or a
// WebSocket is decided in the wiring.

import type { ProtocolError } from "../base/errors.ts";
import type { ClaimTable } from "./claims.ts";

/** A message as links carry it: plain, with a literal `type`. */
export interface LinkMessage {
  readonly type: string;
}

/** What the receiving side of a link does. */
export interface LinkReceiver {
  /** Called once per message, in the order sent; see `broken`. */
  receive(message: LinkMessage): void;
  /** The peer is gone; nothing more will come. Called at most once. */
  closed(): void;
  /**
   * The peer, in another process, has sent what is no message, or what
   * `receive` threw at: the link is closed. Other receivers must not throw.
   */
  broken?(error: ProtocolError): void;
}

/**
 * One side of a reliable, ordered connection to one peer.
 *
 * A sent message is queued and travels with the next `flush`; the sender
 * must not change it afterwards. Nothing is sent after `close`.
 */
export interface Link {
  /** What comes is a stranger's: it is to be checked, and may be refused. */
  readonly isForeign?: boolean;
  /** Claims on the tasks that this side pushes; absent without shared memory. */
  readonly pushed?: ClaimTable;
  /** Claims on the tasks that the peer pushes; absent likewise. */
  readonly taken?: ClaimTable;
  /** Queues a message; a flush at the end of the turn is the sender's. */
  send(message: LinkMessage): void;
  /** Sends what is queued, as one frame. */
  flush(): void;
  /**
   * Sends a message that holds SharedArrayBuffers or ports. It travels
   * beside the frames: its order relative to `send` is not defined.
   */
  sendShared(message: LinkMessage, transfer?: MessagePort[]): void;
  /** Names who receives; messages that came before are delivered now. */
  start(receiver: LinkReceiver): void;
  /** Takes in what has arrived already, for a peer that is gone. */
  drain(): void;
  /** Sends what is queued; then neither side gets anything more. */
  close(): void;
}

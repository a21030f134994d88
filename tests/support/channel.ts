// A channel whose near end does not keep the process alive. For the main
// thread; in other threads the web's own `MessageChannel` does.

import { MessageChannel } from "node:worker_threads";

/** Two ends of a channel: one stays in this thread, one is transferred. */
export interface Channel {
  /** Unreferenced; `ref()` it while the process must wait for an answer. */
  readonly near: NearPort;
  readonly far: MessagePort;
}

/** The end of a channel that stays. */
export interface NearPort {
  postMessage(message: unknown, transfer?: Transferable[]): void;
  close(): void;
  ref(): void;
  unref(): void;
}

/**
 * Opens a channel. Workaround for Deno: the `unref()` of a port made by the
 * global `MessageChannel` lasts until the next message only; a port made by
 * `node:worker_threads` stays unreferenced. Listening refers to a port again,
 * so the listener must be there first.
 */
export function openChannel(onMessage: (message: unknown) => void): Channel {
  const { port1, port2 } = new MessageChannel();
  const near = port1 as unknown as MessagePort & NearPort;
  near.onmessage = (event) => onMessage(event.data);
  near.unref();
  return { near, far: port2 as unknown as MessagePort };
}

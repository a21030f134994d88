// A channel: binary messages both ways, in order, until it breaks. What a
// WebSocket is to the transport, the same on both runtimes and on both sides.

import {
  CHANNEL_BUFFERED_BYTES_MAX,
  CHANNEL_MESSAGE_BYTES_MAX,
} from "../base/limits.ts";

/** One side of a channel. */
export interface Channel {
  /**
   * Sends a message; its bytes must not change while the channel is open.
   * Returns false when the channel is over, or breaks because its peer does
   * not read.
   */
  send(bytes: Uint8Array): boolean;
  /** What was sent and has not left this process. */
  readonly bufferedBytes: number;
  /** Names who receives; messages that came before are delivered now. */
  start(receiver: ChannelReceiver): void;
  /** Ends it for both sides; nothing is received any more. */
  close(): void;
}

/** What the receiving side of a channel does; neither method may throw. */
export interface ChannelReceiver {
  /** The bytes are the receiver's within the call, and not to be kept. */
  message(bytes: Uint8Array): void;
  /** The channel is over, by the peer or by a fault. Called at most once. */
  closed(): void;
}

/** Hands what comes to a receiver, with what may come before there is one. */
export class ChannelInbox {
  #receiver: ChannelReceiver | undefined;
  #early: Uint8Array[] = [];
  #isOver = false;

  start(receiver: ChannelReceiver): void {
    this.#receiver = receiver;
    for (const bytes of this.#early.splice(0)) receiver.message(bytes);
    if (this.#isOver) receiver.closed();
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** A message came; returns false when it is none that a peer may send. */
  receive(message: unknown): boolean {
    if (this.#isOver) return true;
    const bytes = message instanceof ArrayBuffer
      ? new Uint8Array(message)
      : message;
    const isAllowed = bytes instanceof Uint8Array &&
      bytes.length <= CHANNEL_MESSAGE_BYTES_MAX;
    if (!isAllowed) return false;
    if (this.#receiver) this.#receiver.message(bytes);
    else this.#early.push(bytes.slice());
    return true;
  }

  /** The channel is over: the receiver is told, unless it ended it itself. */
  end(isTold = true): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#early = [];
    if (isTold) this.#receiver?.closed();
  }
}

/** A channel over a standard WebSocket. */
export class WebSocketChannel implements Channel {
  readonly #socket: WebSocket;
  readonly #inbox = new ChannelInbox();

  /** The socket must be open already. */
  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onmessage = ({ data: message }) => {
      if (!this.#inbox.receive(message)) this.#break();
    };
    socket.onclose = () => this.#inbox.end();
    socket.onerror = () => {};
  }

  start(receiver: ChannelReceiver): void {
    this.#inbox.start(receiver);
  }

  send(bytes: Uint8Array): boolean {
    if (this.#inbox.isOver || this.#socket.readyState !== WebSocket.OPEN) {
      return false;
    }
    if (this.bufferedBytes > CHANNEL_BUFFERED_BYTES_MAX) {
      this.#break();
      return false;
    }
    this.#socket.send(bytes as Uint8Array<ArrayBuffer>);
    return true;
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  close(): void {
    this.#inbox.end(false);
    closeSocket(this.#socket);
  }

  #break(): void {
    closeSocket(this.#socket);
    this.#inbox.end();
  }
}

function closeSocket(socket: WebSocket): void {
  try {
    socket.close();
  } catch {
    // It was closed already, or never quite open.
  }
}

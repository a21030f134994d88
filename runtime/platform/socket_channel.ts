// A channel over a socket of `node:net` or `node:tls`, in the frames of a
// WebSocket (RFC 6455): a driver's side of one, or either side of what a node
// and its child say to one another. The runtimes' own WebSockets keep a process
// alive, hide why a server has refused, and cannot be bound to one authority.

import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { CHANNEL_BUFFERED_BYTES_MAX } from "../base/limits.ts";
import { type Channel, ChannelInbox, type ChannelReceiver } from "./channel.ts";
import { FrameReader, OPCODE } from "./web_socket_frames.ts";

const FIN = 0x80;
const MASKED = 0x80;
const MASK_BYTES = 4;
/** Up to here a header and what follows it are written as one. */
const JOINED_BYTES_MAX = 16 * 1024;

export interface SocketChannelOptions {
  /** Whether the peer is a web server, for whom frames must be masked. */
  readonly isMasked: boolean;
}

/** A channel over a socket that carries frames from now on. */
export class SocketChannel implements Channel {
  readonly #socket: Socket;
  readonly #isMasked: boolean;
  readonly #inbox = new ChannelInbox();
  readonly #reader: FrameReader;

  /** `first` is what came already, behind the answer to the upgrade. */
  constructor(
    socket: Socket,
    first: Uint8Array,
    { isMasked }: SocketChannelOptions = { isMasked: true },
  ) {
    this.#socket = socket;
    this.#isMasked = isMasked;
    this.#reader = new FrameReader({
      message: (bytes) => this.#inbox.receive(bytes),
      ping: (payload) => this.#write(OPCODE.pong, payload),
      close: () => this.#break(),
    });
    socket.on("data", (chunk: Uint8Array) => this.#received(chunk));
    socket.on("error", () => {});
    socket.on("close", () => this.#inbox.end());
    socket.setNoDelay(true);
    // The process lives for its user, not for its connection.
    socket.unref();
    if (first.length > 0) this.#received(first);
  }

  start(receiver: ChannelReceiver): void {
    this.#inbox.start(receiver);
  }

  send(bytes: Uint8Array): boolean {
    if (this.#inbox.isOver) return false;
    if (this.bufferedBytes > CHANNEL_BUFFERED_BYTES_MAX) {
      this.#break();
      return false;
    }
    this.#write(OPCODE.binary, bytes);
    return true;
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  close(): void {
    if (this.#inbox.isOver) return;
    this.#inbox.end(false);
    this.#write(OPCODE.close, new Uint8Array(0));
    this.#socket.end();
  }

  #received(chunk: Uint8Array): void {
    if (!this.#reader.read(chunk)) this.#break();
  }

  #write(opcode: number, payload: Uint8Array): void {
    const header = headerOf(opcode, payload.length, this.#isMasked);
    if (payload.length <= JOINED_BYTES_MAX) {
      this.#socket.write(Buffer.concat([header, payload]));
      return;
    }
    // Not corked: a runtime would join them, too, by a copy.
    this.#socket.write(header);
    this.#socket.write(payload);
  }

  #break(): void {
    this.#socket.destroy();
    this.#inbox.end();
  }
}

/**
 * A client must mask what it sends, so that pages in a browser cannot write
 * what a proxy takes for a request. Nobody but us chooses these bytes: the mask
 * is 0, which leaves them as they are.
 */
function headerOf(
  opcode: number,
  length: number,
  isMasked: boolean,
): Uint8Array {
  const size = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const header = new Uint8Array(isMasked ? size + MASK_BYTES : size);
  const view = new DataView(header.buffer);
  header[0] = FIN | opcode;
  header[1] = size === 2 ? length : size === 4 ? 126 : 127;
  if (isMasked) header[1] |= MASKED;
  if (size === 4) view.setUint16(2, length);
  if (size === 10) view.setBigUint64(2, BigInt(length));
  return header;
}

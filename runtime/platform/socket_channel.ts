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
    const { length } = payload;
    const headerBytes = headerBytesOf(length, this.#isMasked);
    const isJoined = length <= JOINED_BYTES_MAX;
    const bytes = Buffer.allocUnsafe(headerBytes + (isJoined ? length : 0));
    writeHeader(bytes, { opcode, length, isMasked: this.#isMasked });
    if (isJoined) bytes.set(payload, headerBytes);
    this.#socket.write(bytes);
    // Not corked: a runtime would join them, too, by a copy.
    if (!isJoined) this.#socket.write(payload);
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
function writeHeader(
  target: Buffer,
  { opcode, length, isMasked }: {
    readonly opcode: number;
    readonly length: number;
    readonly isMasked: boolean;
  },
): void {
  const size = headerBytesOf(length, false);
  target[0] = FIN | opcode;
  target[1] = size === 2 ? length : size === 4 ? 126 : 127;
  if (size === 4) target.writeUInt16BE(length, 2);
  if (size === 10) target.writeBigUInt64BE(BigInt(length), 2);
  if (!isMasked) return;
  target[1]! |= MASKED;
  target.fill(0, size, size + MASK_BYTES);
}

function headerBytesOf(length: number, isMasked: boolean): number {
  const size = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  return isMasked ? size + MASK_BYTES : size;
}

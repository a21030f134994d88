// The web server on Bun. Mirrors `deno_web_server.ts` function
// by function.

import {
  CHANNEL_BUFFERED_BYTES_MAX,
  CHANNEL_MESSAGE_BYTES_MAX,
  HANDSHAKE_MS_MAX,
} from "../base/limits.ts";
import { type Channel, ChannelInbox, type ChannelReceiver } from "./channel.ts";
import {
  listenError,
  type ServeWebOptions,
  upgradeRequired,
  type WebServer,
} from "./web_server.ts";

/** The part of Bun's namespace that this file uses. */
interface BunServing {
  serve(options: {
    hostname: string;
    port: number;
    tls?: { cert: string; key: string };
    idleTimeout: number;
    maxRequestBodySize: number;
    fetch(
      request: Request,
      server: BunServer,
    ): Promise<Response | undefined>;
    websocket: {
      maxPayloadLength: number;
      backpressureLimit: number;
      closeOnBackpressureLimit: boolean;
      idleTimeout: number;
      perMessageDeflate: boolean;
      open(socket: BunSocket): void;
      message(socket: BunSocket, message: unknown): void;
      close(socket: BunSocket): void;
    };
  }): BunServer;
}

interface BunServer {
  readonly port: number;
  requestIP(request: Request): { readonly address: string } | null;
  upgrade(request: Request, options: { data: BunSocketState }): boolean;
  stop(closesConnections: boolean): Promise<void>;
}

interface BunSocketState {
  readonly accept: (channel: Channel) => void;
  channel?: BunChannel;
}

interface BunSocket {
  readonly data: BunSocketState;
  binaryType: string;
  /** Bytes sent, -1 when they wait, 0 when they were dropped. */
  sendBinary(bytes: Uint8Array): number;
  getBufferedAmount(): number;
  close(): void;
  terminate(): void;
}

/** Largest body of a request: those of a node have none, or a few fields. */
const BODY_BYTES_MAX = 1024 * 1024;

/** Serves requests and channels until it is stopped. */
export function serveBunWeb(options: ServeWebOptions): Promise<WebServer> {
  const { Bun } = globalThis as unknown as { Bun: BunServing };
  let server: BunServer;
  try {
    server = Bun.serve({
      hostname: options.hostname,
      port: options.port,
      ...(options.tls ? { tls: options.tls } : {}),
      // Connections that say nothing end by this.
      idleTimeout: HANDSHAKE_MS_MAX / 1_000,
      maxRequestBodySize: BODY_BYTES_MAX,
      fetch: (request, server) => answer(request, server, options),
      websocket: {
        maxPayloadLength: CHANNEL_MESSAGE_BYTES_MAX,
        backpressureLimit: CHANNEL_BUFFERED_BYTES_MAX,
        closeOnBackpressureLimit: true,
        // The session knows what is too long, also for a busy driver.
        idleTimeout: 0,
        perMessageDeflate: false,
        open: (socket) => {
          // The default gives Node's buffers, whose slices are views.
          socket.binaryType = "uint8array";
          socket.data.channel = new BunChannel(socket);
          socket.data.accept(socket.data.channel);
        },
        message: (socket, message) => socket.data.channel?.receive(message),
        close: (socket) => socket.data.channel?.ended(),
      },
    });
  } catch (cause) {
    return Promise.reject(listenError(options, cause));
  }
  return Promise.resolve({
    port: server.port,
    stop: () => server.stop(true),
  });
}

async function answer(
  request: Request,
  server: BunServer,
  options: ServeWebOptions,
): Promise<Response | undefined> {
  const from = server.requestIP(request)?.address ?? "";
  const answered = await options.fetch(request, from);
  if (answered instanceof Response) return answered;
  const isUpgraded = server.upgrade(request, { data: { accept: answered } });
  return isUpgraded ? undefined : upgradeRequired();
}

/** A channel over a socket of Bun's server. */
class BunChannel implements Channel {
  readonly #socket: BunSocket;
  readonly #inbox = new ChannelInbox();

  constructor(socket: BunSocket) {
    this.#socket = socket;
  }

  start(receiver: ChannelReceiver): void {
    this.#inbox.start(receiver);
  }

  send(bytes: Uint8Array): boolean {
    if (this.#inbox.isOver) return false;
    if (this.#socket.sendBinary(bytes) !== 0) return true;
    // Dropped: what follows must not come without it.
    this.#socket.terminate();
    this.#inbox.end();
    return false;
  }

  get bufferedBytes(): number {
    return this.#inbox.isOver ? 0 : this.#socket.getBufferedAmount();
  }

  close(): void {
    if (this.#inbox.isOver) return;
    this.#inbox.end(false);
    this.#socket.close();
  }

  receive(message: unknown): void {
    if (this.#inbox.receive(message)) return;
    this.#socket.terminate();
    this.#inbox.end();
  }

  ended(): void {
    this.#inbox.end();
  }
}

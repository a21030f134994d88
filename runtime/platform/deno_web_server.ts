// The web server on Deno. Mirrors `bun_web_server.ts` function
// by function. Deno neither bounds a message (it allows 64 MiB; the channel
// refuses long ones when they have come) nor ends connections that say nothing.

import { type Channel, WebSocketChannel } from "./channel.ts";
import {
  listenError,
  type ServeWebOptions,
  upgradeRequired,
  type WebServer,
} from "./web_server.ts";

/** The part of Deno's namespace that this file uses. */
interface DenoServing {
  serve(
    options: {
      hostname: string;
      port: number;
      cert?: string;
      key?: string;
      signal: AbortSignal;
      onListen(): void;
    },
    handler: (
      request: Request,
      from: { readonly remoteAddr: { readonly hostname?: string } },
    ) => Promise<Response>,
  ): { readonly addr: { readonly port: number }; finished: Promise<void> };
  upgradeWebSocket(
    request: Request,
    options: { idleTimeout: number },
  ): { readonly socket: WebSocket; readonly response: Response };
}

function namespace(): DenoServing {
  return (globalThis as unknown as { Deno: DenoServing }).Deno;
}

/** Serves requests and channels until it is stopped. */
export function serveDenoWeb(options: ServeWebOptions): Promise<WebServer> {
  const abortion = new AbortController();
  const sockets = new Set<WebSocket>();
  let server: ReturnType<DenoServing["serve"]>;
  try {
    server = namespace().serve(
      {
        hostname: options.hostname,
        port: options.port,
        ...(options.tls ?? {}),
        signal: abortion.signal,
        onListen: () => {},
      },
      (request, { remoteAddr: { hostname: from = "" } }) =>
        answer(request, from, options, sockets),
    );
  } catch (cause) {
    return Promise.reject(listenError(options, cause));
  }
  return Promise.resolve({
    port: server.addr.port,
    stop: async () => {
      for (const socket of sockets) socket.close();
      abortion.abort();
      await server.finished;
    },
  });
}

async function answer(
  request: Request,
  from: string,
  options: ServeWebOptions,
  sockets: Set<WebSocket>,
): Promise<Response> {
  const answered = await options.fetch(request, from);
  if (answered instanceof Response) return answered;
  const isUpgrade =
    request.headers.get("upgrade")?.toLowerCase() === "websocket";
  if (!isUpgrade) return upgradeRequired();
  return upgrade(request, answered, sockets);
}

function upgrade(
  request: Request,
  accept: (channel: Channel) => void,
  sockets: Set<WebSocket>,
): Response {
  // The session knows what is too long, also for a busy driver.
  const upgraded = namespace().upgradeWebSocket(request, { idleTimeout: 0 });
  const { socket, response } = upgraded;
  sockets.add(socket);
  socket.addEventListener("close", () => sockets.delete(socket));
  socket.onopen = () => accept(new WebSocketChannel(socket));
  return response;
}

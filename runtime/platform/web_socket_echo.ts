// A WebSocket server on the loopback that gives back what it gets, made with
// nothing but the runtime's own server: what the benchmark compares links with.
// Nothing in the runtime may use it.

const LOOPBACK = "127.0.0.1";

/**
 * Serves on a port that is free, for as long as the thread lives.
 *
 * @returns The server's URL.
 */
export function serveWebSocketEcho(): string {
  const { Bun: bun, Deno: deno } = globalThis as unknown as Runtimes;
  if (bun) return `ws://${LOOPBACK}:${serveOnBun(bun)}`;
  if (deno) return `ws://${LOOPBACK}:${serveOnDeno(deno)}`;
  throw new Error("Cannot serve: this is neither Bun nor Deno");
}

function serveOnBun(bun: BunServing): number {
  return bun.serve({
    hostname: LOOPBACK,
    port: 0,
    fetch: (request, server) =>
      server.upgrade(request) ? undefined : new Response(null, { status: 400 }),
    websocket: { message: (socket, message) => void socket.send(message) },
  }).port;
}

function serveOnDeno(deno: DenoServing): number {
  const options = { hostname: LOOPBACK, port: 0, onListen: () => {} };
  return deno.serve(options, (request) => {
    const { socket, response } = deno.upgradeWebSocket(request);
    socket.onmessage = (event) => socket.send(event.data);
    return response;
  }).addr.port;
}

interface Runtimes {
  readonly Bun?: BunServing;
  readonly Deno?: DenoServing;
}

/** The part of Bun's namespace that this file uses. */
interface BunServing {
  serve(options: {
    hostname: string;
    port: number;
    fetch(request: Request, server: BunServer): Response | undefined;
    websocket: { message(socket: BunSocket, message: string): void };
  }): BunServer;
}

interface BunServer {
  readonly port: number;
  upgrade(request: Request): boolean;
}

interface BunSocket {
  send(message: string): unknown;
}

/** The part of Deno's namespace that this file uses. */
interface DenoServing {
  serve(
    options: { hostname: string; port: number; onListen(): void },
    handler: (request: Request) => Response,
  ): { readonly addr: { readonly port: number } };
  upgradeWebSocket(
    request: Request,
  ): { readonly socket: WebSocket; readonly response: Response };
}

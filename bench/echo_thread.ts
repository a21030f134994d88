// The other end of the echoes: a thread that does nothing but answer, or burn
// its CPU when asked. Its first message says how it is spoken to. Must not
// import the runtime: it stands for what a bare thread can do.

import { type AddressInfo, createServer } from "node:net";
import * as Comlink from "comlink";
import { spin } from "./spin.ts";
import { serveWebSocketEcho } from "../runtime/platform/web_socket_echo.ts";

const GIGABYTE = 1_000_000_000;

/** How the thread is spoken to; over a WebSocket it answers with the URL, over TCP with the port. */
export type EchoKind = "bare" | "comlink" | "web_socket" | "tcp" | "spin";

/** What a thread of the kind "spin" is sent. */
export interface SpinOrder {
  readonly rounds: number;
  readonly times: number;
}

/** What the thread offers through comlink. */
export interface EchoApi {
  echo(value: number): number;
}

interface ThreadScope {
  onmessage: ((event: MessageEvent<unknown>) => void) | null;
  postMessage(message: unknown): void;
}

const scope = globalThis as unknown as ThreadScope;

scope.onmessage = async ({ data: kind }) => {
  scope.postMessage(await open(kind as EchoKind));
};

function open(kind: EchoKind): string | Promise<string> {
  switch (kind) {
    case "bare":
      scope.onmessage = (event) => scope.postMessage(event.data);
      return "ready";
    case "spin":
      scope.onmessage = (event) => {
        const { rounds, times } = event.data as SpinOrder;
        for (let i = 0; i < times; i++) spin(rounds);
        scope.postMessage("done");
      };
      return "ready";
    case "comlink": {
      scope.onmessage = null;
      const api: EchoApi = { echo: (value) => value };
      Comlink.expose(api, scope as unknown as Comlink.Endpoint);
      return "ready";
    }
    case "web_socket":
      return serveWebSocketEcho();
    case "tcp":
      return serveTcp();
  }
}

/** Answers each gigabyte with one byte; gives the port. */
async function serveTcp(): Promise<string> {
  const server = createServer((socket) => {
    let received = 0;
    socket.on("data", ({ length }) => {
      received += length;
      if (received < GIGABYTE) return;
      received -= GIGABYTE;
      socket.write("x");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return String((server.address() as AddressInfo).port);
}

// What this machine allows, whatever runs on it: a bare message to a thread and
// back, a bare WebSocket message and back, copying memory; and the same echo by
// two well-known libraries. Must not use the runtime's threads.

import { connect } from "node:net";
import * as Comlink from "comlink";
import type { EchoApi, EchoKind, SpinOrder } from "./echo_thread.ts";
import { type Loop, rate, type Row } from "./row.ts";

export const POST_MESSAGE_ECHO = "postMessage echo";
export const COMLINK_ECHO = "comlink echo";
export const PISCINA_ECHO = "piscina echo";
export const WEB_SOCKET_ECHO = "WebSocket echo";
export const TCP_GIGABYTE = "TCP stream 1 GB gigabytes";
export const MEMCPY_GIGABYTE = "memcpy 1 GB gigabytes";

const MEGABYTE = 1e6;
/** Beside this file, and under the same ending: `.ts`, or built `.js`. */
const EXTENSION = import.meta.url.slice(import.meta.url.lastIndexOf("."));

/** The rows of the machine, in the order in which they are run. */
export const LIMIT_ROWS: readonly Row[] = [
  rate(POST_MESSAGE_ECHO, 1, postMessageEcho),
  rate(COMLINK_ECHO, 1, comlinkEcho),
  rate(PISCINA_ECHO, 1, piscinaEcho),
  rate(WEB_SOCKET_ECHO, 1, webSocketEcho),
  rate("memcpy 100 MB gigabytes", 0.1, () => memoryCopy(100 * MEGABYTE)),
  rate(MEMCPY_GIGABYTE, 1, () => memoryCopy(1_000 * MEGABYTE)),
];

/** What a connection is compared with beside them: a stream to a thread. */
export const TCP_ROW: Row = rate(TCP_GIGABYTE, 1, tcpStream);

/** Says that a row cannot be run here; it is then named and left out. */
export class RowSkipped extends Error {
  override readonly name = "RowSkipped";
}

async function postMessageEcho(): Promise<Loop> {
  const { thread } = await startEchoThread("bare");
  return {
    once: () => ask(thread, 1),
    end: () => thread.terminate(),
  };
}

async function comlinkEcho(): Promise<Loop> {
  const { thread } = await startEchoThread("comlink");
  const api = Comlink.wrap<EchoApi>(thread);
  return {
    once: () => api.echo(1),
    end: () => thread.terminate(),
  };
}

/** piscina is for developers of this project: the binary has none. */
async function piscinaEcho(): Promise<Loop> {
  const { Piscina } = await import("piscina").catch(() => {
    throw new RowSkipped("the package piscina is not there");
  });
  const pool = new Piscina({
    filename: new URL("./piscina_echo.ts", import.meta.url).href,
    minThreads: 1,
    maxThreads: 1,
  });
  return {
    once: () => pool.run(1, { name: "echo" }),
    end: () => pool.destroy(),
  };
}

/** The server is in the other thread, as it would be in another process. */
async function webSocketEcho(): Promise<Loop> {
  const { thread, answer: url } = await startEchoThread("web_socket");
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = () => reject(new Error("Cannot reach the echo server"));
  });
  return {
    once: () =>
      new Promise((resolve) => {
        socket.onmessage = resolve;
        socket.send("1");
      }),
    end: () => {
      socket.close();
      thread.terminate();
    },
  };
}

async function tcpStream(): Promise<Loop> {
  const { thread, answer: port } = await startEchoThread("tcp");
  const socket = connect(Number(port), "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  const chunk = new Uint8Array(MEGABYTE);
  return {
    once: async () => {
      const done = new Promise((resolve) => socket.once("data", resolve));
      for (let sent = 0; sent < 1_000; sent++) {
        if (socket.write(chunk)) continue;
        await new Promise((resolve) => socket.once("drain", resolve));
      }
      await done;
    },
    end: () => {
      socket.destroy();
      thread.terminate();
    },
  };
}

/** Both buffers are touched before: the first touch costs far more. */
function memoryCopy(sizeBytes: number): Loop {
  const source = new Uint8Array(sizeBytes).fill(1);
  const target = new Uint8Array(sizeBytes).fill(2);
  return { once: () => target.set(source) };
}

/** Bare threads that burn their CPUs at the same time. */
export interface BareSpinners {
  /** Has each thread spin so many times; resolves when all are done. */
  spin(order: SpinOrder): Promise<unknown>;
  end(): void;
}

/** Starts `count` of them. */
export async function startBareSpinners(count: number): Promise<BareSpinners> {
  const started = await Promise.all(
    Array.from({ length: count }, () => startEchoThread("spin")),
  );
  const threads = started.map(({ thread }) => thread);
  return {
    spin: (order) => Promise.all(threads.map((thread) => ask(thread, order))),
    end: () => threads.forEach((thread) => thread.terminate()),
  };
}

async function startEchoThread(
  kind: EchoKind,
): Promise<{ thread: Worker; answer: string }> {
  const url = new URL(`./echo_thread${EXTENSION}`, import.meta.url);
  const thread = new Worker(url.href, { type: "module" });
  const { data: answer } = await ask(thread, kind);
  return { thread, answer: answer as string };
}

function ask(thread: Worker, message: unknown): Promise<MessageEvent<unknown>> {
  return new Promise((resolve) => {
    thread.onmessage = resolve;
    thread.postMessage(message);
  });
}

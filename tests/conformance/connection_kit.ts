// A node and a driver that are connected by a real WebSocket, in one process:
// what the tests of connections share.

import type { Clock, Timers } from "../../runtime/base/clock.ts";
import { detectPlatform } from "../../runtime/platform/detect.ts";
import type { WebServer } from "../../runtime/platform/web_server.ts";
import { hostsOf, TokenCheck } from "../../runtime/protocol/handshake.ts";
import type { LinkMessage } from "../../runtime/transport/link.ts";
import { RemoteLink } from "../../runtime/transport/remote_link.ts";
import type { RemoteSession } from "../../runtime/transport/remote_session.ts";
import { SessionAcceptor } from "../../runtime/transport/session_acceptor.ts";
import { dialSession } from "../../runtime/transport/session_dialer.ts";

export const TOKEN = "a-token-of-tests";

/** A clock and timers that a test moves. */
export class TestTime implements Clock, Timers {
  #nowMs = 1_000;
  readonly #due = new Set<{ readonly atMs: number; call: () => void }>();

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, call: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, call };
    this.#due.add(timer);
    return () => this.#due.delete(timer);
  }

  /** The machine sleeps: time goes on, and nothing runs. */
  jump(byMs: number): void {
    this.#nowMs += byMs;
  }

  /** Goes on in small steps, as a busy event loop sees time. */
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#nowMs + byMs;
    while (this.#nowMs < untilMs) {
      this.#nowMs = Math.min(untilMs, this.#nowMs + 100);
      for (const timer of [...this.#due]) {
        if (timer.atMs > this.#nowMs || !this.#due.delete(timer)) continue;
        timer.call();
      }
      // Sockets and promises have their turn between steps.
      await turn();
    }
  }
}

/** One side of a connection: its session and the link on its stream 0. */
export interface Side {
  readonly session: RemoteSession;
  readonly link: RemoteLink;
  readonly ends: string[];
  /** Whether the peer has said something. */
  readonly hasHeard: boolean;
}

/** A node that listens, and the drivers that have come. */
export interface TestNode {
  readonly server: WebServer;
  readonly acceptor: SessionAcceptor;
  readonly drivers: Side[];
  /** What is asked for each request. */
  token: TokenCheck;
}

export interface NodeOptions {
  readonly time?: TestTime;
  readonly tls?: { readonly cert: string; readonly key: string };
}

/** Starts a node on a free port of the loopback. */
export async function startNode(options: NodeOptions = {}): Promise<TestNode> {
  const { time, tls } = options;
  const drivers: Side[] = [];
  const times = time ? { clock: time, timers: time } : {};
  const acceptor: SessionAcceptor = new SessionAcceptor({
    ...times,
    // The proxy of a test has a port of its own: any port is ours.
    rules: () => ({ token: node.token, hosts: anyPort }),
    onSession: (session) => {
      const ends: string[] = [];
      const link = new RemoteLink(session.streams, 0);
      const side = { session, ends, link, hasHeard: false };
      drivers.push(side);
      return {
        received: () => side.hasHeard = true,
        ended: (reason) => ends.push(reason),
      };
    },
  });
  const server = await detectPlatform().serveWeb({
    hostname: "127.0.0.1",
    port: 0,
    ...(tls ? { tls } : {}),
    fetch: (request, from) => acceptor.answer(request, from),
  });
  const token = new TokenCheck(TOKEN);
  const node: TestNode = { server, acceptor, drivers, token };
  return node;
}

const anyPort = {
  has: (host: string) => {
    const port = Number(host.split(":").at(-1));
    const rules = { hostname: "localhost", port, addresses: [] };
    return hostsOf(rules).has(host);
  },
} as ReadonlySet<string>;

export interface DriverOptions {
  readonly time?: TestTime;
  readonly token?: string;
  readonly ca?: string;
  readonly pin?: string;
  readonly hostname?: string;
}

/** Connects a driver. */
export async function connectDriver(
  port: number,
  options: DriverOptions = {},
): Promise<Side> {
  const { time, token = TOKEN, ca, pin, hostname = "127.0.0.1" } = options;
  const ends: string[] = [];
  let link: RemoteLink | undefined;
  let hasHeard = false;
  const session = await dialSession({
    hostname,
    port,
    token,
    ...(ca === undefined ? {} : { ca }),
    ...(pin === undefined ? {} : { pin }),
    ...(time ? { clock: time, timers: time } : {}),
    onSession: (session) => link = new RemoteLink(session.streams, 0),
    onReceived: () => hasHeard = true,
    onEnded: (reason) => ends.push(reason),
  });
  return {
    session,
    ends,
    link: link!,
    get hasHeard() {
      return hasHeard;
    },
  };
}

/** Waits, in real time, until something is so; fails after 10 s. */
export async function until(
  what: string,
  isSo: () => boolean,
): Promise<void> {
  const endMs = performance.now() + 10_000;
  while (!isSo()) {
    if (performance.now() > endMs) throw new Error(`Not in 10 s: ${what}`);
    await turn();
  }
}

/** One turn of the event loop. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

/** Collects the numbers of what a link gets. */
export function collect(link: RemoteLink): number[] {
  const got: number[] = [];
  link.start({
    receive: (message) => got.push((message as unknown as { n: number }).n),
    closed: () => {},
  });
  return got;
}

/** Sends numbered messages, each in a frame of its own. */
export function sendAll(
  link: RemoteLink,
  numbers: readonly number[],
  sizeBytes = 0,
): void {
  for (const n of numbers) {
    const bytes = new Uint8Array(sizeBytes);
    link.send({ type: "numbered", n, bytes } as LinkMessage);
    link.flush();
  }
}

/** The numbers from a first up to a last one, which is left out. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

// What a connection costs: calls one after another and bulk over a link to
// another process, beside a bare WebSocket and a bare TCP stream of the same
// run. `bun bench/connection.ts`, or the same with `deno run -A`.

import { spawn } from "node:child_process";
import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { detectPlatform } from "../runtime/platform/detect.ts";
import { serveWebSocketEcho } from "../runtime/platform/web_socket_echo.ts";
import { AttachedBytes } from "../runtime/protocol/attached_bytes.ts";
import { returnAttachment } from "../runtime/protocol/frame_codec.ts";
import { hostsOf, TokenCheck } from "../runtime/protocol/handshake.ts";
import type { LinkMessage } from "../runtime/transport/link.ts";
import { RemoteLink } from "../runtime/transport/remote_link.ts";
import { SessionAcceptor } from "../runtime/transport/session_acceptor.ts";
import { dialSession } from "../runtime/transport/session_dialer.ts";

const TOKEN = "a-token-of-the-benchmark";
const HOSTNAME = "127.0.0.1";
const CHUNK_BYTES = 1024 * 1024;
const CHUNKS = 1024;
/** Chunks that may be under way. */
const CREDITS = 8;
const CALLS = 20_000;
const ROUNDS = 3;

interface Ports {
  readonly echoUrl: string;
  readonly tcpPort: number;
  readonly nodePort: number;
}

interface Chunk extends LinkMessage {
  readonly bytes?: Uint8Array;
}

/** Where received chunks go. */
const segment = new Uint8Array(new SharedArrayBuffer(64 * CHUNK_BYTES));
let segmentAt = 0;

/** What the row that runs does with a message. */
let receive: ((message: Chunk) => void) | undefined;

if (process.argv.includes("serve")) await serve();
else await measure();

/** The other process: prints where it listens, ends with its input. */
async function serve(): Promise<void> {
  const tcp = createServer((socket) => receiveBulk(socket));
  await new Promise<void>((resolve) => tcp.listen(0, HOSTNAME, resolve));
  const token = new TokenCheck(TOKEN);
  const acceptor = new SessionAcceptor({
    rules: () => ({
      token,
      hosts: hostsOf({ hostname: HOSTNAME, port: server.port, addresses: [] }),
    }),
    onSession: ({ streams }) => {
      serveLink(new RemoteLink(streams, 0));
      return { ended: () => {} };
    },
  });
  const server = await detectPlatform().serveWeb({
    hostname: HOSTNAME,
    port: 0,
    fetch: (request, from) => acceptor.answer(request, from),
  });
  const ports: Ports = {
    echoUrl: serveWebSocketEcho(),
    tcpPort: (tcp.address() as AddressInfo).port,
    nodePort: server.port,
  };
  process.stdout.write(`${JSON.stringify(ports)}\n`);
  process.stdin.on("end", () => process.exit(0)).resume();
}

function receiveBulk(socket: Socket): void {
  let received = 0;
  socket.on("data", ({ length }) => {
    received += length;
    if (received < CHUNKS * CHUNK_BYTES) return;
    received = 0;
    socket.write("x");
  });
}

/** Echoes calls, acknowledges chunks, and sends chunks when asked to. */
function serveLink(link: RemoteLink): void {
  const bytes = new AttachedBytes(CHUNK_BYTES);
  let left = 0;
  const send = (message: LinkMessage) => {
    link.send(message);
    link.flush();
  };
  link.start({
    receive: (message) => {
      switch (message.type) {
        case "call":
          return send({ type: "answer" });
        case "chunk":
          keep(message as Chunk);
          return send({ type: "credit" });
        case "chunks_wanted":
          left = CHUNKS;
          for (let n = 0; n < CREDITS && left > 0; n++, left--) {
            send({ type: "chunk", bytes } as LinkMessage);
          }
          return;
        case "credit":
          if (left-- > 0) send({ type: "chunk", bytes } as LinkMessage);
      }
    },
    closed: () => {},
  });
}

/** As a store does: bytes go into memory that is there. */
function keep({ bytes }: Chunk): void {
  segment.set(bytes!, segmentAt);
  segmentAt = (segmentAt + CHUNK_BYTES) % segment.length;
  returnAttachment(bytes!);
}

async function measure(): Promise<void> {
  const script = fileURLToPath(import.meta.url);
  const runtime = "Deno" in globalThis ? ["run", "-A", "--no-check"] : [];
  const child = spawn(process.execPath, [...runtime, script, "serve"], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const line = await new Promise<string>((resolve) => {
    child.stdout.once("data", (bytes) => resolve(String(bytes)));
  });
  const { echoUrl, tcpPort, nodePort } = JSON.parse(line) as Ports;
  const link = await connectLink(nodePort);
  const rows: readonly [string, string, () => Promise<number>][] = [
    ["bare WebSocket echo", "calls/s", () => echo(echoUrl)],
    ["link echo", "calls/s", () => echoOver(link)],
    ["bare TCP to the other", "GB/s", () => tcpBulk(tcpPort)],
    ["link to the node", "GB/s", () => bulkTo(link)],
    ["link from the node", "GB/s", () => bulkFrom(link)],
  ];
  const best = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, , run] of rows) {
      best.set(name, Math.max(best.get(name) ?? 0, await run()));
    }
  }
  for (const [name, unit] of rows) {
    console.log(`${name.padEnd(24)} ${best.get(name)!.toFixed(2)} ${unit}`);
  }
  const ratio = (name: string, bare: string) =>
    console.log(
      `${name} / ${bare}: ${(best.get(name)! / best.get(bare)!).toFixed(2)}`,
    );
  ratio("link echo", "bare WebSocket echo");
  ratio("link to the node", "bare TCP to the other");
  ratio("link from the node", "bare TCP to the other");
  child.stdin.end();
  process.exit(0);
}

async function connectLink(port: number): Promise<RemoteLink> {
  let link: RemoteLink | undefined;
  await dialSession({
    hostname: HOSTNAME,
    port,
    token: TOKEN,
    onSession: ({ streams }) => link = new RemoteLink(streams, 0),
    onEnded: (reason) => console.error(`The session is over: ${reason}`),
  });
  link!.start({ receive: (message) => receive?.(message), closed: () => {} });
  return link!;
}

function perSecond(count: number, startMs: number): number {
  return count / (performance.now() - startMs) * 1_000;
}

function gigabytes(chunks: number): number {
  return chunks * CHUNK_BYTES / 1e9;
}

async function echo(url: string): Promise<number> {
  const socket = new WebSocket(url);
  await new Promise((resolve) => socket.onopen = resolve);
  const startMs = performance.now();
  let left = CALLS;
  await new Promise<void>((resolve) => {
    socket.onmessage = () => left-- > 0 ? socket.send("x") : resolve();
    socket.send("x");
  });
  socket.close();
  return perSecond(CALLS, startMs);
}

async function echoOver(link: RemoteLink): Promise<number> {
  const startMs = performance.now();
  let left = CALLS;
  await new Promise<void>((resolve) => {
    const call = () => {
      link.send({ type: "call" });
      link.flush();
    };
    receive = () => left-- > 0 ? call() : resolve();
    call();
  });
  return perSecond(CALLS, startMs);
}

async function tcpBulk(port: number): Promise<number> {
  const socket = connect(port, HOSTNAME);
  await new Promise((resolve) => socket.once("connect", resolve));
  const chunk = new Uint8Array(CHUNK_BYTES);
  const startMs = performance.now();
  const done = new Promise((resolve) => socket.once("data", resolve));
  for (let n = 0; n < CHUNKS; n++) {
    if (socket.write(chunk)) continue;
    await new Promise((resolve) => socket.once("drain", resolve));
  }
  await done;
  socket.destroy();
  return perSecond(gigabytes(CHUNKS), startMs);
}

async function bulkTo(link: RemoteLink): Promise<number> {
  const bytes = new AttachedBytes(CHUNK_BYTES);
  const startMs = performance.now();
  let [sent, answered] = [0, 0];
  await new Promise<void>((resolve) => {
    const send = () => {
      if (sent++ >= CHUNKS) return;
      link.send({ type: "chunk", bytes } as LinkMessage);
      link.flush();
    };
    receive = () => ++answered === CHUNKS ? resolve() : send();
    for (let n = 0; n < CREDITS; n++) send();
  });
  return perSecond(gigabytes(CHUNKS), startMs);
}

async function bulkFrom(link: RemoteLink): Promise<number> {
  const startMs = performance.now();
  let count = 0;
  await new Promise<void>((resolve) => {
    receive = (message) => {
      keep(message);
      link.send({ type: "credit" });
      link.flush();
      if (++count === CHUNKS) resolve();
    };
    link.send({ type: "chunks_wanted" });
    link.flush();
  });
  return perSecond(gigabytes(CHUNKS), startMs);
}

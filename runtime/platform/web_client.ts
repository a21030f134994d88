// Opens a channel to a server: a socket, with TLS if its authority is known,
// and the request for an upgrade; or says what the server has answered.

import { createHash, randomBytes } from "node:crypto";
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { ConnectionError } from "../base/errors.ts";
import { CONNECT_MS_MAX } from "../base/limits.ts";
import type { Channel } from "./channel.ts";
import { CERTIFICATE_NAME, fetchPinned } from "./pinned_certificate.ts";
import { SocketChannel } from "./socket_channel.ts";

/** Longest answer to the request for an upgrade. */
const ANSWER_BYTES_MAX = 16 * 1024;
const HTTP_START = "HTTP/1.1 ";
/** Between a key and its answer (RFC 6455, 1.3). */
const KEY_SUFFIX = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export interface ChannelTarget {
  readonly hostname: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The one authority that is trusted, in PEM; plain text without. */
  readonly ca?: string;
  /** Instead of it: the fingerprint of the one certificate. */
  readonly pin?: string;
  /** @default {CONNECT_MS_MAX} */
  readonly timeoutMs?: number;
}

/** What came of a try to connect. */
export type Connecting =
  | { readonly type: "connected"; readonly channel: Channel }
  /** A server has answered, but not by opening a channel. */
  | { readonly type: "answered"; readonly status: number; headers: Headers }
  /** Nobody has answered, or nobody who can be trusted. */
  | { readonly type: "unreachable"; readonly error: ConnectionError };

/** Tries once to connect; never rejects. */
export async function openChannel(target: ChannelTarget): Promise<Connecting> {
  const { pin, timeoutMs = CONNECT_MS_MAX } = target;
  if (pin === undefined) return await requestChannel(target);
  try {
    const ca = await fetchPinned({ ...target, pin, timeoutMs });
    return await requestChannel({ ...target, ca });
  } catch (error) {
    return unreachable(target, (error as Error).message);
  }
}

function unreachable(
  { hostname, port }: ChannelTarget,
  reason: string,
): Connecting {
  const error = new ConnectionError(
    `Cannot connect to ${hostOf(hostname)}:${port}: ${reason}`,
  );
  return { type: "unreachable", error };
}

/** The system's words do not say what to do. */
function errorReason({ code, message }: NodeJS.ErrnoException): string {
  return code === "ECONNREFUSED"
    ? "nothing listens there. Start a node with `manta start --head`, or " +
      "correct the address"
    : message;
}

function requestChannel(target: ChannelTarget): Promise<Connecting> {
  const { timeoutMs = CONNECT_MS_MAX } = target;
  return new Promise((resolve) => {
    const key = randomBytes(16).toString("base64");
    let isDone = false;
    let answer: Uint8Array = new Uint8Array(0);
    const timer = setTimeout(() => fail("nobody answers"), timeoutMs);
    const socket = openSocket(target, () => {
      socket.write(requestFor(target, key));
    });
    socket.on("error", (error) => fail(errorReason(error)));
    socket.on("close", () => fail(closedReason(target)));
    socket.on("data", read);

    function read(chunk: Uint8Array): void {
      answer = Uint8Array.from([...answer, ...chunk]);
      const end = endOf(answer);
      if (!startsAsHttp(answer) || (end ?? answer.length) > ANSWER_BYTES_MAX) {
        return fail("what answers there speaks no HTTP");
      }
      if (end === undefined) return;
      const { status, headers } = readAnswer(answer.subarray(0, end));
      if (status === undefined) {
        return fail("what answers there speaks no HTTP");
      }
      const isOpen = status === 101 &&
        headers.get("sec-websocket-accept") === acceptOf(key);
      if (!isOpen) return finish({ type: "answered", status, headers });
      clearTimeout(timer);
      isDone = true;
      socket.off("data", read);
      const channel = new SocketChannel(socket, answer.slice(end));
      resolve({ type: "connected", channel });
    }

    function fail(reason: string): void {
      finish(unreachable(target, reason));
    }

    function finish(outcome: Connecting): void {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      socket.off("data", read);
      socket.destroy();
      resolve(outcome);
    }
  });
}

/** The most likely mistake of who gets no answer in plain text. */
function closedReason({ ca }: ChannelTarget): string {
  const why = "the connection was closed without an answer";
  return ca === undefined
    ? `${why}. A node with TLS does so: its token names a certificate`
    : why;
}

function openSocket(
  { hostname, port, ca, pin }: ChannelTarget,
  onOpen: () => void,
): Socket {
  if (ca === undefined) return connect({ host: hostname, port }, onOpen);
  const servername = pin === undefined ? hostname : CERTIFICATE_NAME;
  const name = isIP(servername) ? {} : { servername };
  return connectTls({ host: hostname, port, ca: [ca], ...name }, onOpen);
}

function requestFor(target: ChannelTarget, key: string): string {
  const { hostname, port, path, headers } = target;
  const fields = {
    host: `${hostOf(hostname)}:${port}`,
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": key,
    ...headers,
  };
  const lines = Object.entries(fields).map(([name, value]) => {
    if (/[\r\n]/.test(value)) throw new TypeError(`Cannot send field ${name}`);
    return `${name}: ${value}\r\n`;
  });
  return `GET ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
}

function hostOf(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

function acceptOf(key: string): string {
  return createHash("sha1").update(key + KEY_SUFFIX).digest("base64");
}

/** Whether what has come so far can become an answer. */
function startsAsHttp(answer: Uint8Array): boolean {
  const start = new TextDecoder("latin1").decode(
    answer.subarray(0, HTTP_START.length),
  );
  return HTTP_START.startsWith(start);
}

/** Where the fields of an answer end, if they have come. */
function endOf(answer: Uint8Array): number | undefined {
  for (let at = 3; at < answer.length; at++) {
    const isEnd = answer[at] === 10 && answer[at - 1] === 13 &&
      answer[at - 2] === 10 && answer[at - 3] === 13;
    if (isEnd) return at + 1;
  }
  return undefined;
}

function readAnswer(
  bytes: Uint8Array,
): { readonly status: number | undefined; readonly headers: Headers } {
  const headers = new Headers();
  const text = new TextDecoder("latin1").decode(bytes);
  const [first = "", ...lines] = text.split("\r\n");
  const status = /^HTTP\/1\.1 (\d{3})/.exec(first)?.[1];
  for (const line of lines) {
    const field = /^([A-Za-z0-9-]+): *([\x20-\x7e]*)$/.exec(line);
    if (field) headers.append(field[1]!, field[2]!);
  }
  return { status: status === undefined ? undefined : Number(status), headers };
}

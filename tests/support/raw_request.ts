// Requests as an attacker writes them, byte by byte: with any method, path and
// fields, which no client of a runtime would send.

import { connect } from "node:net";

/** What a server has answered. */
export interface RawAnswer {
  /** 0: it has closed the connection and answered nothing. */
  readonly status: number;
  /** The fields of the answer, their names in lower case. */
  readonly fields: ReadonlyMap<string, string>;
  readonly body: string;
}

export interface RawRequest {
  readonly method?: string;
  readonly path?: string;
  readonly fields?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** The address of this machine that it comes from. */
  readonly from?: string;
}

const TIMEOUT_MS = 10_000;

/** Sends a request to a port of this machine; rejects if no answer comes. */
export function rawRequest(
  port: number,
  { method = "GET", path = "/", fields = {}, body = "", from }: RawRequest,
): Promise<RawAnswer> {
  const all = {
    host: `127.0.0.1:${port}`,
    connection: "close",
    ...(body === "" ? {} : { "content-length": String(body.length) }),
    ...fields,
  };
  const lines = Object.entries(all).map(([name, it]) => `${name}: ${it}\r\n`);
  const head = `${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`;
  return rawBytes(port, head + body, from);
}

/** Sends bytes, and reads what comes until there is a whole answer. */
export function rawBytes(
  port: number,
  bytes: string | Uint8Array,
  from = "127.0.0.1",
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    let text = "";
    const target = { host: "127.0.0.1", port, localAddress: from };
    const socket = connect(target, () => socket.write(bytes));
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`No answer within ${TIMEOUT_MS} ms, but: ${text}`));
    }, TIMEOUT_MS);
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      resolve(readAnswer(text));
    };
    socket.setEncoding("latin1").on("data", (chunk) => {
      text += chunk;
      if (isWhole(text)) finish();
    });
    socket.on("error", finish);
    socket.on("close", finish);
  });
}

/** A connection for a channel may stay open behind its answer. */
function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const length = /\r\ncontent-length: (\d+)\r\n/i.exec(text)?.[1];
  const isChannel = text.startsWith("HTTP/1.1 101 ");
  return isChannel || text.length >= end + 4 + Number(length ?? Infinity);
}

function readAnswer(text: string): RawAnswer {
  const end = text.indexOf("\r\n\r\n");
  const [first = "", ...lines] = text.slice(0, end < 0 ? 0 : end).split("\r\n");
  const fields = new Map(lines.map((line) => {
    const at = line.indexOf(":");
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
  }));
  const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1] ?? 0);
  return { status, fields, body: end < 0 ? "" : text.slice(end + 4) };
}

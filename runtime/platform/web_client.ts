// Opens a channel to a server: the WebSocket of the runtime, within a time, and
// when it does not open, why. A WebSocket hides what a server has answered, so
// the same is asked again in a plain request.

import { ConnectionError } from "../base/errors.ts";
import { CONNECT_MS_MAX } from "../base/limits.ts";
import { type Channel, WebSocketChannel } from "./channel.ts";
import type { Platform } from "./platform.ts";
import type { WebRequestOptions } from "./web_server.ts";

/** What came of a try to connect. */
export type Connecting =
  | { readonly type: "connected"; readonly channel: Channel }
  /** A server has answered, but not by opening a channel. */
  | { readonly type: "answered"; readonly status: number; headers: Headers }
  /** Nobody has answered. */
  | { readonly type: "unreachable"; readonly error: ConnectionError };

/** Tries once to connect; never rejects. */
export async function openChannel(
  platform: Pick<Platform, "openWebSocket" | "requestWeb">,
  target: {
    readonly hostname: string;
    readonly port: number;
    readonly path: string;
    readonly isSecure: boolean;
  },
  options: WebRequestOptions & { readonly timeoutMs?: number },
): Promise<Connecting> {
  const { hostname, port, path, isSecure } = target;
  const { timeoutMs = CONNECT_MS_MAX } = options;
  const host = hostname.includes(":") ? `[${hostname}]` : hostname;
  const rest = `://${host}:${port}${path}`;
  try {
    const url = (isSecure ? "wss" : "ws") + rest;
    const socket = platform.openWebSocket(url, options);
    const channel = await opened(socket, timeoutMs);
    if (channel) return { type: "connected", channel };
    const signal = AbortSignal.timeout(timeoutMs);
    const asked = (isSecure ? "https" : "http") + rest;
    const response = await platform.requestWeb(asked, options, signal);
    await response.body?.cancel();
    return {
      type: "answered",
      status: response.status,
      headers: response.headers,
    };
  } catch (cause) {
    const error = new ConnectionError(
      `Cannot connect to ${host}:${port}: ${reasonOf(cause)}`,
      { cause },
    );
    return { type: "unreachable", error };
  }
}

function opened(
  socket: WebSocket,
  timeoutMs: number,
): Promise<Channel | undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(fail, timeoutMs);
    socket.onopen = () => {
      clearTimeout(timer);
      // At once: the first message may be behind it already.
      resolve(new WebSocketChannel(socket));
    };
    socket.onerror = fail;
    socket.onclose = fail;
    function fail(): void {
      clearTimeout(timer);
      socket.onopen = socket.onclose = null;
      socket.onerror = () => {};
      if (socket.readyState < WebSocket.CLOSING) socket.close();
      resolve(undefined);
    }
  });
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.name === "TimeoutError" ? "nobody answers" : cause.message;
}

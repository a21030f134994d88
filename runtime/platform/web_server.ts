// What the web server of either runtime does for a node: requests are answered
// or become channels. One interface for both; `bun_web_server.ts` and
// `deno_web_server.ts` fill it.

import { ConnectionError } from "../base/errors.ts";
import type { Channel } from "./channel.ts";
import { findPortOwner } from "./port_owner.ts";

export interface ServeWebOptions {
  readonly hostname: string;
  /** 0 takes one that is free. */
  readonly port: number;
  readonly tls?: {
    /** The certificate and its key, in PEM. */
    readonly cert: string;
    readonly key: string;
  };
  /** Answers a request that came from an address; must not throw. */
  fetch(request: Request, from: string): WebAnswer | Promise<WebAnswer>;
}

/** A response, or what takes the channel that the request becomes. */
export type WebAnswer = Response | ((channel: Channel) => void);

/** A server that listens. */
export interface WebServer {
  /** The port that it listens on. */
  readonly port: number;
  /** Ends all channels and stops listening. */
  stop(): Promise<void>;
}

/** The answer to a request for a channel that is no upgrade. */
export function upgradeRequired(): Response {
  return new Response(null, { status: 426, headers: { upgrade: "websocket" } });
}

/** Why a server cannot listen, as an error that says what to do. */
export function listenError(
  { hostname, port }: { readonly hostname: string; readonly port: number },
  cause: unknown,
): unknown {
  const code = (cause as { code?: unknown } | undefined)?.code;
  const name = (cause as { name?: unknown } | undefined)?.name;
  const where = `Cannot listen on ${hostname}:${port}`;
  if (code === "EADDRINUSE" || name === "AddrInUse") {
    const owner = findPortOwner(port);
    const who = owner
      ? `process ${owner.pid} (${owner.name}) has it`
      : `another process has it; \`ss -ltnp "sport = :${port}"\` shows which`;
    return new ConnectionError(
      `${where}: the port is in use, ${who}. End that process, or choose ` +
        "another port",
      { cause, details: { reason: "port_in_use", port, pid: owner?.pid } },
    );
  }
  if (code === "EACCES" || name === "PermissionDenied") {
    return new ConnectionError(
      `${where}: this user may not. Choose a port above 1023`,
      { cause, details: { reason: "port_forbidden", port } },
    );
  }
  return new ConnectionError(
    `${where}: ${cause instanceof Error ? cause.message : String(cause)}. ` +
      "Choose an address of this machine",
    { cause, details: { reason: "cannot_listen", port } },
  );
}

// A Redis server by its URL, as far as a head needs one: runs scripts there and
// comes back by itself when the connection breaks.

import { Buffer } from "node:buffer";
import type { RedisClientType } from "@redis/client";
import { STATE_CONNECT_MS_MAX, STATE_RETRY_EVERY_MS } from "../base/limits.ts";

/** Where a state is. */
export interface RedisAddress {
  readonly url: string;
  /** The same without a password. */
  readonly shown: string;
  /** Of the state, among others of the server. */
  readonly name: string;
}

/** What is used of a server. */
export interface RedisServer {
  /** Rejects at once while there is no connection. Texts come as bytes. */
  run(
    script: string,
    keys: readonly string[],
    args: readonly (string | Uint8Array)[],
  ): Promise<unknown>;
  close(): void;
}

const PROTOCOLS = ["redis:", "rediss:"];
const NAME = /^[\w.-]{1,64}$/;

/** Whether it is meant to be the address of a server, and no folder. */
export function isRedisUrl(text: string): boolean {
  return /^rediss?:\/\//.test(text);
}

/** Reads `redis://user:password@host:port/number?name=…`; throws why not. */
export function readRedisUrl(text: string, port: number): RedisAddress {
  const url = new URL(text);
  const { protocol, hostname, pathname, searchParams } = url;
  if (!PROTOCOLS.includes(protocol) || hostname === "") {
    throw new Error("it needs a host, as in redis://host:6379");
  }
  if (!/^\/?\d*$/.test(pathname)) {
    throw new Error("behind the host comes the number of a database, or none");
  }
  const name = searchParams.get("name") ?? String(port);
  const other = [...searchParams.keys()].find((key) => key !== "name");
  if (other !== undefined) throw new Error(`it knows no option "${other}"`);
  if (!NAME.test(name)) {
    throw new Error("a name has 1 to 64 letters, digits and signs of _.-");
  }
  if (name === "0") {
    throw new Error(
      "who takes any port (--port 0) is not found again: give a port",
    );
  }
  url.search = "";
  return { url: url.href, shown: `${protocol}//${url.host}${pathname}`, name };
}

/** Connects; rejects if that fails, or takes too long. */
export async function connectToRedis(
  { url }: RedisAddress,
): Promise<RedisServer> {
  const { createClient, RESP_TYPES } = await import("@redis/client");
  let isConnected = false;
  const client = createClient({
    url,
    disableOfflineQueue: true,
    socket: {
      connectTimeout: STATE_CONNECT_MS_MAX,
      reconnectStrategy: () => isConnected ? STATE_RETRY_EVERY_MS : false,
    },
  }) as RedisClientType;
  // Each command rejects by itself.
  client.on("error", () => {});
  const timer = setTimeout(() => client.destroy(), STATE_CONNECT_MS_MAX);
  try {
    await client.connect();
  } finally {
    clearTimeout(timer);
  }
  isConnected = true;
  const binary = client.withTypeMapping({ [RESP_TYPES.BLOB_STRING]: Buffer });
  return {
    run: (script, keys, args) =>
      binary.eval(script, {
        keys: [...keys],
        arguments: args.map((arg) =>
          typeof arg === "string" ? arg : Buffer.from(arg)
        ),
      }),
    close: () => client.destroy(),
  };
}

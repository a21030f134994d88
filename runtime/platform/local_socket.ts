// Channels between processes of one user on one machine, over a socket in a
// folder that only that user can enter: whoever can reach it belongs here.

import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { join } from "node:path";
import type { Channel } from "./channel.ts";
import { SocketChannel } from "./socket_channel.ts";

/** Where processes connect to. */
export interface LocalServer {
  /** Resolves once it listens; rejects when it cannot. */
  readonly ready: Promise<void>;
  close(): void;
}

/** What systems take for the path of a socket, less a few. */
const PATH_BYTES_MAX = 100;

/** A path for a socket, in the folder unless that is too long for it. */
export function socketPath(
  folder: string,
  name: string,
): { readonly path: string; remove(): void } {
  const path = join(folder, name);
  if (Buffer.byteLength(path) <= PATH_BYTES_MAX) {
    return { path, remove: () => {} };
  }
  const own = mkdtempSync("/tmp/manta-");
  const remove = () => rmSync(own, { recursive: true, force: true });
  return { path: join(own, name), remove };
}

const NOTHING = new Uint8Array(0);
const UNMASKED = { isMasked: false };

/**
 * Listens at a path that is not there yet. Each channel begins with the name
 * that its other side goes by; what follows is for who starts it then.
 */
export function listenLocally(
  path: string,
  onChannel: (name: string, channel: Channel) => void,
): LocalServer {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    const channel = new SocketChannel(socket, NOTHING, UNMASKED);
    channel.start({
      message: (bytes) => onChannel(Buffer.from(bytes).toString(), channel),
      closed: () => {},
    });
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.on("error", reject);
  try {
    server.listen(path, resolve);
  } catch (error) {
    // Without the permission to do so, Deno throws.
    reject(error);
  }
  return {
    ready: promise,
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** Connects to a local server, by name. */
export function connectLocally(path: string, name: string): Promise<Channel> {
  const { promise, resolve, reject } = Promise.withResolvers<Channel>();
  const socket = createConnection(path, () => {
    socket.removeListener("error", reject);
    const channel = new SocketChannel(socket, NOTHING, UNMASKED);
    channel.send(Buffer.from(name));
    resolve(channel);
  });
  socket.once("error", reject);
  return promise;
}

// The wiring of a head: a process without a driver, whose node listens for
// drivers of other processes. This thread starts and stops the others, and does
// nothing else.

import { clearInterval, setInterval } from "node:timers";
import { newId, type NodeId } from "./base/ids.ts";
import { ThreadHost } from "./host.ts";
import { type NodeOptions, openNode } from "./node_opening.ts";
import { detectPlatform } from "./platform/detect.ts";
import { addressText } from "./protocol/address.ts";
import { newMailboxBuffer } from "./transport/mailbox.ts";

/** What a head is started with. */
export interface HeadOptions {
  /** Where it listens, such as "127.0.0.1". */
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  readonly token: string;
  /** The certificate and its key, in PEM; plain text without. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Names beside its addresses that drivers may call it by. */
  readonly names?: readonly string[];
  /** What the node has. */
  readonly node: NodeOptions;
}

/** A head that listens. */
export interface Head {
  /** `host:port`, for drivers. */
  readonly address: string;
  readonly nodeId: NodeId;
  readonly sessionPath: string;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  /** Says goodbye to its drivers and ends all that it runs. */
  end(): Promise<void>;
}

/** An interval that never fires keeps the process alive. */
const NEVER_MS = 2 ** 30;

/** Starts a head; rejects with a `ConnectionError` when it cannot listen. */
export async function startHead(options: HeadOptions): Promise<Head> {
  const platform = detectPlatform();
  const nodeId = newId("node");
  const { start, directories } = openNode(
    nodeId,
    newMailboxBuffer(),
    options.node,
  );
  const { hostname: host, port, token, tls, names } = options;
  const threads = new ThreadHost(platform, {
    ...start,
    listen: {
      ...{ hostname: host, port, token },
      ...(tls ? { tls } : {}),
      ...(names ? { names } : {}),
    },
  });
  const removeDirectories = () => {
    for (const directory of directories) directory.remove();
  };
  const forgetEnd = platform.onProcessEnd(removeDirectories);
  const alive = setInterval(() => {}, NEVER_MS);
  const ended = Promise.withResolvers<void>();
  let ending: Promise<void> | undefined;
  const end = async () => {
    await threads.end();
    clearInterval(alive);
    forgetEnd();
    removeDirectories();
    ended.resolve();
  };
  const endOnce = () => ending ??= end();
  try {
    const listening = await threads.listening;
    return {
      address: addressText(host, listening),
      nodeId,
      sessionPath: start.sessionPath,
      ended: ended.promise,
      end: endOnce,
    };
  } catch (error) {
    await endOnce();
    throw error;
  }
}

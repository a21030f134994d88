// The wiring of a head: a process without a driver, whose node listens for
// drivers of other processes. This thread starts and stops the others, and does
// nothing else.

import { clearInterval, setInterval } from "node:timers";
import { newId, type NodeId } from "./base/ids.ts";
import { ThreadHost } from "./host.ts";
import type { NodeListen } from "./host_messages.ts";
import { type NodeOptions, openNode } from "./node_opening.ts";
import { detectPlatform } from "./platform/detect.ts";
import { newMailboxBuffer } from "./transport/mailbox.ts";

/** What a head is started with. */
export interface HeadOptions extends NodeListen {
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
  const { node, ...listen } = options;
  const { start, directories } = openNode(nodeId, newMailboxBuffer(), node);
  const threads = new ThreadHost(platform, { ...start, listen });
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
    const port = await threads.listening;
    const { hostname } = listen;
    const host = hostname.includes(":") ? `[${hostname}]` : hostname;
    return {
      address: `${host}:${port}`,
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

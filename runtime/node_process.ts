// The wiring of a process without a driver, whose node listens for others:
// what a head and a worker have in common. The main thread of such a process
// starts and stops the others, and does nothing else.

import { clearInterval, setInterval } from "node:timers";
import type { MantaError } from "./base/errors.ts";
import { newId, type NodeId } from "./base/ids.ts";
import { ThreadHost } from "./host.ts";
import type { NodeJoin, NodeListen } from "./host_messages.ts";
import { type NodeOptions, openNode } from "./node_opening.ts";
import { detectPlatform } from "./platform/detect.ts";
import { addressText } from "./protocol/address.ts";
import { newMailboxBuffer } from "./transport/mailbox.ts";

/** What such a node is started with. */
export interface NodeProcessOptions {
  readonly listen: NodeListen;
  /** The head that it joins; without one, it is one. */
  readonly join?: NodeJoin;
  /** What the node has. */
  readonly node: NodeOptions;
}

/** A node that listens and, if it is to, has joined. */
export interface NodeProcess {
  /** `host:port`, for drivers and for other nodes. */
  readonly address: string;
  readonly nodeId: NodeId;
  readonly sessionPath: string;
  /** Resolves when it has ended; with why, if it could not go on. */
  readonly ended: Promise<MantaError | undefined>;
  /** Takes no new work, lets running tasks end, and ends. */
  drain(): void;
  /** Says goodbye and ends all that it runs. */
  end(): Promise<void>;
}

/** An interval that never fires keeps the process alive. */
const NEVER_MS = 2 ** 30;

/** Starts a node; rejects when it cannot listen, or may not join. */
export async function startNodeProcess(
  { listen, join, node }: NodeProcessOptions,
): Promise<NodeProcess> {
  const platform = detectPlatform();
  const nodeId = newId("node");
  const { start, directories } = openNode(nodeId, newMailboxBuffer(), node);
  const threads = new ThreadHost(platform, {
    ...start,
    listen,
    ...(join ? { join } : {}),
  });
  const removeDirectories = () => {
    for (const directory of directories) directory.remove();
  };
  const forgetEnd = platform.onProcessEnd(removeDirectories);
  const alive = setInterval(() => {}, NEVER_MS);
  const ended = Promise.withResolvers<MantaError | undefined>();
  let ending: Promise<void> | undefined;
  const end = async (why?: MantaError) => {
    await threads.end();
    clearInterval(alive);
    forgetEnd();
    removeDirectories();
    ended.resolve(why);
  };
  const endOnce = (why?: MantaError) => ending ??= end(why);
  try {
    const port = await threads.listening;
    if (join) await threads.joined;
    threads.over.then(endOnce);
    return {
      address: addressText(listen.hostname, port),
      nodeId,
      sessionPath: start.sessionPath,
      ended: ended.promise,
      drain: () => threads.drain(),
      end: () => endOnce(),
    };
  } catch (error) {
    await endOnce();
    throw error;
  }
}

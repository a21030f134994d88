// The wiring of a process without a driver, whose node listens for others:
// what a head and a worker have in common. The main thread of such a process
// starts and stops the others, and does nothing else.

import { clearInterval, setInterval } from "node:timers";
import type { MantaError } from "./base/errors.ts";
import { newId, type NodeId } from "./base/ids.ts";
import { ThreadHost } from "./host.ts";
import type { NodeJoin, NodeListen } from "./host_messages.ts";
import { StateHost } from "./hosted_state.ts";
import { type NodeOptions, openNode } from "./node_opening.ts";
import { detectPlatform } from "./platform/detect.ts";
import type { RedisAddress } from "./platform/redis_server.ts";
import { addressText } from "./protocol/address.ts";
import { newMailboxBuffer } from "./transport/mailbox.ts";

/** What such a node is started with. */
export interface NodeProcessOptions {
  readonly listen: NodeListen;
  /** Where a head keeps its state, if that is no folder. */
  readonly redis?: RedisAddress;
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
  /**
   * Ends all that it runs. Says goodbye, which is the end of a head's cluster;
   * one that keeps it goes without a word, as if it were killed.
   */
  end(how?: NodeEnd): Promise<void>;
}

/** How a node ends. */
export interface NodeEnd {
  /** The cluster waits for a head that is started again; `false` without. */
  readonly keepsCluster?: boolean;
}

/** An interval that never fires keeps the process alive. */
const NEVER_MS = 2 ** 30;

/** Starts a node; rejects when it cannot listen, or may not join. */
export async function startNodeProcess(
  { listen, redis, join, node }: NodeProcessOptions,
): Promise<NodeProcess> {
  const platform = detectPlatform();
  const kept = redis && await openKept(redis);
  const nodeId = newId("node");
  const { start, directories } = openNode(nodeId, newMailboxBuffer(), node);
  const threads = new ThreadHost(platform, {
    ...start,
    listen: kept ? { ...listen, state: kept.host.start } : listen,
    ...(join ? { join } : {}),
  }, kept?.host);
  const removeDirectories = () => {
    for (const directory of directories) directory.remove();
  };
  const forgetEnd = platform.onProcessEnd(removeDirectories);
  const alive = setInterval(() => {}, NEVER_MS);
  const ended = Promise.withResolvers<MantaError | undefined>();
  let ending: Promise<void> | undefined;
  const end = async (why?: MantaError, how?: NodeEnd) => {
    await threads.end(how);
    clearInterval(alive);
    forgetEnd();
    removeDirectories();
    ended.resolve(why);
  };
  const endOnce = (why?: MantaError, how?: NodeEnd) => ending ??= end(why, how);
  // Its nodes are the other head's.
  void kept?.taken.then((error) => endOnce(error, { keepsCluster: true }));
  try {
    const port = await threads.listening;
    if (join) await threads.joined;
    void threads.over.then((why) => endOnce(why));
    return {
      address: addressText(listen.hostname, port),
      nodeId,
      sessionPath: start.sessionPath,
      ended: ended.promise,
      drain: () => threads.drain(),
      end: (how) => endOnce(undefined, how),
    };
  } catch (error) {
    await endOnce();
    throw error;
  }
}

/** Only who keeps a state in a server loads what speaks with it. */
async function openKept(redis: RedisAddress) {
  const { openRedisState } = await import("./platform/redis_state.ts");
  const state = await openRedisState(redis);
  return { host: new StateHost(state), taken: state.taken };
}

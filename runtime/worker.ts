// A worker: a node that joins a head and runs what its cluster gives it. Other
// workers connect to it, and drivers may.

import type { NodeJoin, NodeListen } from "./host_messages.ts";
import type { NodeOptions } from "./node_opening.ts";
import { type NodeProcess, startNodeProcess } from "./node_process.ts";

/** What a worker is started with. */
export interface WorkerOptions extends NodeListen {
  /** The head that it joins; the token is the head's. */
  readonly head: NodeJoin;
  /** What the node has. */
  readonly node: NodeOptions;
}

/** A worker that has joined. */
export type Worker = NodeProcess;

/**
 * Starts a worker; rejects with a `ConnectionError` when it cannot listen or
 * reach the head, and with an `AuthenticationError` or a `ProtocolError` when
 * the head does not let it in.
 */
export function startWorker(
  { head, node, ...listen }: WorkerOptions,
): Promise<Worker> {
  return startNodeProcess({ listen, join: head, node });
}

// Asks a node in another process without being a driver of it: no job is made,
// and no task can be run.

import { type ClusterAddress, openConnection } from "./connection.ts";
import type { ThreadWires } from "./thread_wires.ts";

/** A node that can be asked; its calls fail when the connection does. */
export interface ObservedNode {
  readonly calls: ThreadWires["control"];
  close(): Promise<void>;
}

/** Connects to a node. What fails is told by the first call. */
export function observeNode(cluster: ClusterAddress): ObservedNode {
  const { wires, session } = openConnection(cluster, {
    hello: { type: "observer_hello" },
    welcomed: () => {},
    lost: (error) => wires.end(error),
  });
  return { calls: wires.control, close: () => session.leave() };
}

// A head: a node that drivers of other processes and other nodes connect to. It
// runs tasks like any other.

import type { NodeListen } from "./host_messages.ts";
import type { NodeOptions } from "./node_opening.ts";
import { type NodeProcess, startNodeProcess } from "./node_process.ts";

/** What a head is started with. */
export interface HeadOptions extends NodeListen {
  /** What the node has. */
  readonly node: NodeOptions;
}

/** A head that listens. */
export type Head = Omit<NodeProcess, "drain">;

/** Starts a head; rejects with a `ConnectionError` when it cannot listen. */
export function startHead({ node, ...listen }: HeadOptions): Promise<Head> {
  return startNodeProcess({ listen, node });
}

// A head: a node that drivers of other processes and other nodes connect to. It
// runs tasks like any other.

import type { NodeListen } from "./host_messages.ts";
import type { NodeOptions } from "./node_opening.ts";
import type { RedisAddress } from "./platform/redis_server.ts";
import { type NodeProcess, startNodeProcess } from "./node_process.ts";

/** Where a head keeps its state. */
export type StatePlace =
  | { readonly folder: string }
  | { readonly redis: RedisAddress };

/** What a head is started with. */
export interface HeadOptions extends Omit<NodeListen, "state"> {
  /** Without, nothing is kept. */
  readonly state?: StatePlace;
  /** What the node has. */
  readonly node: NodeOptions;
}

/** A head that listens. */
export type Head = Omit<NodeProcess, "drain">;

/** Starts a head; rejects with a `ConnectionError` when it cannot listen. */
export function startHead(
  { node, state, ...listen }: HeadOptions,
): Promise<Head> {
  if (!state) return startNodeProcess({ listen, node });
  if ("folder" in state) {
    return startNodeProcess({ listen: { ...listen, state }, node });
  }
  return startNodeProcess({ listen, ...state, node });
}

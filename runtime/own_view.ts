// What a node tells of itself: what it is, and how it is at this moment. Both
// are plain data that travel to the cluster's other nodes.

import process from "node:process";
import type { NodeCondition } from "./control/node_reports.ts";
import type { NodeStart } from "./host_messages.ts";
import type { NodeStore } from "./object_store/node_store.ts";
import type { NodeFacts, NodeView } from "./protocol/cluster_messages.ts";
import type { Scheduler } from "./scheduler/scheduler.ts";

/** The node, as far as it is told of. */
export interface ToldNode {
  readonly start: NodeStart;
  /** Where it listens, or "local". */
  readonly address: string;
  readonly scheduler: Scheduler;
  readonly store: NodeStore;
}

/** What stays as it is from the node's start to its end. */
export function ownFacts({ start, address }: ToldNode): NodeFacts {
  const { nodeId, hostname, total, labels, storeBytes, listen } = start;
  const pin = listen?.tls?.pin;
  return {
    ...{ nodeId, address, hostname, total, labels, storeBytes },
    ...(pin === undefined ? {} : { pin }),
    isHead: start.join === undefined,
    pid: process.pid,
    version: start.version,
    startedAtMs: start.startedAtMs,
  };
}

/** How the node is now. */
export function ownCondition({ scheduler, store }: ToldNode): NodeCondition {
  const { usedBytes, spilledBytes } = store.stats();
  return {
    available: scheduler.available(),
    storeUsedBytes: usedBytes,
    storeSpilledBytes: spilledBytes,
    waiting: scheduler.waitingCount(),
  };
}

/** The view of a node that knows of no others. */
export function ownView(node: ToldNode): NodeView {
  const report = { ...ownCondition(node), isDraining: false };
  return { facts: ownFacts(node), report, state: "alive" };
}

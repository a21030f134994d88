// What a node tells of itself: what it is, and how it is at this moment. Both
// are plain data that travel to the cluster's other nodes.

import process from "node:process";
import type { NodeCondition } from "./control/node_reports.ts";
import type { NodeStart } from "./host_messages.ts";
import type { NodeStore } from "./object_store/node_store.ts";
import type { WorkerId } from "./base/ids.ts";
import type { MemberNode } from "./member_node.ts";
import type {
  NodeFacts,
  NodeHosting,
  NodeView,
} from "./protocol/cluster_messages.ts";
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

/** What a head that was started again must know of the node. */
export function ownHosting(
  { start, scheduler, jobs }: Pick<MemberNode, "start" | "scheduler" | "jobs">,
): NodeHosting {
  const workers: WorkerId[] = scheduler.threads().map(({ threadId }) =>
    threadId
  );
  for (const { driver, home, isOver } of jobs.all()) {
    if (home === start.nodeId && !isOver) workers.push(driver.workerId);
  }
  return {
    workers,
    actors: scheduler.actors().map(({ actorId, threadId }) => (
      { actorId, ...(threadId ? { threadId } : {}) }
    )),
    bundles: scheduler.bundles(),
  };
}

/** The view of a node that knows of no others. */
export function ownView(node: ToldNode): NodeView {
  const report = { ...ownCondition(node), isDraining: false };
  return { facts: ownFacts(node), report, state: "alive" };
}

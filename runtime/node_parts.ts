// What one node itself knows of what is listed. What the cluster knows is put
// together of such parts by who has asked.

import type { JobId } from "./base/ids.ts";
import { STATE_OBJECTS_MAX } from "./base/limits.ts";
import { resourceAmounts } from "./base/resources.ts";
import { listedWaiting } from "./listed_waiting.ts";
import type { NodeCluster } from "./node_cluster.ts";
import type { NodeJobs } from "./node_jobs.ts";
import type { NodeTasks } from "./node_tasks.ts";
import type { NodeStart } from "./host_messages.ts";
import type { NodeStore } from "./object_store/node_store.ts";
import { ownView, type ToldNode } from "./own_view.ts";
import type {
  NodePart,
  ObjectListing,
  PartNoun,
  PendingListing,
  WorkerListing,
} from "./protocol/state_answers.ts";
import type { Scheduler } from "./scheduler/scheduler.ts";

/** The node that is asked. */
export interface AskedForPart extends ToldNode {
  readonly start: NodeStart;
  readonly scheduler: Scheduler;
  readonly store: NodeStore;
  readonly jobs: NodeJobs;
  readonly tasks: Pick<NodeTasks, "collect">;
  readonly cluster: NodeCluster | undefined;
}

/** The part of one node; `jobId` is for tasks only. */
export async function nodePart(
  node: AskedForPart,
  noun: PartNoun,
  jobId?: JobId,
): Promise<NodePart> {
  const { nodeId } = node.start;
  switch (noun) {
    case "tasks":
      return await node.tasks.collect(jobId);
    case "workers":
      return { nodeId, workers: workers(node) };
    case "objects": {
      const { objects } = node.store.stats();
      const listed = listedObjects(node);
      return { nodeId, objects: listed, omitted: objects - listed.length };
    }
    case "pending":
      return { nodeId, pending: pending(node) };
  }
}

function workers({ jobs, scheduler, start }: AskedForPart): WorkerListing[] {
  const drivers = [...jobs.all()]
    .filter(({ isOver, home }) => !isOver && home === start.nodeId)
    .map(({ driver: { workerId, jobId } }): WorkerListing => (
      { workerId, jobId, kind: "driver", actors: 0, leases: 0 }
    ));
  const threads = scheduler.threads().map((thread): WorkerListing => {
    const { threadId: workerId, jobId, isolation: kind, works } = thread;
    const actors = works.filter(({ actorId }) => actorId !== undefined).length;
    return { workerId, jobId, kind, actors, leases: works.length - actors };
  });
  return [...drivers, ...threads];
}

function listedObjects({ store, jobs }: AskedForPart): ObjectListing[] {
  return store.list(STATE_OBJECTS_MAX).map(
    ({ owner, number, sizeBytes, state, isCopy }) => {
      const jobId = jobs.of(owner)?.driver.jobId;
      return {
        ...{ owner, number, sizeBytes, state, isCopy },
        ...(jobId ? { jobId } : {}),
      };
    },
  );
}

function pending(node: AskedForPart): PendingListing[] {
  const views = node.cluster?.views() ?? [ownView(node)];
  return [
    ...node.scheduler.pending().map(({ kind, resources, count, why }) => (
      { kind, resources: resourceAmounts(resources), count, why }
    )),
    ...listedWaiting(node.cluster?.unplaced() ?? [], views),
  ];
}

/** What waits at several nodes for the same reason is listed once. */
export function sumPending(parts: readonly NodePart[]): PendingListing[] {
  const sums = new Map<string, PendingListing>();
  for (const listing of parts.flatMap(({ pending = [] }) => pending)) {
    const { kind, resources, why } = listing;
    const key = JSON.stringify([kind, Object.entries(resources).sort(), why]);
    const count = (sums.get(key)?.count ?? 0) + listing.count;
    sums.set(key, { ...listing, count });
  }
  return [...sums.values()];
}

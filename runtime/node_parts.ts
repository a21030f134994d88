// What one node itself knows of what is listed. What the cluster knows is put
// together of such parts by who has asked.

import { type JobId, nodeOfWorker } from "./base/ids.ts";
import {
  STATE_MESSAGE_CHARACTERS_MAX,
  STATE_OBJECTS_MAX,
} from "./base/limits.ts";
import { resourceAmounts } from "./base/resources.ts";
import { listedWaiting } from "./listed_waiting.ts";
import type {
  ListedGroup,
  PlacementGroups,
} from "./control/placement_groups.ts";
import type { NodeActors } from "./node_actors.ts";
import type { NodeCluster } from "./node_cluster.ts";
import type { NodeJobs } from "./node_jobs.ts";
import type { NodeTasks } from "./node_tasks.ts";
import type { NodeStart } from "./host_messages.ts";
import type { NodeStore } from "./object_store/node_store.ts";
import { ownView, type ToldNode } from "./own_view.ts";
import type {
  ActorListing,
  GroupListing,
  NodePart,
  ObjectListing,
  PartNoun,
  PartRequest,
  PendingListing,
  WorkerListing,
} from "./protocol/state_answers.ts";
import type { Scheduler } from "./scheduler/scheduler.ts";
import { trimmedPart } from "./trimmed_part.ts";

/** The node that is asked. */
export interface AskedForPart extends ToldNode {
  readonly start: NodeStart;
  readonly scheduler: Scheduler;
  readonly store: NodeStore;
  readonly jobs: NodeJobs;
  readonly tasks: Pick<NodeTasks, "collect">;
  readonly actors: NodeActors;
  readonly groups: PlacementGroups;
  readonly cluster: NodeCluster | undefined;
}

/** The part of one node, bounded. */
export async function nodePart(
  node: AskedForPart,
  { noun, jobId, bytesMax }: PartRequest,
): Promise<NodePart> {
  return trimmedPart(await wholePart(node, noun, jobId), bytesMax);
}

async function wholePart(
  node: AskedForPart,
  noun: PartNoun,
  jobId: JobId | undefined,
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
    case "actors":
      return { nodeId, actors: actorListings(node) };
    case "groups":
      return { nodeId, groups: node.groups.list().map(groupListing) };
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

function groupListing(
  { groupId, name = "", created, strategy, bundles, jobId, detached }:
    ListedGroup,
): GroupListing {
  return {
    ...{ id: groupId, name, isCreated: created, strategy, jobId },
    bundles: bundles.map(resourceAmounts),
    isDetached: detached,
  };
}

function actorListings({ actors }: AskedForPart): ActorListing[] {
  return [...actors.directory.records.values()].map((record) => {
    const { actor, jobId, state, threadId, restartsUsed, deathError } = record;
    const { actorId: id, name = "", className, namespace, detached } = actor;
    const nodeId = threadId && nodeOfWorker(threadId);
    return {
      ...{ id, name, className, state, jobId, restarts: restartsUsed },
      ...(threadId ? { workerId: threadId } : {}),
      ...(nodeId ? { nodeId } : {}),
      ...(deathError ? failureOf(deathError) : {}),
      ...{ namespace, isDetached: detached },
    };
  });
}

/** More than that is in the error that callers get. */
const DEATH_CAUSE_CHARACTERS_MAX = 4 * STATE_MESSAGE_CHARACTERS_MAX;

function failureOf(error: Error) {
  const deathCause = error.message.slice(0, DEATH_CAUSE_CHARACTERS_MAX);
  return { errorType: error.name, deathCause };
}

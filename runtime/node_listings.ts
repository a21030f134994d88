// What a node tells of itself when it is asked, as plain data; what can be
// asked is in `node_control.ts`.

import type { ActorListing } from "./api/session_port.ts";
import { type JobId, nodeOfWorker } from "./base/ids.ts";
import { PlacementGroupRemovedError } from "./base/errors.ts";
import { resourceAmounts } from "./base/resources.ts";
import type {
  ListedGroup,
  PlacementGroups,
} from "./control/placement_groups.ts";
import type { NodeCluster } from "./node_cluster.ts";
import type { NodeStart } from "./host_messages.ts";
import type { NodeActors } from "./node_actors.ts";
import type { GroupListing, JobListing, NodeControl } from "./node_control.ts";
import { clusterAvailable, clusterTotals, listedNode } from "./listed_nodes.ts";
import { ownView } from "./own_view.ts";
import type { NodeMemory } from "./node_memory.ts";
import type { NodeJob, NodeJobs } from "./node_jobs.ts";
import { sumPending } from "./node_parts.ts";
import { chromeTrace } from "./observe/timeline.ts";
import type { NodeStore } from "./object_store/node_store.ts";
import type { NodePart, PartNoun } from "./protocol/state_answers.ts";
import { taskFailure } from "./protocol/task_events.ts";
import type { Scheduler } from "./scheduler/scheduler.ts";
import { encodeError } from "./protocol/wire_error.ts";

/** The parts of a node that are listed. */
export interface ListedNode {
  readonly start: NodeStart;
  readonly scheduler: Scheduler;
  readonly actors: NodeActors;
  readonly groups: PlacementGroups;
  readonly store: NodeStore;
  /** Where it listens, or "local". */
  readonly address: string;
  readonly cluster: NodeCluster | undefined;
  readonly jobs: NodeJobs;
  readonly memory: NodeMemory;
  /** What this node itself knows. */
  part(noun: PartNoun, jobId: JobId | undefined): Promise<NodePart>;
  /** Takes in what the threads have sent by now. */
  takeIn(): void;
}

/** The calls that the threads of a job may make to the node. */
export function nodeControl(
  node: ListedNode,
  jobId: JobId | undefined,
): NodeControl {
  const { scheduler, actors, groups, store, cluster } = node;
  const views = () => cluster?.views() ?? [ownView(node)];
  const parts: NodeControl["parts"] = async (noun, job) =>
    await cluster?.parts.collect(noun, job ?? undefined) ??
      [await node.part(noun, job ?? undefined)];
  const own: NodeControl = {
    nodes: () => views().map(listedNode),
    totals: () => clusterTotals(views()),
    available: () => clusterAvailable(views()),
    findActor: async (name, namespace) => {
      await cluster?.settling;
      // The calls come by another way than the news of actors.
      node.takeIn();
      const record = await actors.find(name, namespace);
      if (!record) return undefined;
      const { actorId, interface: shape } = record.actor;
      return { actorId, interface: shape };
    },
    actors: async () => {
      await cluster?.settling;
      return actorListings(node);
    },
    bundle: async (hash) => await node.cluster?.bundles.fetch(jobId, hash),
    pending: async () => sumPending(await parts("pending", null)),
    parts,
    groups: () => groups.list().map(groupListing),
    memory: () => node.memory.listing(),
    jobs: () => [...node.jobs.all()].map(jobListing),
    groupReady: async (groupId) => {
      await cluster?.settling;
      if (await groups.ready(groupId)) return undefined;
      return encodeError(
        new PlacementGroupRemovedError(
          `Cannot use placement group ${groupId}: it was removed`,
        ),
      );
    },
    timeline: async () => chromeTrace(await parts("tasks", jobId ?? null)),
    leftovers: () => ({
      leases: scheduler.leases().length,
      actors: scheduler.actors().length,
      objects: store.stats().objects,
    }),
    collectGarbage: () => store.collectGarbage(),
  };
  return { ...own, ...cluster?.callsOfHead() };
}

function jobListing(
  { driver, isOver, startedAtMs, threads }: NodeJob,
): JobListing {
  return {
    jobId: driver.jobId,
    namespace: driver.namespace,
    state: isOver ? "ended" : "running",
    startedAtMs,
    threads: threads.size,
  };
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

function actorListings({ actors }: ListedNode): ActorListing[] {
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

function failureOf(error: Error) {
  const { errorType, errorMessage: deathCause } = taskFailure(error);
  return { errorType, deathCause };
}

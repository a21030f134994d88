// What a node tells of itself when it is asked, as plain data; what can be
// asked is in `node_control.ts`.

import type { JobId } from "./base/ids.ts";
import { STATE_PART_BYTES_MAX } from "./base/limits.ts";
import { PlacementGroupRemovedError } from "./base/errors.ts";
import type { PlacementGroups } from "./control/placement_groups.ts";
import type { NodeCluster } from "./node_cluster.ts";
import type { NodeStart } from "./host_messages.ts";
import type { NodeActors } from "./node_actors.ts";
import type { JobListing, NodeControl } from "./node_control.ts";
import { clusterAvailable, clusterTotals, listedNode } from "./listed_nodes.ts";
import { ownView } from "./own_view.ts";
import type { NodeMemory } from "./node_memory.ts";
import type { NodeJob, NodeJobs } from "./node_jobs.ts";
import { sumPending } from "./node_parts.ts";
import type { NodeStore } from "./object_store/node_store.ts";
import {
  HEAD_NOUNS,
  type NodePart,
  type PartRequest,
} from "./protocol/state_answers.ts";
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
  part(request: PartRequest): Promise<NodePart>;
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
  const parts: NodeControl["parts"] = async (noun, job) => {
    if (HEAD_NOUNS.has(noun)) await cluster?.settling;
    const request: PartRequest = {
      ...{ noun, bytesMax: STATE_PART_BYTES_MAX },
      ...(job === null ? {} : { jobId: job }),
    };
    return await cluster?.parts.collect(request) ?? [await node.part(request)];
  };
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
    bundle: async (hash) => await node.cluster?.bundles.fetch(jobId, hash),
    pending: async () => sumPending(await parts("pending", null)),
    parts,
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

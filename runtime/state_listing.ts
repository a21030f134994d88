// Everything that can be listed, as items: asks the node, which asks the
// others, and gives what they know the words that users read.

import type {
  ActorItem,
  FoundItems,
  JobItem,
  NodeItem,
  ObjectItem,
  PlacementGroupItem,
  StateItems,
  StateNoun,
  WorkerItem,
} from "./api/state_types.ts";
import { objectIdText } from "./base/ids.ts";
import { failures, listedTasks } from "./listed_tasks.ts";
import type { JobListing, NodeListing } from "./node_control.ts";
import type {
  GroupListing,
  NodePart,
  ObjectListing,
  WorkerListing,
} from "./protocol/state_answers.ts";
import type { ThreadWires } from "./thread_wires.ts";

type Calls = ThreadWires["control"];

const FINDERS: {
  readonly [Noun in StateNoun]: (
    calls: Calls,
  ) => Promise<FoundItems<StateItems[Noun]>>;
} = {
  tasks: async (calls) => listedTasks(await calls.parts("tasks", null)),
  actors: async (calls) =>
    ofParts(
      await calls.parts("actors", null),
      ({ actors = [] }) => [...actors] as ActorItem[],
    ),
  nodes: async (calls) => all((await calls.nodes()).map(nodeItem)),
  jobs: async (calls) => all((await calls.jobs()).map(jobItem)),
  objects: async (calls) =>
    ofParts(
      await calls.parts("objects", null),
      ({ nodeId, objects = [] }) =>
        objects.map((object) => objectItem(nodeId, object)),
    ),
  workers: async (calls) =>
    ofParts(
      await calls.parts("workers", null),
      ({ nodeId, workers = [] }) =>
        workers.map((worker) => workerItem(nodeId, worker)),
    ),
  placementGroups: async (calls) =>
    ofParts(
      await calls.parts("groups", null),
      ({ groups = [] }) => groups.map(groupItem),
    ),
};

/** All items of a kind that the cluster knows, within its limits. */
export function findItems<Noun extends StateNoun>(
  calls: Calls,
  noun: Noun,
): Promise<FoundItems<StateItems[Noun]>> {
  return FINDERS[noun](calls);
}

function all<Item>(items: readonly Item[]): FoundItems<Item> {
  return { items, omitted: 0, warnings: [] };
}

function ofParts<Item>(
  parts: readonly NodePart[],
  itemsOf: (part: NodePart) => Item[],
): FoundItems<Item> {
  return {
    items: parts.flatMap(itemsOf),
    omitted: parts.reduce((sum, { omitted = 0 }) => sum + omitted, 0),
    warnings: failures(parts),
  };
}

const NODE_STATES = {
  alive: "ALIVE",
  draining: "DRAINING",
  dead: "DEAD",
} as const;

function nodeItem(node: NodeListing): NodeItem {
  const { nodeId, hostname, state, deathReason } = node;
  const { address, isHead, pid, version, startedAtMs } = node;
  const { resources, available, labels, objectStore } = node;
  return {
    ...{ id: nodeId, name: hostname, state: NODE_STATES[state], address },
    ...{ isHead, pid, version, startedAtMs },
    ...(deathReason === undefined ? {} : { deathCause: deathReason }),
    ...{ resources, available, labels, objectStore },
  };
}

function jobItem(
  { jobId: id, namespace: name, state, startedAtMs }: JobListing,
): JobItem {
  return {
    ...{ id, name, startedAtMs },
    state: state === "running" ? "RUNNING" : "ENDED",
  };
}

function objectItem(
  nodeId: string,
  { owner, number, state, sizeBytes, isCopy, jobId }: ObjectListing,
): ObjectItem {
  return {
    id: objectIdText(owner, number),
    state: state.toUpperCase() as ObjectItem["state"],
    ...{ sizeBytes, nodeId, isCopy },
    ...(jobId === undefined ? {} : { jobId }),
    ownerId: owner,
  };
}

function workerItem(
  nodeId: string,
  { workerId: id, jobId, kind, actors, leases }: WorkerListing,
): WorkerItem {
  return {
    id,
    type: kind === "driver" ? "DRIVER" : "WORKER",
    state: "ALIVE",
    ...{ nodeId, jobId },
    ...(kind === "driver" ? {} : { isolation: kind }),
    ...{ actors, leases },
  };
}

function groupItem(
  { id, name, isCreated, strategy, jobId, bundles, isDetached }: GroupListing,
): PlacementGroupItem {
  return {
    ...{ id, name, state: isCreated ? "CREATED" : "PENDING", strategy, jobId },
    ...{ bundles, isDetached },
  };
}

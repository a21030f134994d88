// What the fields of each message between nodes must be. `cluster_messages.ts`
// has the types that these are checked against. What a node says to a worker in
// an envelope is taken as it is: the worker's own node would say no less.

import type { JobId, NodeId } from "../base/ids.ts";
import { NODES_MAX } from "../base/limits.ts";
import type {
  ClusterMessage,
  JobFacts,
  NodeFacts,
  NodeHello,
  NodeHosting,
  NodeReport,
  NodeView,
} from "./cluster_messages.ts";
import {
  UNSCHEDULABLE_REASONS,
  type UnschedulableReason,
} from "./node_messages.ts";
import type { ResourceSet } from "../base/resources.ts";
import type { WireProcess } from "./driver_messages.ts";
import { BUNDLE_HASH } from "./driver_messages.ts";
import {
  ANYTHING,
  BOOLEAN,
  BYTES,
  COUNT,
  id,
  list,
  matching,
  type MessageFields,
  MessageReader,
  object,
  oneOf,
  optional,
  RESOURCES,
  type Shape,
  TIME_MS,
  tuple,
} from "./message_shape.ts";
import { CHILD_TO_NODE, CLASS, STRATEGY } from "./node_message_shapes.ts";
import { PART_NOUNS, type PartRequest } from "./state_answers.ts";
import { NODE_PART } from "./state_shapes.ts";
import { ACTOR, ERROR, GROUP, TEXT, TEXTS, WORKER } from "./wire_shapes.ts";

const NODE: Shape<NodeId> = matching(/^n-[a-z2-7]{12}$/);
const JOB: Shape<JobId> = id();

const FACTS: Shape<NodeFacts> = object<NodeFacts>({
  nodeId: NODE,
  address: TEXT,
  pin: optional(TEXT),
  hostname: TEXT,
  isHead: BOOLEAN,
  total: RESOURCES,
  labels: TEXTS,
  storeBytes: COUNT,
  pid: COUNT,
  version: TEXT,
  startedAtMs: TIME_MS,
});

const REPORT: Shape<NodeReport> = object<NodeReport>({
  available: RESOURCES,
  storeUsedBytes: COUNT,
  storeSpilledBytes: COUNT,
  waiting: COUNT,
  isDraining: BOOLEAN,
});

const VIEWS: Shape<readonly NodeView[]> = list(
  object<NodeView>({
    facts: FACTS,
    report: REPORT,
    state: oneOf("alive", "draining", "dead"),
    reason: optional(TEXT),
  }),
  NODES_MAX,
);

const HOME: Shape<WireProcess> = object<WireProcess>({
  machine: TEXT,
  pidNamespace: TEXT,
  pid: COUNT,
  start: TEXT,
});

const ATTEMPT = { groupId: GROUP, attempt: COUNT } as const;
const OBJECT = { owner: WORKER, number: COUNT } as const;
const PAIR = { source: WORKER, jobId: JOB, target: WORKER } as const;

const HOSTING: Shape<NodeHosting> = object<NodeHosting>({
  workers: list(WORKER),
  actors: list(
    object<NodeHosting["actors"][number]>({
      actorId: ACTOR,
      threadId: optional(WORKER),
    }),
  ),
  bundles: list(
    object<NodeHosting["bundles"][number]>({
      ...ATTEMPT,
      isCommitted: BOOLEAN,
    }),
  ),
});

const FIELDS: MessageFields<ClusterMessage> = {
  node_hello: {
    facts: FACTS,
    report: REPORT,
    home: HOME,
    isJoining: BOOLEAN,
    clusterId: optional(TEXT),
  },
  node_welcome: {
    nodeId: NODE,
    home: HOME,
    views: optional(VIEWS),
    clusterId: optional(TEXT),
  },
  node_refused: { reason: TEXT },
  node_report: { report: REPORT },
  views_changed: { views: VIEWS },
  node_dead: { nodeId: NODE },
  head_taken: { count: COUNT },
  node_returned: { hosting: HOSTING },
  link_wanted: { from: NODE, to: NODE },
  job_opened: {
    job: object<JobFacts>({
      jobId: JOB,
      driver: WORKER,
      home: NODE,
      namespace: TEXT,
      isOver: BOOLEAN,
    }),
  },
  job_entered: { jobId: JOB },
  job_over: { jobId: JOB },
  from_worker: { worker: WORKER, jobId: JOB, message: CHILD_TO_NODE.shape },
  to_worker: { worker: WORKER, message: ANYTHING },
  worker_over: { worker: WORKER, reason: ERROR },
  worker_stop: { worker: WORKER, reason: TEXT },
  peers_wanted: PAIR,
  peers_linked: { stream: COUNT, ...PAIR },
  demand_spread: {
    owner: WORKER,
    jobId: JOB,
    schedulingClass: CLASS,
    count: COUNT,
    depth: COUNT,
  },
  actor_request: {
    actorId: ACTOR,
    owner: WORKER,
    jobId: JOB,
    placement: RESOURCES,
    held: RESOURCES,
    strategy: STRATEGY,
    labelSelector: optional(TEXTS),
    isolation: oneOf("thread", "process", "shared"),
  },
  actor_release: { actorId: ACTOR },
  actor_placed_at: {
    actorId: ACTOR,
    threadId: WORKER,
    gpuIds: optional(list(TEXT)),
  },
  actor_not_placed: {
    actorId: ACTOR,
    reason: oneOf<UnschedulableReason>(...UNSCHEDULABLE_REASONS),
  },
  bundles_prepare: {
    ...ATTEMPT,
    bundles: list(tuple<readonly [number, ResourceSet]>(COUNT, RESOURCES)),
  },
  bundles_prepared: { ...ATTEMPT, isPrepared: BOOLEAN },
  bundles_commit: ATTEMPT,
  bundles_return: ATTEMPT,
  bundles_remove: { groupId: GROUP },
  group_locate: { groupId: GROUP },
  group_located: {
    groupId: GROUP,
    bundles: list(
      object<{ readonly nodeId?: NodeId; readonly resources: ResourceSet }>({
        nodeId: optional(NODE),
        resources: RESOURCES,
      }),
    ),
  },
  group_gone: { groupId: GROUP },
  object_sealed_at: { ...OBJECT, sizeBytes: COUNT, isCopy: BOOLEAN },
  object_locate: { ...OBJECT, except: list(NODE, NODES_MAX) },
  object_located: {
    ...OBJECT,
    ...{ source: optional(NODE), sizeBytes: COUNT, isLost: BOOLEAN },
  },
  object_gone_at: { ...OBJECT, nodeId: NODE },
  object_freed: OBJECT,
  object_keep: OBJECT,
  objects_wanted: {},
  objects_linked: { stream: COUNT },
  bundle_wanted: { jobId: JOB, hash: matching(BUNDLE_HASH) },
  bundle_given: { hash: matching(BUNDLE_HASH), pieces: optional(list(BYTES)) },
  part_wanted: {
    request: COUNT,
    wanted: object<PartRequest>({
      noun: oneOf(...PART_NOUNS),
      jobId: optional(JOB),
      bytesMax: COUNT,
    }),
  },
  part_given: { request: COUNT, part: NODE_PART },
};

/** Reads what other nodes say, which any process may have written. */
export const CLUSTER_MESSAGE: MessageReader<ClusterMessage> = new MessageReader(
  FIELDS,
);

/** Reads the first message of a node. */
export const NODE_HELLO: MessageReader<NodeHello> = new MessageReader({
  node_hello: FIELDS.node_hello,
});

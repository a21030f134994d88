// What the fields of each message to a node must be, for those that come from
// another process: a driver's or a child's. `node_messages.ts` has the types
// that these are checked against.

import type { NodeId, PlacementGroupId } from "../base/ids.ts";
import {
  anyOf,
  BOOLEAN,
  BYTES,
  COUNT,
  COUNT_OR_UNLIMITED,
  list,
  type MessageFields,
  MessageReader,
  object,
  oneOf,
  optional,
  record,
  RESOURCES,
  type Shape,
  TIME_MS,
  tuple,
  whole,
} from "./message_shape.ts";
import type { WireArguments, WireStrategy, WireValue } from "./messages.ts";
import type {
  ActorName,
  OutputLine,
  ToNode,
  WireActor,
  WireActorInterface,
  WireClass,
  WireMethod,
} from "./node_messages.ts";
import { EVENTS, THREAD_TASKS } from "./state_shapes.ts";
import {
  ACTOR,
  CODE,
  ENVIRONMENT,
  ERROR,
  GROUP,
  LEASE,
  PRIMITIVE,
  TEXT,
  TEXTS,
  VALUE,
  WORKER,
} from "./wire_shapes.ts";

export const STRATEGY: Shape<WireStrategy> = anyOf<WireStrategy>(
  oneOf("default", "spread"),
  object<Extract<WireStrategy, { nodeId: NodeId }>>({
    nodeId: TEXT as Shape<NodeId>,
    soft: BOOLEAN,
  }),
  object<Extract<WireStrategy, { placementGroup: PlacementGroupId }>>({
    placementGroup: GROUP,
    bundleIndex: optional(COUNT),
    captureChildTasks: optional(BOOLEAN),
  }),
);

export const CLASS: Shape<WireClass> = object<WireClass>({
  key: TEXT,
  resources: RESOURCES,
  strategy: STRATEGY,
  labelSelector: optional(TEXTS),
  isolation: optional(oneOf("process")),
  isTimed: optional(BOOLEAN),
  isOnce: optional(BOOLEAN),
});

const ARGUMENTS = anyOf<WireArguments>(
  oneOf(null),
  BYTES,
  list(PRIMITIVE),
  object<{ readonly parts: readonly WireValue[] }>({ parts: list(VALUE) }),
);

const METHOD = object<WireMethod>({
  name: TEXT,
  streaming: BOOLEAN,
  returns: whole(-1, Number.MAX_SAFE_INTEGER),
  backpressure: COUNT,
  timeoutMs: optional(TIME_MS),
  maxTaskRetries: COUNT_OR_UNLIMITED,
  retryExceptions: anyOf<boolean | readonly string[]>(BOOLEAN, list(TEXT)),
  concurrencyGroup: optional(TEXT),
  arity: optional(
    tuple<readonly [number, number]>(COUNT, COUNT_OR_UNLIMITED),
  ),
});

const INTERFACE = object<WireActorInterface>({
  className: TEXT,
  name: optional(TEXT),
  methods: list(METHOD),
  maxTaskRetries: COUNT_OR_UNLIMITED,
  maxPendingCalls: COUNT_OR_UNLIMITED,
  concurrencyGroups: optional(list(TEXT)),
});

const ACTOR_SPEC = object<WireActor>({
  actorId: ACTOR,
  className: TEXT,
  code: CODE,
  args: ARGUMENTS,
  name: optional(TEXT),
  namespace: TEXT,
  getIfExists: BOOLEAN,
  detached: BOOLEAN,
  isolation: oneOf("thread", "process", "shared"),
  placement: RESOURCES,
  held: RESOURCES,
  strategy: STRATEGY,
  labelSelector: optional(TEXTS),
  maxRestarts: COUNT_OR_UNLIMITED,
  maxConcurrency: whole(1, Number.MAX_SAFE_INTEGER),
  concurrencyGroups: record(whole(1, Number.MAX_SAFE_INTEGER)),
  interface: INTERFACE,
  environment: optional(ENVIRONMENT),
});

const LINE = object<OutputLine>({
  stream: oneOf("stdout", "stderr"),
  text: TEXT,
  source: TEXT,
  task: optional(COUNT),
});

const OF_LEASE = { leaseId: LEASE } as const;
const OF_ACTOR = { actorId: ACTOR } as const;
const OF_LIFE = { ...OF_ACTOR, incarnation: COUNT } as const;

const TO_NODE: MessageFields<ToNode> = {
  demand_change: { schedulingClass: CLASS, count: COUNT, depth: COUNT },
  lease_return: OF_LEASE,
  lease_block: { ...OF_LEASE, isIdle: optional(oneOf(true)) },
  lease_left: OF_LEASE,
  lease_unblock: OF_LEASE,
  link_request: { peer: WORKER },
  peer_broken: { peer: WORKER, error: ERROR },
  memory_given: {
    usedBytes: optional(COUNT),
    isCollected: BOOLEAN,
    isNeeded: BOOLEAN,
  },
  actor_announce: {
    ...OF_ACTOR,
    named: optional(object<ActorName>({ name: TEXT, namespace: TEXT })),
  },
  actor_register: { actor: ACTOR_SPEC },
  actor_watch: OF_ACTOR,
  actor_hold: OF_ACTOR,
  actor_drop: OF_ACTOR,
  actor_kill: { ...OF_ACTOR, noRestart: BOOLEAN },
  actor_constructed: OF_LIFE,
  actor_construction_failed: { ...OF_LIFE, error: ERROR },
  actor_exited: OF_LIFE,
  group_create: {
    groupId: GROUP,
    bundles: list(RESOURCES),
    strategy: oneOf("pack", "spread", "strictPack", "strictSpread"),
    name: optional(TEXT),
    detached: BOOLEAN,
  },
  group_remove: { groupId: GROUP },
  thread_kill: { workerId: WORKER, reason: TEXT },
  thread_exiting: { reason: ERROR },
  output: { lines: list(LINE) },
  output_wanted: {},
  output_given: {},
  task_events: { events: EVENTS },
  tasks_given: { tasks: THREAD_TASKS },
};

/** Reads what a child process says to its node. */
export const CHILD_TO_NODE: MessageReader<ToNode> = new MessageReader(TO_NODE);

/** Reads what a driver says: it owns tasks and actors, and runs none. */
export const DRIVER_TO_NODE: MessageReader<ToNode> = new MessageReader(
  TO_NODE,
  [
    "demand_change",
    "lease_return",
    "link_request",
    "actor_announce",
    "actor_register",
    "actor_watch",
    "actor_hold",
    "actor_drop",
    "actor_kill",
    "actor_construction_failed",
    "group_create",
    "group_remove",
    "thread_kill",
    "output_wanted",
    "tasks_given",
  ],
);

// What the fields must be of what threads and nodes tell of tasks and the like.
// The types are in `task_events.ts`, `thread_tasks.ts` and `state_answers.ts`.

import type { JobId, NodeId } from "../base/ids.ts";
import { STATE_MESSAGE_CHARACTERS_MAX } from "../base/limits.ts";
import {
  BOOLEAN,
  BYTES,
  COUNT,
  id,
  list,
  object,
  oneOf,
  optional,
  record,
  type Shape,
  text,
  TIME_MS,
} from "./message_shape.ts";
import type {
  ActorListing,
  GroupListing,
  NodePart,
  ObjectListing,
  PendingListing,
  ThreadEvents,
  ToldTasks,
  WorkerListing,
} from "./state_answers.ts";
import type { EventFailure, TaskEvents } from "./task_events.ts";
import {
  type LostAttempt,
  OPEN_TASK_STATES,
  type OpenTask,
  type OpenTaskState,
  type RunningTask,
  type ThreadTasks,
} from "./thread_tasks.ts";
import { ACTOR, TEXT, WORKER } from "./wire_shapes.ts";

const NODE: Shape<NodeId> = id();
const JOB: Shape<JobId> = id();
const SHORT_TEXT = text(STATE_MESSAGE_CHARACTERS_MAX);
const FAILURE = { errorType: SHORT_TEXT, errorMessage: SHORT_TEXT } as const;

export const EVENTS: Shape<TaskEvents> = object<TaskEvents>({
  names: list(TEXT),
  actors: list(TEXT),
  owners: list(WORKER),
  rows: BYTES,
  failures: list(object<EventFailure>({ row: COUNT, ...FAILURE })),
});

const ATTEMPT = { number: COUNT, attempt: COUNT, name: TEXT } as const;

export const THREAD_TASKS: Shape<ThreadTasks> = object<ThreadTasks>({
  open: list(object<OpenTask>({
    ...ATTEMPT,
    state: oneOf<OpenTaskState>(...OPEN_TASK_STATES),
    actorId: optional(ACTOR),
    workerId: optional(WORKER),
    isFirst: optional(oneOf(true)),
  })),
  openOmitted: COUNT,
  lost: list(object<LostAttempt>({
    ...ATTEMPT,
    ...FAILURE,
    endedAtMs: TIME_MS,
    actorId: optional(ACTOR),
    workerId: optional(WORKER),
  })),
  running: list(object<RunningTask>({
    ...ATTEMPT,
    owner: WORKER,
    startedAtMs: TIME_MS,
    actorId: optional(ACTOR),
  })),
});

const AMOUNTS = record(TIME_MS) as Shape<Record<string, number>>;

const PENDING = object<PendingListing>({
  kind: oneOf<PendingListing["kind"]>("task", "actor", "group"),
  resources: AMOUNTS,
  count: COUNT,
  why: oneOf<PendingListing["why"]>(
    ...["busy", "resources", "labels", "nodes", "group"] as const,
  ),
});

/** What another node tells of itself. */
export const NODE_PART: Shape<NodePart> = object<NodePart>({
  nodeId: NODE,
  failure: optional(TEXT),
  events: optional(
    list(
      object<ThreadEvents>({ workerId: WORKER, jobId: JOB, events: EVENTS }),
    ),
  ),
  threads: optional(
    list(object<ToldTasks>({
      workerId: WORKER,
      jobId: JOB,
      tasks: optional(THREAD_TASKS),
    })),
  ),
  workers: optional(
    list(object<WorkerListing>({
      workerId: WORKER,
      jobId: JOB,
      kind: oneOf<WorkerListing["kind"]>("driver", "thread", "process"),
      actors: COUNT,
      leases: COUNT,
    })),
  ),
  objects: optional(
    list(object<ObjectListing>({
      owner: WORKER,
      number: COUNT,
      sizeBytes: COUNT,
      state: TEXT,
      isCopy: BOOLEAN,
      jobId: optional(JOB),
    })),
  ),
  actors: optional(
    list(object<ActorListing>({
      ...{ id: TEXT, name: TEXT, className: TEXT, state: TEXT, jobId: TEXT },
      ...{ nodeId: optional(TEXT), workerId: optional(TEXT), restarts: COUNT },
      ...{ errorType: optional(TEXT), deathCause: optional(TEXT) },
      ...{ namespace: TEXT, isDetached: BOOLEAN },
    })),
  ),
  groups: optional(
    list(object<GroupListing>({
      ...{ id: TEXT, name: TEXT, isCreated: BOOLEAN, strategy: TEXT },
      ...{ bundles: list(AMOUNTS), jobId: TEXT, isDetached: BOOLEAN },
    })),
  ),
  pending: optional(list(PENDING)),
  omitted: optional(COUNT),
});

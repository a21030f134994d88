// What a thread tells of tasks when somebody asks: those it has submitted that
// have no outcome, attempts that ended where nobody could tell of them, and
// what it runs itself. Plain data; tasks that ran to their end are events.

import type { ActorId, WorkerId } from "../base/ids.ts";
import type { TaskFailure } from "./task_events.ts";

/** Ray's words for how far an owner has brought a task. */
export const OPEN_TASK_STATES = [
  "PENDING_ARGS_AVAIL",
  "PENDING_NODE_ASSIGNMENT",
  "SUBMITTED_TO_WORKER",
] as const;
export type OpenTaskState = typeof OPEN_TASK_STATES[number];

/** A task or call without an outcome, as its owner knows it. */
export interface OpenTask {
  readonly number: number;
  readonly attempt: number;
  readonly name: string;
  readonly state: OpenTaskState;
  readonly actorId?: ActorId;
  /** The thread that it was sent to. */
  readonly workerId?: WorkerId;
  /** Nothing of this owner is before it there: a busy thread runs it. */
  readonly isFirst?: true;
}

/** An attempt that has ended without a word of the thread that ran it. */
export interface LostAttempt extends TaskFailure {
  readonly number: number;
  readonly attempt: number;
  readonly name: string;
  readonly endedAtMs: number;
  readonly actorId?: ActorId;
  /** The thread that it was sent to, if it was. */
  readonly workerId?: WorkerId;
}

/** What a thread has begun and not ended. */
export interface RunningTask {
  readonly owner: WorkerId;
  readonly number: number;
  readonly attempt: number;
  readonly name: string;
  readonly startedAtMs: number;
  readonly actorId?: ActorId;
}

/** What an owner tells. */
export interface OwnedTasks {
  readonly open: readonly OpenTask[];
  /** How many open ones are left out. */
  readonly openOmitted: number;
  /** The latest. */
  readonly lost: readonly LostAttempt[];
}

/** See the head of the file. */
export interface ThreadTasks extends OwnedTasks {
  readonly running: readonly RunningTask[];
}

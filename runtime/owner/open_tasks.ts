// The tasks of an owner that have no outcome yet, as they are listed, in Ray's
// words. Reads records and changes nothing.

import {
  STATE_NAME_CHARACTERS_MAX,
  STATE_OPEN_TASKS_MAX,
} from "../base/limits.ts";
import type {
  OpenTask,
  OpenTaskState,
  OwnedTasks,
} from "../protocol/thread_tasks.ts";
import { ActorChannel } from "./actor_channel.ts";
import { Lease } from "./lease_queue.ts";
import type { TaskRecord, TaskStatus } from "./task_record.ts";

/** Lists the first of them; there may be a million. */
export function openTasks(
  tasks: Iterable<TaskRecord>,
  count: number,
): Pick<OwnedTasks, "open" | "openOmitted"> {
  const open: OpenTask[] = [];
  for (const task of tasks) {
    if (open.length === STATE_OPEN_TASKS_MAX) break;
    open.push(openTask(task));
  }
  return { open, openOmitted: count - open.length };
}

function openTask(task: TaskRecord): OpenTask {
  const { number, attempt, place, template: { actorId } } = task;
  const name = task.template.name.slice(0, STATE_NAME_CHARACTERS_MAX);
  const isSent = place instanceof Lease || place instanceof ActorChannel;
  const { threadId, first } = isSent ? place : NOWHERE;
  return {
    ...{ number, attempt, name },
    state: stateOf(task.status, isSent),
    ...(actorId ? { actorId } : {}),
    ...(threadId ? { workerId: threadId } : {}),
    ...(first === task ? { isFirst: true } : {}),
  };
}

const NOWHERE = { threadId: undefined, first: undefined };

function stateOf(status: TaskStatus, isSent: boolean): OpenTaskState {
  if (isSent) return "SUBMITTED_TO_WORKER";
  // What was sent and is nowhere waits to be tried again.
  return status === "waiting"
    ? "PENDING_ARGS_AVAIL"
    : "PENDING_NODE_ASSIGNMENT";
}

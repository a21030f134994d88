// The errors of tasks that an owner raises itself, with what happened and the
// way out.

import {
  ActorUnavailableError,
  type MantaError,
  NodeDiedError,
  OutOfMemoryError,
  TaskCancelledError,
  TaskTimeoutError,
  WorkerDiedError,
} from "../base/errors.ts";
import type { ActorId } from "../base/ids.ts";
import type { TaskRecord } from "./task_record.ts";

/**
 * For a call that was sent to an actor that is being made again, or that is
 * out of reach; `cause` is what ended its thread, or what is in between.
 */
export function lostCallError(
  call: TaskRecord,
  actorId: ActorId,
  cause?: Error,
): MantaError {
  if (cause instanceof OutOfMemoryError) return outOfMemoryError(call, cause);
  const why = cause ? `out of reach (${cause.message})` : "restarting";
  return new ActorUnavailableError(
    `Cannot tell whether a call of actor ${actorId} has run: the actor is ` +
      `${why}. Give the class \`maxTaskRetries\` to have such calls sent again`,
    { details: { actorId } },
  );
}

/** Why a call is lost whose actor lives where this thread has no way to. */
export function cutOffError(): MantaError {
  return new NodeDiedError("its node could not be reached from here");
}

export function timeoutError(task: TaskRecord, timeoutMs: number): MantaError {
  return new TaskTimeoutError(
    `Cannot finish ${task.template.name}: it ran longer than its timeout of ` +
      `${timeoutMs} ms`,
    { details: { timeoutMs } },
  );
}

export function cancelledError(task: TaskRecord): MantaError {
  return new TaskCancelledError(
    `Cannot give the result of ${task.template.name}: it was cancelled`,
  );
}

/** For a task whose thread or node is gone and that is not tried again. */
export function deathError(task: TaskRecord, cause: Error): MantaError {
  const attempts = task.attempt + 1;
  const isNode = cause instanceof NodeDiedError;
  const ErrorClass = isNode ? NodeDiedError : WorkerDiedError;
  return new ErrorClass(
    `Cannot finish ${task.template.name}: the ${isNode ? "node" : "thread"} ` +
      `that ran it ended (attempt ${attempts}): ${cause.message}`,
    { cause, details: { ...(isNode ? cause : {}), attempts } },
  );
}

/** For what ran on a thread that was stopped for its node's memory. */
export function outOfMemoryError(task: TaskRecord, cause: Error): MantaError {
  const attempts = task.attempt + 1;
  return new OutOfMemoryError(
    `Cannot finish ${task.template.name} (attempt ${attempts}): ` +
      cause.message,
    { cause, details: { ...cause, attempts } },
  );
}

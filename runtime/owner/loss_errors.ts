// The errors of objects that are lost and cannot be made again, with the
// reason and the way out.

import {
  type MantaError,
  ObjectLostError,
  ReconstructionError,
  TaskCancelledError,
  TaskError,
  TaskTimeoutError,
} from "../base/errors.ts";
import { LINEAGE_BYTES_MAX } from "../base/limits.ts";
import type { ObjectRef } from "./object_ref.ts";
import type { LineageRecord } from "./task_record.ts";

/** For an object that was put, or whose task must not run again. */
export function notRemadeError({ id }: ObjectRef, cause: Error): MantaError {
  return new ObjectLostError(
    `Cannot read object ${id}: it is lost, and it cannot be made again: it ` +
      `was put, or its task has no retries. ${cause.message}`,
    { cause, details: { objectId: id } },
  );
}

/** For an object whose lineage had to go. */
export function evictedError({ id }: ObjectRef, cause: Error): MantaError {
  return new ReconstructionError(
    `Cannot make object ${id} again: what its task was called with was given ` +
      `up, as the lineage of its owner has more than ${LINEAGE_BYTES_MAX} ` +
      `bytes. Drop refs that are not needed. ${cause.message}`,
    { cause, details: { objectId: id } },
  );
}

/** For results of a task that has no attempts left. */
export function exhaustedError(
  { template, attempt }: LineageRecord,
  cause: Error,
): MantaError {
  return new ReconstructionError(
    `Cannot make results of ${template.name} again: it has run ` +
      `${attempt + 1} times, and has no more retries. Give it more ` +
      `\`maxRetries\`. ${cause.message}`,
    { cause, details: { attempts: attempt + 1 } },
  );
}

/** For results of an actor that nobody can call any more. */
export function actorGoneError(
  { template }: LineageRecord,
  cause: Error,
): MantaError {
  return new ReconstructionError(
    `Cannot make results of ${template.name} again: the actor is gone. ` +
      cause.message,
    { cause },
  );
}

/** For results whose task was run again in vain. */
export function remakingError(name: string, error: Error): Error {
  const isItsOwn = error instanceof TaskError ||
    error instanceof TaskCancelledError || error instanceof TaskTimeoutError ||
    error instanceof ReconstructionError;
  if (isItsOwn) return error;
  return new ReconstructionError(
    `Cannot make results of ${name} again: ${error.message}`,
    { cause: error },
  );
}

/** For an object that a reader has not found where it should be. */
export function missingError({ id }: ObjectRef): MantaError {
  return new ObjectLostError(
    `Object ${id} could not be read where it was stored`,
    { details: { objectId: id } },
  );
}

/** For items that a stream has not given when it ran again. */
export function notYieldedError({ template }: LineageRecord): MantaError {
  return new ReconstructionError(
    `Cannot make items of ${template.name} again: when it ran again, it gave ` +
      "fewer of them. Let it give the same ones each time",
  );
}

// Why an actor cannot be made or called, as the errors that users see.
// Does not say when: that is for the directory.

import {
  ActorDiedError,
  ActorNameTakenError,
  type MantaError,
  TaskError,
} from "../base/errors.ts";
import type { WireActor } from "../protocol/node_messages.ts";
import type { ActorRecord } from "./actor_record.ts";

/** A living actor of the namespace has the name. */
export function nameTakenError({ name }: WireActor): MantaError {
  return new ActorNameTakenError(
    `Cannot name an actor "${name}": a living actor of the namespace has ` +
      "that name. Use another name, or `getIfExists: true` to share it",
    { details: { name } },
  );
}

/** The cause is what the constructor threw, not our wrapping of it. */
export function constructorError(
  record: ActorRecord,
  error: MantaError,
): MantaError {
  const cause = error instanceof TaskError ? error.cause : error;
  const text = cause instanceof Error ? cause.message : String(cause);
  return diedError(record, `its constructor failed: ${text}`, cause);
}

/** It ended because it was to. */
export function exitedError(record: ActorRecord): MantaError {
  const reason = record.retiring
    ? "its last handle is gone"
    : "it ended by `exitActor()`";
  return diedError(record, reason);
}

/** It ended for this reason. */
export function diedError(
  { actor }: ActorRecord,
  reason: string,
  cause?: unknown,
): MantaError {
  return new ActorDiedError(
    `Cannot call actor ${actor.className} (${actor.actorId}): ${reason}`,
    {
      ...(cause === undefined ? {} : { cause }),
      details: { actorId: actor.actorId, className: actor.className },
    },
  );
}

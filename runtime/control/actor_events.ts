// What the directory of actors is told, and what it has done about it.
// Messages of threads become events, and actions messages, in the wiring.

import type { MantaError } from "../base/errors.ts";
import type { ActorId, JobId, WorkerId } from "../base/ids.ts";
import type { ActorName, WireActor } from "../protocol/node_messages.ts";
import type { ActorRecord } from "./actor_record.ts";
import type { SavedActor } from "./saved_head.ts";

/** What happened. */
export type ActorEvent =
  | EarlyEvent
  | {
    readonly type: "actor_registered";
    readonly actor: WireActor;
    readonly creator: WorkerId;
    readonly jobId: JobId;
  }
  | {
    readonly type: "actor_placed";
    readonly actorId: ActorId;
    readonly threadId: WorkerId;
    readonly gpuIds?: readonly string[];
  }
  | {
    readonly type: "actor_constructed" | "actor_exited";
    readonly actorId: ActorId;
    readonly incarnation: number;
  }
  | {
    readonly type: "actor_unschedulable";
    readonly actorId: ActorId;
    readonly error: MantaError;
  }
  | {
    readonly type: "worker_ended";
    readonly workerId: WorkerId;
    readonly error: MantaError;
  }
  /** This head was started again: it had known the actor. */
  | { readonly type: "actor_recovered"; readonly saved: SavedActor }
  /** It had died before that. */
  | { readonly type: "actor_was_dead"; readonly actorId: ActorId }
  /** The thread of a recovered one is gone. */
  | {
    readonly type: "actor_lost";
    readonly actorId: ActorId;
    readonly reason: string;
  }
  /** A recovered one was being made, and has no place. */
  | { readonly type: "actor_unplaced"; readonly actorId: ActorId }
  /** All that was recovered is settled, and who holds what was told. */
  | { readonly type: "recovery_ended" }
  | { readonly type: "clock_ticked"; readonly nowMs: number };

/** Events of the directory that can come before the registration. */
export type EarlyEvent =
  | {
    readonly type: "actor_announced";
    readonly actorId: ActorId;
    readonly workerId: WorkerId;
    readonly named?: ActorName;
  }
  | {
    readonly type:
      | "actor_watched"
      | "actor_held"
      | "actor_dropped";
    readonly actorId: ActorId;
    readonly workerId: WorkerId;
  }
  | {
    readonly type: "actor_killed";
    readonly actorId: ActorId;
    readonly noRestart: boolean;
  }
  | {
    readonly type: "actor_construction_failed";
    readonly actorId: ActorId;
    readonly incarnation: number;
    readonly error: MantaError;
  };

const EARLY_EVENTS: ReadonlySet<string> = new Set(
  [
    "actor_announced",
    "actor_watched",
    "actor_held",
    "actor_dropped",
    "actor_killed",
    "actor_construction_failed",
  ] satisfies EarlyEvent["type"][],
);

/** Whether it can be about an actor that is not registered. */
export function isEarlyEvent(
  event: { readonly type: string },
): event is EarlyEvent {
  return EARLY_EVENTS.has(event.type);
}

/** What is to be done. */
export type ActorAction =
  | RegistrationAnswer
  /** Ask the scheduler for a place, for a new or a restarted actor. */
  | { readonly type: "place_actor"; readonly record: ActorRecord }
  /** Give the place back to the scheduler. */
  | { readonly type: "release_place"; readonly actorId: ActorId }
  | {
    readonly type: "start_actor";
    readonly record: ActorRecord;
    readonly threadId: WorkerId;
    readonly gpuIds?: readonly string[];
  }
  /** Ends the actor in its thread, and the thread if it is its own. */
  | {
    readonly type: "stop_actor";
    readonly record: ActorRecord;
    readonly threadId: WorkerId;
  }
  /** Asks the actor to end when its calls are done. */
  | {
    readonly type: "retire_actor";
    readonly actorId: ActorId;
    readonly threadId: WorkerId;
  }
  | {
    readonly type: "publish";
    readonly record: ActorRecord;
    readonly to: readonly WorkerId[];
  };

/**
 * Tells who makes the actor that it is registered, or, with an `existing` one
 * or an error, that there will be none of this id.
 */
export interface RegistrationAnswer {
  readonly type: "answer_registration";
  readonly to: WorkerId;
  readonly actorId: ActorId;
  readonly existing?: ActorId;
  readonly error?: MantaError;
}

// What is known of an actor that is registered, and the states of its life.
// Only the directory changes a record.

import type { MantaError } from "../base/errors.ts";
import type { JobId, WorkerId } from "../base/ids.ts";
import type { WireActor } from "../protocol/node_messages.ts";

/** Ray's words, as users see them. */
export type ActorLifeState =
  | "PENDING_CREATION"
  | "ALIVE"
  | "RESTARTING"
  | "DEAD";

/** Which state can follow which; docs/states.md is made from this table. */
export const ACTOR_TRANSITIONS = {
  PENDING_CREATION: ["ALIVE", "RESTARTING", "DEAD"],
  ALIVE: ["RESTARTING", "DEAD"],
  RESTARTING: ["ALIVE", "RESTARTING", "DEAD"],
  DEAD: [],
} as const satisfies Record<ActorLifeState, readonly ActorLifeState[]>;

/** One actor; dead ones are kept, up to a limit, for those who ask late. */
export interface ActorRecord {
  readonly actor: WireActor;
  readonly creator: WorkerId;
  readonly jobId: JobId;
  state: ActorLifeState;
  /** The thread it lives in; set if and only if it was placed there. */
  threadId: WorkerId | undefined;
  /** How often its constructor was started, less one. */
  incarnation: number;
  restartsUsed: number;
  /** Threads with living handles. */
  readonly holders: Set<WorkerId>;
  readonly watchers: Set<WorkerId>;
  /** When it was seen that nobody holds it, or it was asked to end for it. */
  unheldAtMs: number | undefined;
  retiring: boolean;
  deathError: MantaError | undefined;
}

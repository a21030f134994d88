// What a node's workers have told the head, as far as another life of the head
// could need it again: what the present one has not taken in for good, and what
// stands, such as who holds an actor. Pure: the wiring sends what is in it.

import type { ActorId, PlacementGroupId, WorkerId } from "../base/ids.ts";
import type { ToNode } from "../protocol/node_messages.ts";

/** Something that a worker has told the head. */
export interface TrailEntry {
  readonly worker: WorkerId;
  readonly message: ToNode;
}

interface Standing {
  readonly held: Set<ActorId>;
  readonly watched: Set<ActorId>;
  readonly announced: Map<ActorId, ToNode>;
}

const HEAD_TYPES: ReadonlySet<string> = new Set(
  [
    "actor_register",
    "actor_announce",
    "actor_watch",
    "actor_hold",
    "actor_drop",
    "actor_kill",
    "actor_constructed",
    "actor_construction_failed",
    "actor_exited",
    "group_create",
    "group_remove",
  ] satisfies ToNode["type"][],
);

/** Whether the head of the cluster answers it, and nobody else. */
export function isForHead({ type }: ToNode): boolean {
  return HEAD_TYPES.has(type);
}

/** See the head of the file. */
export class HeadTrail {
  readonly #standing = new Map<WorkerId, Standing>();
  /** Told and not taken, in order. */
  #log: TrailEntry[] = [];
  /** How many of those told since the head is there were taken. */
  #takenCount = 0;
  /** Groups of which the node wants to know where they are. */
  readonly located = new Set<PlacementGroupId>();

  /** How much waits to be taken. */
  get length(): number {
    return this.#log.length;
  }

  /** A worker tells the head something, now or when there is one. */
  note(worker: WorkerId, message: ToNode): void {
    this.#log.push({ worker, message });
    switch (message.type) {
      case "actor_announce":
        this.#of(worker).announced.set(message.actorId, message);
        return;
      case "actor_register": {
        const { actorId } = message.actor;
        const { announced, held, watched } = this.#of(worker);
        announced.delete(actorId);
        held.add(actorId);
        watched.add(actorId);
        return;
      }
      case "actor_construction_failed":
        this.#standing.get(worker)?.announced.delete(message.actorId);
        return;
      case "actor_hold":
        this.#of(worker).held.add(message.actorId);
        return;
      case "actor_watch":
        this.#of(worker).watched.add(message.actorId);
        return;
      case "actor_drop":
        this.#standing.get(worker)?.held.delete(message.actorId);
        this.#standing.get(worker)?.watched.delete(message.actorId);
    }
  }

  /** The head has kept so many of what it was told since it is there. */
  taken(count: number): void {
    this.#log.splice(0, Math.max(0, count - this.#takenCount));
    this.#takenCount = Math.max(count, this.#takenCount);
  }

  workerEnded(worker: WorkerId): void {
    this.#standing.delete(worker);
  }

  /** For a new life of the head: what stands, then what waits, in order. */
  again(): TrailEntry[] {
    this.#takenCount = 0;
    const standing: TrailEntry[] = [];
    for (const [worker, { announced, held, watched }] of this.#standing) {
      for (const message of announced.values()) {
        standing.push({ worker, message });
      }
      for (const actorId of held) {
        standing.push({ worker, message: { type: "actor_hold", actorId } });
      }
      for (const actorId of watched) {
        standing.push({ worker, message: { type: "actor_watch", actorId } });
      }
    }
    // The new head counts these as well: they are told again with the others.
    this.#log = [...standing, ...this.#log];
    return this.#log;
  }

  #of(worker: WorkerId): Standing {
    let standing = this.#standing.get(worker);
    if (!standing) {
      standing = { held: new Set(), watched: new Set(), announced: new Map() };
      this.#standing.set(worker, standing);
    }
    return standing;
  }
}

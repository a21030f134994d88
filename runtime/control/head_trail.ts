// What a node's workers have told the head, as far as another life of the head
// could need it again: what the present one has not taken in for good, and what
// stands, such as who holds an actor. Pure: the wiring sends what is in it.

import type { ActorId, PlacementGroupId, WorkerId } from "../base/ids.ts";
import type { FromNode, ToNode } from "../protocol/node_messages.ts";

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
  /** Workers that have ended: what they wanted is not wanted again. */
  readonly #ended = new Set<WorkerId>();
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
        // Who made it has to hear of its end even then.
        this.#standing.get(worker)?.held.delete(message.actorId);
    }
  }

  /** The head has told a worker something: of the dead there is no more. */
  heard(worker: WorkerId, message: FromNode): void {
    const standing = this.#standing.get(worker);
    if (!standing) return;
    const isOver = message.type === "actor_state" && message.state === "DEAD" ||
      message.type === "actor_registered" &&
        (message.error !== undefined || message.existing !== undefined);
    if (!isOver) return;
    standing.announced.delete(message.actorId);
    standing.held.delete(message.actorId);
    standing.watched.delete(message.actorId);
  }

  /** The head has kept so many of what it was told since it is there. */
  taken(count: number): void {
    this.#log.splice(0, Math.max(0, count - this.#takenCount));
    this.#takenCount = Math.max(count, this.#takenCount);
  }

  workerEnded(worker: WorkerId): void {
    this.#standing.delete(worker);
    if (this.#log.length > 0) this.#ended.add(worker);
    else this.#ended.clear();
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
    const waiting = this.#log.filter(({ worker, message }) =>
      !this.#ended.has(worker) || outlivesWorker(message)
    );
    this.#ended.clear();
    // The new head counts these as well: they are told again with the others.
    this.#log = [...standing, ...waiting];
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

/** Whether it is to be done even if who wanted it has ended. */
function outlivesWorker(message: ToNode): boolean {
  switch (message.type) {
    case "actor_register":
      return message.actor.detached;
    case "group_create":
      return message.detached;
    case "actor_announce":
    case "actor_watch":
    case "actor_hold":
    case "actor_drop":
      return false;
    default:
      return true;
  }
}

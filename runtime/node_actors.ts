// The actors of a node: performs what the directory of actors decides, through
// the scheduler and the threads' links.

import type { ActorId, JobId, WorkerId } from "./base/ids.ts";
import { ActorDirectory } from "./control/actor_directory.ts";
import type { ActorAction, ActorEvent } from "./control/actor_events.ts";
import type { ActorRecord } from "./control/actor_record.ts";
import { unschedulableError } from "./node_texts.ts";
import type { PlaceAnswer } from "./protocol/cluster_messages.ts";
import type { FromNode } from "./protocol/node_messages.ts";
import { encodeError } from "./protocol/wire_error.ts";
import type { SchedulerEvent, Strategy } from "./scheduler/messages.ts";

/** An event without its cause, for each kind of event. */
export type Uncaused<E> = E extends unknown ? Omit<E, "cause"> : never;

/** What the actors need of their node. */
export interface NodeActorsPorts {
  schedule(event: Uncaused<SchedulerEvent>): void;
  send(workerId: WorkerId, message: FromNode): void;
  stopThread(workerId: WorkerId, reason: string): void;
  /** Something of it is not as it was. */
  changed(record: ActorRecord): void;
}

/** See the head of the file. */
export class NodeActors {
  readonly directory = new ActorDirectory();
  readonly #ports: NodeActorsPorts;
  /** Called when something has happened that lookups may wait for. */
  readonly #lookups: (() => void)[] = [];

  constructor(ports: NodeActorsPorts) {
    this.#ports = ports;
  }

  /** Tells the directory what happened, and does what follows. */
  direct(event: ActorEvent): void {
    for (const action of this.directory.handle(event)) {
      this.#perform(action);
    }
    for (const goOn of this.#lookups.splice(0)) goOn();
  }

  /** The one node that there is has a place for an actor, or none. */
  placed(answer: PlaceAnswer): void {
    if (answer.type === "actor_placed_at") {
      this.direct({ ...answer, type: "actor_placed" });
    } else if (answer.type === "actor_not_placed") {
      const { actorId, reason } = answer;
      const error = unschedulableError(reason, actorId);
      this.direct({ type: "actor_unschedulable", actorId, error });
    }
  }

  /** The actor of a name; one that is being made under it is waited for. */
  async find(
    name: string,
    namespace: string,
  ): Promise<ActorRecord | undefined> {
    for (;;) {
      const found = this.directory.find(name, namespace);
      if (found || !this.directory.isNaming(name, namespace)) return found;
      await new Promise<void>((resolve) => this.#lookups.push(resolve));
    }
  }

  /** The job in which an actor was made. */
  jobOf(actorId: ActorId): JobId | undefined {
    return this.directory.records.get(actorId)?.jobId;
  }

  /** Whether the actor would be made again if its thread ended. */
  mayRestart(actorId: ActorId): boolean {
    const record = this.directory.records.get(actorId);
    if (!record || record.retiring) return false;
    const { maxRestarts } = record.actor;
    return maxRestarts < 0 || record.restartsUsed < maxRestarts;
  }

  /** Whether the job has actors that are not dead. */
  hasLiving(jobId: JobId): boolean {
    for (const record of this.directory.records.values()) {
      if (record.jobId === jobId && record.state !== "DEAD") return true;
    }
    return false;
  }

  #perform(action: ActorAction): void {
    switch (action.type) {
      case "place_actor":
        this.#ports.changed(action.record);
        return this.#ports.schedule({
          type: "actor_requested",
          ...actorRequest(action.record),
        });
      case "release_place":
        return this.#ports.schedule({
          type: "actor_ended",
          actorId: action.actorId,
        });
      case "start_actor":
        return this.#ports.send(action.threadId, {
          type: "actor_start",
          actor: action.record.actor,
          incarnation: action.record.incarnation,
          ...(action.gpuIds ? { gpuIds: action.gpuIds } : {}),
        });
      case "stop_actor":
        return this.#stopActor(action.record, action.threadId);
      case "retire_actor":
        return this.#ports.send(action.threadId, {
          type: "actor_retire",
          actorId: action.actorId,
        });
      case "publish":
        this.#ports.changed(action.record);
        return this.#publish(action.record, action.to);
      case "answer_registration": {
        const { to, actorId, existing, error } = action;
        return this.#ports.send(to, {
          type: "actor_registered",
          actorId,
          ...(existing ? { existing } : {}),
          ...(error ? { error: encodeError(error) } : {}),
        });
      }
    }
  }

  #stopActor({ actor }: ActorRecord, threadId: WorkerId): void {
    const { actorId, isolation } = actor;
    this.#ports.send(threadId, { type: "actor_stop", actorId });
    // Shared threads host other actors, whose calls must go on.
    if (isolation !== "shared") {
      this.#ports.stopThread(threadId, `its actor ${actorId} is dead`);
    }
  }

  #publish(record: ActorRecord, to: readonly WorkerId[]): void {
    const { actor, state, threadId, incarnation, deathError } = record;
    for (const workerId of to) {
      this.#ports.send(workerId, {
        type: "actor_state",
        actorId: actor.actorId,
        state,
        incarnation,
        ...(threadId ? { threadId } : {}),
        ...(deathError ? { error: encodeError(deathError) } : {}),
      });
    }
  }
}

/** What a scheduler is told of an actor that needs a place, or has one. */
export function actorRequest({ actor, creator, jobId }: ActorRecord) {
  const { actorId, isolation, placement, held, strategy } = actor;
  const { labelSelector } = actor;
  const spec = {
    ...{ placement, held, strategy: strategy as Strategy },
    ...(labelSelector ? { labelSelector } : {}),
  };
  return { actorId, owner: creator, jobId, isolation, spec };
}

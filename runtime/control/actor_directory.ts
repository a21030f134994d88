// The head's knowledge of actors: which there are, what they are called,
// where they live, who holds them, and what happens when they die. Pure:
// `handle(event)` gives the actions; the node performs them.

import {
  InvariantError,
  type MantaError,
  unreachable,
} from "../base/errors.ts";
import type { ActorId, WorkerId } from "../base/ids.ts";
import { ACTOR_RETIRE_MS_MAX } from "../base/limits.ts";
import type { WireActor } from "../protocol/node_messages.ts";
import {
  constructorError,
  diedError,
  exitedError,
  nameTakenError,
} from "./actor_errors.ts";
import {
  type ActorAction,
  type ActorEvent,
  isEarlyEvent,
} from "./actor_events.ts";
import {
  ACTOR_TRANSITIONS,
  type ActorLifeState,
  type ActorRecord,
} from "./actor_record.ts";
import { EarlyActors, type Unmade } from "./early_actors.ts";
import type { SavedActor } from "./saved_head.ts";

/** How long an actor without handles is kept: handles may be under way. */
export const UNHELD_GRACE_MS = 100;

/** Dead actors that are remembered. */
const DEAD_ACTORS_MAX = 10_000;

/** See the head of the file. */
export class ActorDirectory {
  readonly #records = new Map<ActorId, ActorRecord>();
  /** By namespace and name: living, named actors. */
  readonly #names = new Map<string, ActorId>();
  readonly #unheld = new Set<ActorRecord>();
  readonly #early = new EarlyActors();
  readonly #dead: ActorId[] = [];

  get records(): ReadonlyMap<ActorId, ActorRecord> {
    return this.#records;
  }

  /** Whether a clock tick could change something. */
  get isWaiting(): boolean {
    return this.#unheld.size > 0 || this.#early.isWaiting;
  }

  find(name: string, namespace: string): ActorRecord | undefined {
    const actorId = this.#names.get(nameKey(name, namespace));
    return actorId === undefined ? undefined : this.#records.get(actorId);
  }

  /** Whether an actor of this name is being made and not registered yet. */
  isNaming(name: string, namespace: string): boolean {
    return this.#early.isNaming({ name, namespace });
  }

  handle(event: ActorEvent): ActorAction[] {
    switch (event.type) {
      case "actor_registered":
        return this.#registered(event);
      case "worker_ended":
        return this.#workerEnded(event.workerId, event.error);
      case "clock_ticked":
        return this.#ticked(event.nowMs);
      case "actor_recovered":
        return this.#recovered(event.saved);
      case "actor_was_dead":
        this.#early.wasDead(event.actorId);
        return [];
      case "recovery_ended":
        for (const record of this.#records.values()) this.#noteIfUnheld(record);
        return [];
      default:
        break;
    }
    const record = this.#records.get(event.actorId);
    if (!record) return this.#unregistered(event);
    // Late news of a former life.
    if ("incarnation" in event && event.incarnation !== record.incarnation) {
      return [];
    }
    switch (event.type) {
      case "actor_announced":
        return [];
      case "actor_watched":
        record.watchers.add(event.workerId);
        return [{ type: "publish", record, to: [event.workerId] }];
      case "actor_held":
        record.holders.add(event.workerId);
        this.#unheld.delete(record);
        return [];
      case "actor_dropped":
        record.holders.delete(event.workerId);
        this.#noteIfUnheld(record);
        return [];
      case "actor_placed":
        return this.#placed(record, event);
      case "actor_constructed":
        // It is said again to a head that was started again.
        if (record.state === "DEAD" || record.state === "ALIVE") return [];
        this.#become(record, "ALIVE");
        return [this.#publish(record), ...this.#retireIfDue(record)];
      case "actor_construction_failed":
        return this.#die(record, constructorError(record, event.error), true);
      case "actor_exited":
        return this.#die(record, exitedError(record), true);
      case "actor_killed":
        return this.#killed(record, event.noRestart);
      case "actor_unschedulable":
        return this.#die(record, event.error, false);
      case "actor_lost":
        return this.#crash(record, diedError(record, event.reason), false);
      case "actor_unplaced":
        if (record.state === "DEAD" || record.threadId) return [];
        return [{ type: "place_actor", record }];
      default:
        return unreachable(event);
    }
  }

  /** Throws when the directory contradicts itself; for tests. */
  validate(): void {
    for (const [key, actorId] of this.#names) {
      const record = this.#records.get(actorId);
      if (!record || record.state === "DEAD") {
        throw new InvariantError(`Name ${key} belongs to a dead actor`);
      }
    }
    for (const record of this.#records.values()) {
      if (record.state === "ALIVE" && !record.threadId) {
        throw new InvariantError(
          `Actor ${record.actor.actorId} lives nowhere`,
        );
      }
    }
  }

  #registered(
    { actor, creator, jobId }: Extract<
      ActorEvent,
      { type: "actor_registered" }
    >,
  ): ActorAction[] {
    const { actorId, name, namespace } = actor;
    if (this.#records.has(actorId)) {
      return [{ type: "answer_registration", to: creator, actorId }];
    }
    // It is said again to a head that was started again.
    const unmade = this.#early.answerUnmade(actorId, creator);
    if (unmade) return [unmade];
    if (name !== undefined) {
      const taken = this.find(name, namespace);
      if (taken) {
        return this.#early.neverMade(
          actorId,
          unmadeBy(actor, taken),
          creator,
        );
      }
      this.#names.set(nameKey(name, namespace), actorId);
    }
    const early = this.#early.take(actorId);
    const record: ActorRecord = {
      actor,
      creator,
      jobId,
      state: "PENDING_CREATION",
      threadId: undefined,
      incarnation: 0,
      restartsUsed: 0,
      holders: new Set([creator, ...early?.holders ?? []]),
      watchers: new Set([creator, ...early?.watchers ?? []]),
      unheldAtMs: undefined,
      retiring: false,
      deathError: undefined,
    };
    this.#records.set(actorId, record);
    return [
      { type: "answer_registration", to: creator, actorId },
      ...early?.killed
        ? this.#killed(record, true)
        : [{ type: "place_actor", record } as const],
    ];
  }

  #recovered(saved: SavedActor): ActorAction[] {
    const { actor, creator, jobId, restartsUsed, threadId } = saved;
    const { actorId, name, namespace } = actor;
    if (name !== undefined) this.#names.set(nameKey(name, namespace), actorId);
    // Who holds it and who waits for it, their nodes tell.
    this.#records.set(actorId, {
      ...{ actor, creator, jobId, restartsUsed, threadId },
      state: threadId ? "ALIVE" : "PENDING_CREATION",
      // Late news of a life that was never finished are not of the next one.
      incarnation: saved.incarnation + (threadId ? 0 : 1),
      holders: new Set(),
      watchers: new Set(),
      unheldAtMs: undefined,
      retiring: false,
      deathError: undefined,
    });
    return [];
  }

  #unregistered(
    event: ActorEvent & { readonly actorId: ActorId },
  ): ActorAction[] {
    if (!isEarlyEvent(event)) return [];
    const meant = this.#early.meant(event.actorId);
    return meant && event.type === "actor_killed"
      ? this.handle({ ...event, actorId: meant })
      : this.#early.note(event);
  }

  #placed(
    record: ActorRecord,
    { threadId, gpuIds }: Extract<ActorEvent, { type: "actor_placed" }>,
  ): ActorAction[] {
    if (record.state === "DEAD") {
      return [{ type: "release_place", actorId: record.actor.actorId }];
    }
    record.threadId = threadId;
    const gpus = gpuIds ? { gpuIds } : {};
    return [{ type: "start_actor", record, threadId, ...gpus }];
  }

  #killed(record: ActorRecord, noRestart: boolean): ActorAction[] {
    const error = diedError(record, "it was killed by `kill()`");
    return noRestart
      ? this.#die(record, error, true)
      : this.#crash(record, error, true);
  }

  #workerEnded(workerId: WorkerId, error: MantaError): ActorAction[] {
    const actions: ActorAction[] = this.#early.workerEnded(workerId, error);
    for (const record of this.#records.values()) {
      record.watchers.delete(workerId);
      if (record.holders.delete(workerId)) this.#noteIfUnheld(record);
      if (record.state === "DEAD") continue;
      if (record.threadId === workerId) {
        actions.push(...this.#crash(
          record,
          diedError(record, `its thread ended: ${error.message}`, error),
          false,
        ));
      } else if (record.creator === workerId && !record.actor.detached) {
        const cause = diedError(record, "its creator is gone", error);
        actions.push(...this.#die(record, cause, true));
      }
    }
    return actions;
  }

  /** The actor is gone from its thread, and comes back if it may. */
  #crash(record: ActorRecord, error: MantaError, stop: boolean): ActorAction[] {
    const { maxRestarts, actorId } = record.actor;
    if (record.state === "DEAD") return [];
    const exhausted = maxRestarts >= 0 && record.restartsUsed >= maxRestarts;
    if (exhausted || record.retiring) return this.#die(record, error, stop);
    const actions: ActorAction[] = stop ? this.#leavePlace(record) : [];
    record.threadId = undefined;
    record.restartsUsed++;
    record.incarnation++;
    this.#become(record, "RESTARTING");
    actions.push(
      this.#publish(record),
      { type: "release_place", actorId },
      { type: "place_actor", record },
    );
    return actions;
  }

  #die(record: ActorRecord, error: MantaError, stop: boolean): ActorAction[] {
    if (record.state === "DEAD") return [];
    const { actorId, name, namespace } = record.actor;
    const actions: ActorAction[] = stop ? this.#leavePlace(record) : [];
    record.threadId = undefined;
    record.deathError = error;
    this.#become(record, "DEAD");
    this.#unheld.delete(record);
    if (name !== undefined) this.#names.delete(nameKey(name, namespace));
    this.#dead.push(actorId);
    if (this.#dead.length > DEAD_ACTORS_MAX) {
      this.#records.delete(this.#dead.shift()!);
    }
    actions.push(this.#publish(record), { type: "release_place", actorId });
    return actions;
  }

  #leavePlace(record: ActorRecord): ActorAction[] {
    const { threadId } = record;
    return threadId ? [{ type: "stop_actor", record, threadId }] : [];
  }

  #noteIfUnheld(record: ActorRecord): void {
    if (record.holders.size > 0 || record.state === "DEAD") return;
    if (record.actor.detached) return;
    // One that is still being made is asked when it has been.
    if (record.retiring && record.state !== "ALIVE") return;
    // The clock may have stood still: the grace begins at its next tick.
    if (!this.#unheld.has(record)) record.unheldAtMs = undefined;
    this.#unheld.add(record);
  }

  #ticked(nowMs: number): ActorAction[] {
    const actions: ActorAction[] = this.#early.ticked(nowMs);
    for (const record of [...this.#unheld]) {
      record.unheldAtMs ??= nowMs;
      const unheldMs = nowMs - record.unheldAtMs;
      if (record.retiring) {
        if (unheldMs < ACTOR_RETIRE_MS_MAX) continue;
        actions.push(...this.#die(record, exitedError(record), true));
      } else if (unheldMs >= UNHELD_GRACE_MS) {
        record.retiring = true;
        this.#unheld.delete(record);
        actions.push(...this.#retireIfDue(record));
      }
    }
    return actions;
  }

  #retireIfDue(record: ActorRecord): ActorAction[] {
    const { threadId, retiring, state } = record;
    if (!retiring || state !== "ALIVE" || !threadId) return [];
    // Calls that were cancelled may never end: it is given some time.
    this.#noteIfUnheld(record);
    const { actorId } = record.actor;
    return [{ type: "retire_actor", actorId, threadId }];
  }

  #become(record: ActorRecord, state: ActorLifeState): void {
    const allowed: readonly string[] = ACTOR_TRANSITIONS[record.state];
    if (!allowed.includes(state)) {
      throw new InvariantError(
        `Actor ${record.actor.actorId} cannot go from ${record.state} to ` +
          state,
      );
    }
    record.state = state;
  }

  #publish(record: ActorRecord): ActorAction {
    return { type: "publish", record, to: [...record.watchers] };
  }
}

function nameKey(name: string, namespace: string): string {
  return JSON.stringify([namespace, name]);
}

function unmadeBy(actor: WireActor, taken: ActorRecord): Unmade {
  return actor.getIfExists
    ? { existing: taken.actor.actorId }
    : { error: nameTakenError(actor) };
}

// Actors on this node: waiting in queues of equal needs, placed on a thread
// of their own or on a shared one, ended. Placing one costs no search through
// others: a queue is looked at by its first actor.

import type { ActorId } from "../base/ids.ts";
import { ACTORS_PER_NODE_MAX } from "../base/limits.ts";
import { fits, type ResourceSet, resourcesKey } from "../base/resources.ts";
import { gpuIndices, gpuUnits } from "./gpu_table.ts";
import { type LabelTest, parseLabelSelector } from "./label_selector.ts";
import type {
  ActorRequested,
  ActorSpec,
  UnschedulableReason,
} from "./messages.ts";
import { choosePool, type PoolChoice } from "./pool_choice.ts";
import {
  ACTOR_TRANSITIONS,
  type ActorQueue,
  type ActorRecord,
  type ActorState,
  type PlacedActor,
  type ThreadRecord,
  type WaitingActor,
} from "./records.ts";
import { isKeptFrom, keptFor } from "./reservation.ts";
import type { ResourcePool } from "./resource_pool.ts";
import { checkEdge, type SchedulerState } from "./state.ts";
import { startThread, stopThread } from "./thread_starts.ts";

const NO_LABELS: readonly LabelTest[] = [];

/** Places a new actor, or lets it wait. One that is known is not new. */
export function requestActor(
  state: SchedulerState,
  event: ActorRequested,
): void {
  const { actorId: id, owner, jobId, spec, isolation } = event;
  if (state.actors.has(id)) return;
  if (state.actors.size >= ACTORS_PER_NODE_MAX) {
    return refuseActor(state, { id, owner, reason: "limit_reached" });
  }
  const labels = spec.labelSelector
    ? parseLabelSelector(spec.labelSelector)
    : NO_LABELS;
  const base = { id, owner, jobId, spec, isolation, labels };
  enqueue(state, { ...base, failedStarts: 0 });
}

/** Places all waiting actors that can be placed. */
export function placeActors(state: SchedulerState): void {
  for (const queue of [...state.actorQueues.values()]) placeQueue(state, queue);
}

/** What must be free for the actor to be placed. */
export function actorNeed({ placement, held }: ActorSpec): ResourceSet {
  if (fits(placement, held)) return placement;
  const need: Record<string, number> = { ...placement };
  for (const name in held) {
    need[name] = Math.max(need[name] ?? 0, held[name]!);
  }
  return need;
}

/** The first actor of a queue; it stands for all of them. */
export function firstActor(
  state: SchedulerState,
  queue: ActorQueue,
): WaitingActor | undefined {
  for (const id of queue.actors) return state.actors.get(id) as WaitingActor;
  return undefined;
}

/** Where an actor with these needs could be placed now. */
export function chooseForActor(
  state: SchedulerState,
  { spec, labels }: ActorRecord,
): PoolChoice {
  const resources = actorNeed(spec);
  return choosePool(state, { resources, strategy: spec.strategy, labels });
}

/** The actor's thread runs: its constructor can be called. */
export function confirmActor(state: SchedulerState, actor: PlacedActor): void {
  noteEdge(state, actor, "placed");
  state.actors.set(actor.id, { ...actor, state: "placed" });
  announce(state, actor);
}

/** The actor's thread did not start: it waits for another one. */
export function unplaceActor(state: SchedulerState, actor: PlacedActor): void {
  noteEdge(state, actor, "waiting");
  release(actor);
  const { id, owner, jobId, spec, isolation, labels } = actor;
  const failedStarts = actor.failedStarts + 1;
  const queue = queueOf(state, actor);
  queue.actors.add(id);
  const base = { id, owner, jobId, spec, isolation, labels, failedStarts };
  state.actors.set(id, { ...base, state: "waiting", queue });
}

/** Forgets the actor, whatever its state; a thread of its own stops. */
export function endActor(state: SchedulerState, actor: ActorRecord): void {
  noteEdge(state, actor, "ended");
  state.actors.delete(actor.id);
  if (actor.state === "waiting") return leaveQueue(state, actor);
  release(actor);
  if (actor.isolation !== "shared") stopThread(state, actor.thread);
}

/** Ends an actor that cannot live here, and says so. */
export function failActor(
  state: SchedulerState,
  actor: ActorRecord,
  reason: UnschedulableReason,
): void {
  endActor(state, actor);
  refuseActor(state, { id: actor.id, owner: actor.owner, reason });
}

function refuseActor(
  state: SchedulerState,
  { id, owner, reason }: Pick<ActorRecord, "id" | "owner"> & {
    readonly reason: UnschedulableReason;
  },
): void {
  const { cause } = state;
  const actorId = id;
  state.actions.push({ type: "fail_actor", actorId, owner, reason, cause });
}

function enqueue(
  state: SchedulerState,
  base: Omit<WaitingActor, "state" | "queue">,
): void {
  const queue = queueOf(state, base);
  queue.actors.add(base.id);
  state.actors.set(base.id, { ...base, state: "waiting", queue });
  state.story.add(base.id, "requested", state.cause);
  // Those before it in its queue wait because they do not fit.
  if (queue.actors.size === 1) placeQueue(state, queue);
}

function placeQueue(state: SchedulerState, queue: ActorQueue): void {
  for (;;) {
    const actor = firstActor(state, queue);
    if (!actor) return;
    const choice = chooseForActor(state, actor);
    if (choice.type === "never") {
      failActor(state, actor, choice.reason);
      continue;
    }
    if (choice.type !== "fits") return;
    const need = actorNeed(actor.spec);
    const ask = { waiter: queue, pool: choice.pool, need, depth: 0 };
    if (isKeptFrom(state, ask)) return;
    const thread = threadFor(state, actor);
    if (!thread) return;
    settle(state, actor, { pool: choice.pool, thread });
    keptFor(state, queue);
  }
}

function threadFor(
  state: SchedulerState,
  actor: ActorRecord,
): ThreadRecord | undefined {
  const { jobId, isolation } = actor;
  if (isolation !== "shared") {
    return startThread(state, { kind: "actor", isolation, jobId });
  }
  const found = state.threads.findShared(jobId);
  if (found !== "start") return found;
  return startThread(state, { kind: "shared", isolation: "thread", jobId });
}

function settle(
  state: SchedulerState,
  actor: WaitingActor,
  { pool, thread }: {
    readonly pool: ResourcePool;
    readonly thread: ThreadRecord;
  },
): void {
  const next = thread.state === "running" ? "placed" : "placing";
  noteEdge(state, actor, next);
  leaveQueue(state, actor);
  const { id, owner, jobId, spec, isolation, labels, failedStarts } = actor;
  const base = { id, owner, jobId, spec, isolation, labels, failedStarts };
  pool.take(spec.held);
  const gpus = pool.gpus.take(gpuUnits(spec.held));
  const order = ++state.placementCount;
  const place = { thread, pool, gpus, order };
  const placed: PlacedActor = { ...base, ...place, state: next };
  state.actors.set(id, placed);
  thread.actors.add(id);
  if (next === "placed") announce(state, placed);
}

function announce(state: SchedulerState, actor: PlacedActor): void {
  const { bundle } = actor.pool;
  state.actions.push({
    type: "place_actor",
    actorId: actor.id,
    threadId: actor.thread.id,
    ...(bundle ? { bundleIndex: bundle.index } : undefined),
    ...gpuIndices(actor.gpus),
    cause: state.cause,
  });
}

function release(actor: PlacedActor): void {
  actor.pool.giveBack(actor.spec.held);
  actor.pool.gpus.giveBack(actor.gpus);
  actor.thread.actors.delete(actor.id);
}

function leaveQueue(state: SchedulerState, actor: WaitingActor): void {
  const { queue } = actor;
  queue.actors.delete(actor.id);
  if (queue.actors.size === 0) state.actorQueues.delete(queue.key);
}

function queueOf(
  state: SchedulerState,
  { jobId, spec, isolation }: Pick<
    ActorRecord,
    "jobId" | "spec" | "isolation"
  >,
): ActorQueue {
  const { placement, held, strategy, labelSelector } = spec;
  const key = [
    jobId,
    isolation,
    resourcesKey(placement),
    resourcesKey(held),
    typeof strategy === "string" ? strategy : JSON.stringify(strategy),
    labelSelector ? JSON.stringify(labelSelector) : "",
  ].join("|");
  let queue = state.actorQueues.get(key);
  if (!queue) {
    queue = {
      key,
      actors: new Set<ActorId>(),
      waitingSinceMs: undefined,
      infeasibleSinceMs: undefined,
    };
    state.actorQueues.set(key, queue);
  }
  return queue;
}

function noteEdge(
  state: SchedulerState,
  actor: ActorRecord,
  to: ActorState,
): void {
  checkEdge(state, ACTOR_TRANSITIONS, { id: actor.id, from: actor.state, to });
}

// The invariants of the scheduler, checked from scratch: what is free against
// what is in use, each index against what it lists, and that nothing waits
// that could run. Too slow for a node at work; tests call it on every event.

import { InvariantError } from "../base/errors.ts";
import { chooseForActor, firstActor } from "./actors.ts";
import { chooseForClass, hasThreadFor } from "./dispatch.ts";
import { chooseForGroup } from "./groups.ts";
import type { CreatedGroup, LeaseRecord } from "./records.ts";
import { cpuPart, ResourcePool } from "./resource_pool.ts";
import type { SchedulerState } from "./state.ts";
import { mayStartThread } from "./thread_starts.ts";

/** Throws `InvariantError` at the first thing that is not as it must be. */
export function validateState(state: SchedulerState): void {
  validatePools(state);
  validateLeases(state);
  validateDemands(state);
  validateThreads(state);
  validateActors(state);
  validateNothingForgotten(state);
}

function validatePools(state: SchedulerState): void {
  const created = [...state.groups.values()].filter(
    (group): group is CreatedGroup => group.state === "created",
  );
  const prepared = [...state.parts.values()].filter(
    (part) => part.state === "prepared",
  );
  const aside = [...created, ...prepared];
  const pools = [state.pool, ...aside.flatMap((group) => group.pools)];
  for (const pool of pools) {
    const expected = new ResourcePool(pool.total);
    let mayExceedCpu = false;
    for (const lease of state.leases.values()) {
      if (lease.pool !== pool) continue;
      takeOf(expected, lease);
      mayExceedCpu ||= lease.wasBlocked && lease.state === "granted";
    }
    for (const actor of state.actors.values()) {
      if (actor.state === "waiting" || actor.pool !== pool) continue;
      expected.take(actor.spec.held);
    }
    if (pool === state.pool) {
      for (const { sum } of aside) expected.take(sum);
    }
    validatePool(state, { pool, expected, mayExceedCpu });
    validateGpus(state, pool);
  }
}

function validatePool(
  state: SchedulerState,
  { pool, expected, mayExceedCpu }: {
    readonly pool: ResourcePool;
    readonly expected: ResourcePool;
    readonly mayExceedCpu: boolean;
  },
): void {
  const id = pool.bundle?.groupId ?? state.nodeId;
  const names = { ...pool.available, ...expected.available };
  for (const name in names) {
    const left = pool.available[name] ?? 0;
    const right = expected.available[name] ?? 0;
    check(state, left === right, id, `${name}: ${left} free, not ${right}`);
    const mayExceed = name === "CPU" && mayExceedCpu;
    check(state, left >= 0 || mayExceed, id, `${name}: ${left} is too much`);
  }
}

/** Every unit of a GPU is free or has one taker. */
function validateGpus(state: SchedulerState, pool: ResourcePool): void {
  const id = pool.bundle?.groupId ?? state.nodeId;
  const free = pool.gpus.freeUnits;
  const counted = pool.available["GPU"] ?? 0;
  check(state, free === counted, id, `GPU: ${free} listed, ${counted} free`);
}

function takeOf(pool: ResourcePool, lease: LeaseRecord): void {
  const { resources } = lease.demand.classRecord.spec;
  pool.take(resources);
  if (lease.state === "blocked") pool.giveBack(cpuPart(resources));
}

function validateLeases(state: SchedulerState): void {
  for (const lease of state.leases.values()) {
    const { demand, thread } = lease;
    const { owner } = demand;
    const active = lease.state !== "blocked";
    const assigned = lease.state === "assigned";
    const checks: readonly [boolean, string][] = [
      [lease.state !== "ended", "has ended"],
      [state.activeLeases.has(lease) === active, "is active or not"],
      [state.assignedLeases.has(lease) === assigned, "is assigned or not"],
      [!state.endedOwners.has(owner.id), "has an owner that ended"],
      [state.owners.get(owner.id) === owner, "has an unknown owner"],
      [owner.leases.has(lease), "is unknown to its owner"],
      [owner.demands.get(demand.classRecord.key) === demand, "lost its demand"],
      [state.threads.get(thread.id) === thread, "has a thread that ended"],
      [thread.leases.has(lease), "is unknown to its thread"],
      [thread.state === (assigned ? "starting" : "running"), "thread state"],
    ];
    for (const [ok, text] of checks) check(state, ok, lease.id, text);
  }
  for (const set of [state.activeLeases, state.assignedLeases]) {
    for (const lease of set) {
      const known = state.leases.get(lease.id) === lease;
      check(state, known, lease.id, "is listed and gone");
    }
  }
}

function validateDemands(state: SchedulerState): void {
  for (const owner of state.owners.values()) {
    check(state, owner.demands.size > 0, owner.id, "wants and holds nothing");
    check(state, owner.held === owner.leases.size, owner.id, "held is wrong");
    const ended = state.endedOwners.has(owner.id);
    check(state, !ended, owner.id, "has ended");
    for (const demand of owner.demands.values()) {
      const { classRecord } = demand;
      const leases = [...owner.leases].filter((l) => l.demand === demand);
      const active = leases.filter((lease) => lease.state !== "blocked");
      const waits = demand.wanted > demand.held && owner.parked === 0;
      const inHeap = classRecord.waiting.items()[demand.heapIndex] === demand;
      const checks: readonly [boolean, string][] = [
        [demand.held === leases.length, "held of a demand is wrong"],
        [demand.active === active.length, "active of a demand is wrong"],
        [inHeap === waits, "a demand waits or not"],
        [state.classes.get(classRecord.id) === classRecord, "lost a class"],
        [!waits || state.waitingClasses.has(classRecord), "a class waits"],
      ];
      for (const [ok, text] of checks) check(state, ok, owner.id, text);
    }
  }
  for (const classRecord of state.waitingClasses) {
    const { key, waiting } = classRecord;
    check(state, waiting.size > 0, key, "waits with no demand");
  }
}

function validateThreads(state: SchedulerState): void {
  for (const thread of state.threads.all()) {
    const fault = state.threads.findFault(thread);
    check(state, fault === undefined, thread.id, fault ?? "");
    for (const id of thread.actors) {
      const actor = state.actors.get(id);
      const ok = actor !== undefined && actor.state !== "waiting" &&
        actor.thread === thread;
      check(state, ok, thread.id, `has ${id}, which is not on it`);
    }
  }
}

function validateActors(state: SchedulerState): void {
  for (const actor of state.actors.values()) {
    if (actor.state === "waiting") {
      const { queue } = actor;
      const ok = queue.actors.has(actor.id) &&
        state.actorQueues.get(queue.key) === queue;
      check(state, ok, actor.id, "waits in no queue");
      continue;
    }
    const expected = actor.state === "placed" ? "running" : "starting";
    const ok = actor.thread.state === expected &&
      actor.thread.actors.has(actor.id);
    check(state, ok, actor.id, `is on a thread that is not ${expected}`);
  }
}

function validateNothingForgotten(state: SchedulerState): void {
  // While room is kept or threads do not start, waiting is what is wanted.
  if (state.reservation || state.startsPausedUntilMs > 0) return;
  for (const group of state.waitingGroups) {
    const { type } = chooseForGroup(state, group);
    check(state, type !== "fits", group.id, "waits and could be created");
  }
  for (const queue of state.actorQueues.values()) {
    const actor = firstActor(state, queue)!;
    const { type } = chooseForActor(state, actor);
    const isolation = actor.isolation === "process" ? "process" : "thread";
    const open = type === "fits" && mayStartThread(state, isolation);
    check(state, !open, actor.id, "waits and could be placed");
  }
  for (const classRecord of state.waitingClasses) {
    const { type } = chooseForClass(state, classRecord);
    const open = type === "fits" && hasThreadFor(state, classRecord);
    check(state, !open, classRecord.key, "waits and could run");
  }
}

function check(
  state: SchedulerState,
  ok: boolean,
  id: string,
  text: string,
): void {
  if (ok) return;
  throw new InvariantError(`Scheduler state is broken at ${id}: ${text}`, {
    details: { story: state.story.of(id) },
  });
}

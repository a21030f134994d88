// Giving out what is free: to groups, then to actors, then as leases to the
// owners that are next. A class that does not fit is passed over for those
// that do; `fairness.ts` sees to it that it is not passed over for ever.

import { LEASES_PER_NODE_MAX } from "../base/limits.ts";
import { placeActors } from "./actors.ts";
import { failClass, goesBefore } from "./demands.ts";
import { createGroups } from "./groups.ts";
import { openLease, rehouseLease } from "./leases.ts";
import { choosePool, type PoolChoice } from "./pool_choice.ts";
import type { ClassRecord, DemandRecord, ThreadRecord } from "./records.ts";
import { isKeptFrom, keptFor } from "./reservation.ts";
import type { ResourcePool } from "./resource_pool.ts";
import type { SchedulerState } from "./state.ts";
import { mayStartThread, startThread } from "./thread_starts.ts";
import type { ThreadAsk } from "./thread_table.ts";

/** Gives out all that is free to those who wait for it. */
export function dispatch(state: SchedulerState): void {
  const kept = state.reservation;
  rehouseAssigned(state);
  if (state.waitingGroups.size > 0) createGroups(state);
  if (state.actorQueues.size > 0) placeActors(state);
  grantLeases(state);
  // Room that was kept and is not any more may do for others.
  if (kept && !state.reservation) dispatch(state);
}

/** Gives leases of one class, when nothing else can have changed. */
export function dispatchClass(
  state: SchedulerState,
  classRecord: ClassRecord,
): void {
  const kept = state.reservation;
  while (grantTop(state, classRecord));
  if (kept && !state.reservation) dispatch(state);
}

/** Where a task of the class could run now. */
export function chooseForClass(
  state: SchedulerState,
  { spec, labels }: ClassRecord,
): PoolChoice {
  const { resources, strategy } = spec;
  return choosePool(state, { resources, strategy, labels });
}

/** Whether a lease of the class would find a thread. */
export function hasThreadFor(
  state: SchedulerState,
  { jobId, cpuUnits, spec }: ClassRecord,
): boolean {
  const { isolation, isTimed } = spec;
  const ask: ThreadAsk = { jobId, isolation, cpuUnits, isTimed };
  const mayStart = mayStartThread(state, isolation);
  return state.threads.find(ask, mayStart) !== undefined;
}

/** A thread that has room now is better than one that will be there soon. */
function rehouseAssigned(state: SchedulerState): void {
  for (const lease of state.assignedLeases) {
    const thread = state.threads.findRunning(askOf(lease.demand));
    if (thread) rehouseLease(state, lease, thread);
  }
}

function grantLeases(state: SchedulerState): void {
  const open = new Set(state.waitingClasses);
  while (open.size > 0) {
    let next: ClassRecord | undefined;
    let first: DemandRecord | undefined;
    for (const classRecord of open) {
      const { top } = classRecord.waiting;
      if (!top) open.delete(classRecord);
      else if (!first || goesBefore(top, first)) {
        first = top;
        next = classRecord;
      }
    }
    // What is free only shrinks here: who does not fit now, will not.
    if (next && !grantTop(state, next)) open.delete(next);
  }
}

/** Gives a lease to the class's first demand, if there is room for it. */
function grantTop(state: SchedulerState, classRecord: ClassRecord): boolean {
  if (classRecord.waiting.size === 0) return false;
  if (state.leases.size >= LEASES_PER_NODE_MAX) return false;
  const choice = chooseForClass(state, classRecord);
  if (choice.type === "never") {
    failClass(state, classRecord, choice.reason);
    return false;
  }
  if (choice.type !== "fits") return false;
  const { pool } = choice;
  const demand = firstNotKept(state, classRecord, pool);
  const thread = demand && threadFor(state, demand);
  if (!thread) return false;
  openLease(state, demand, { pool, thread });
  keptFor(state, demand);
  return true;
}

/** The first demand that may have what is free while room is kept. */
function firstNotKept(
  state: SchedulerState,
  { waiting, spec }: ClassRecord,
  pool: ResourcePool,
): DemandRecord | undefined {
  if (!state.reservation) return waiting.top;
  let first: DemandRecord | undefined;
  for (const demand of waiting.items()) {
    const { depth } = demand;
    const ask = { waiter: demand, pool, need: spec.resources, depth };
    if (isKeptFrom(state, ask)) continue;
    if (!first || goesBefore(demand, first)) first = demand;
  }
  return first;
}

function threadFor(
  state: SchedulerState,
  demand: DemandRecord,
): ThreadRecord | undefined {
  const ask = askOf(demand);
  const { isolation, jobId } = ask;
  const mayStart = mayStartThread(state, isolation);
  const found = state.threads.find(ask, mayStart);
  if (found !== "start") return found;
  return startThread(state, { kind: "task", isolation, jobId });
}

function askOf({ classRecord, owner, recentThread }: DemandRecord): ThreadAsk {
  return {
    jobId: classRecord.jobId,
    isolation: classRecord.spec.isolation,
    cpuUnits: classRecord.cpuUnits,
    isTimed: classRecord.spec.isTimed,
    owner: owner.id,
    preferred: recentThread,
  };
}

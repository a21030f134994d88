// Room that is kept for something large which smaller work would keep out for
// ever. Kept for a while only, each time for longer, with open times between:
// what holds the room may itself wait for work that needs it.

import { RESERVATION_MS } from "../base/limits.ts";
import type { ResourceSet } from "../base/resources.ts";
import { cpuPart, ResourcePool } from "./resource_pool.ts";
import type { SchedulerState } from "./state.ts";

/** Somebody who asks for resources of a pool. */
export interface PoolAsk {
  /** The demand, actor queue or group that asks. */
  readonly waiter: object;
  readonly pool: ResourcePool;
  readonly need: ResourceSet;
  readonly depth: number;
}

/** Whether what is asked for is kept for somebody else now. */
export function isKeptFrom(state: SchedulerState, ask: PoolAsk): boolean {
  const kept = state.reservation;
  if (!kept || kept.waiter === ask.waiter || kept.pool !== ask.pool) {
    return false;
  }
  if (ask.depth > kept.depth) return false;
  for (const name in ask.need) {
    if (Object.hasOwn(kept.need, name)) return true;
  }
  return false;
}

/** The waiter got something: no room needs to be kept for it. */
export function keptFor(state: SchedulerState, waiter: object): void {
  if (state.reservation?.waiter !== waiter) return;
  state.reservation = undefined;
  state.reservationMs = 0;
  state.reservationFromMs = 0;
}

/** Keeps room for one of those who starve, by turns, if it is any use. */
export function keepRoom(
  state: SchedulerState,
  starving: readonly PoolAsk[],
): void {
  if (state.reservation || state.nowMs < state.reservationFromMs) return;
  const recent = starving.findIndex(({ waiter }) =>
    waiter === state.reservedRecently
  );
  const inTurn = [
    ...starving.slice(recent + 1),
    ...starving.slice(0, recent + 1),
  ];
  const ask = inTurn.find((each) => wouldFitWithoutLeases(state, each));
  if (!ask) return;
  state.reservationMs = Math.max(RESERVATION_MS, 2 * state.reservationMs);
  const untilMs = state.nowMs + state.reservationMs;
  const { waiter, pool, need, depth } = ask;
  state.reservation = { waiter, pool, need, depth, untilMs };
  state.reservedRecently = waiter;
}

/** What actors and groups hold, they hold for good: tasks end. */
function wouldFitWithoutLeases(
  state: SchedulerState,
  { pool, need }: PoolAsk,
): boolean {
  const free = new ResourcePool(pool.available);
  for (const lease of state.leases.values()) {
    if (lease.pool !== pool) continue;
    const { resources } = lease.demand.classRecord.spec;
    free.giveBack(resources);
    if (lease.state === "blocked") free.take(cpuPart(resources));
  }
  return free.fits(need);
}

/** Ends a reservation whose time is over; says whether it did. */
export function endReservation(state: SchedulerState): boolean {
  const kept = state.reservation;
  if (!kept || state.nowMs < kept.untilMs) return false;
  state.reservation = undefined;
  state.reservationFromMs = state.nowMs + state.reservationMs;
  return true;
}

/** Drops the reservation of a waiter that does not wait any more. */
export function dropReservation(
  state: SchedulerState,
  isWaiting: (waiter: object) => boolean,
): void {
  const kept = state.reservation;
  if (kept && !isWaiting(kept.waiter)) keptFor(state, kept.waiter);
}

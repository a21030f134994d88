// Seeing to it that nobody waits for ever while others keep what they have:
// owners with more are asked to return a lease, demands that starve go first,
// and room is kept for what is large. Looks at those who wait, never at all.

import type { WorkerId } from "../base/ids.ts";
import {
  LEASE_QUANTUM_MS,
  RECLAIM_REPEAT_MS,
  STARVATION_MS,
} from "../base/limits.ts";
import {
  lackingResources,
  RESOURCE_UNIT,
  type ResourceSet,
} from "../base/resources.ts";
import { actorNeed, chooseForActor, firstActor } from "./actors.ts";
import { chooseForClass, hasThreadFor } from "./dispatch.ts";
import { chooseForGroup } from "./groups.ts";
import type {
  ActorQueue,
  ClassRecord,
  DemandRecord,
  LeaseRecord,
  WaitingGroup,
} from "./records.ts";
import { dropReservation, keepRoom, type PoolAsk } from "./reservation.ts";
import type { SchedulerState } from "./state.ts";

/** Somebody who could have room if others returned theirs. */
interface Waiter extends PoolAsk {
  /** Leases that its owner has already. */
  readonly held: number;
  /** It waits for so long that what the others hold does not matter. */
  readonly isStarving: boolean;
}

/** Asks for leases back on behalf of a demand that was not met. */
export function reclaimForDemand(
  state: SchedulerState,
  demand: DemandRecord,
): void {
  const waiter = waiterOfDemand(state, demand);
  if (waiter) reclaimFor(state, waiter);
}

/** Asks for leases back on behalf of those who are next. */
export function reclaimForAll(state: SchedulerState): void {
  for (const waiter of waiters(state)) reclaimFor(state, waiter);
}

/** Who starves by the clock goes first, and room is kept for one of them. */
export function watchStarving(state: SchedulerState): void {
  for (const classRecord of state.waitingClasses) {
    for (const demand of [...classRecord.waiting.items()]) {
      ageDemand(state, demand);
    }
  }
  for (const item of [...state.actorQueues.values(), ...state.waitingGroups]) {
    item.waitingSinceMs ??= state.nowMs;
  }
  dropReservation(state, (waiter) => isWaiting(state, waiter));
  const starving = [...waiters(state)].filter((waiter) =>
    waiter.isStarving && !waiter.pool.fits(waiter.need)
  );
  keepRoom(state, starving);
}

/** Repeats what was asked of owners who have not answered. */
export function repeatReclaims(state: SchedulerState): void {
  for (const lease of state.activeLeases) {
    if (lease.reclaimedFor === undefined) continue;
    if (state.nowMs - lease.reclaimedAtMs < RECLAIM_REPEAT_MS) continue;
    askBack(state, lease, lease.thread.id);
  }
}

function ageDemand(state: SchedulerState, demand: DemandRecord): void {
  if (demand.active > 0) {
    demand.starvingSinceMs = undefined;
    return;
  }
  demand.starvingSinceMs ??= state.nowMs;
  if (demand.aged) return;
  if (state.nowMs - demand.starvingSinceMs < STARVATION_MS) return;
  demand.aged = true;
  demand.classRecord.waiting.update(demand);
}

/** The first of each class and queue, and the groups. */
function* waiters(state: SchedulerState): Iterable<Waiter> {
  for (const group of state.waitingGroups) {
    if (chooseForGroup(state, group).type !== "busy") continue;
    yield waiterOfItem(state, group, { pool: state.pool, need: group.sum });
  }
  for (const queue of state.actorQueues.values()) {
    const actor = firstActor(state, queue)!;
    const choice = chooseForActor(state, actor);
    if (choice.type !== "busy" || !choice.pool) continue;
    const need = actorNeed(actor.spec);
    yield waiterOfItem(state, queue, { pool: choice.pool, need });
  }
  for (const classRecord of state.waitingClasses) {
    const waiter = waiterOfDemand(state, classRecord.waiting.top!);
    if (waiter) yield waiter;
  }
}

function waiterOfItem(
  state: SchedulerState,
  waiter: ActorQueue | WaitingGroup,
  where: Pick<Waiter, "pool" | "need">,
): Waiter {
  const waitedMs = state.nowMs - (waiter.waitingSinceMs ?? state.nowMs);
  const isStarving = waitedMs >= STARVATION_MS;
  return { waiter, ...where, depth: 0, held: 0, isStarving };
}

function waiterOfDemand(
  state: SchedulerState,
  demand: DemandRecord,
): Waiter | undefined {
  if (demand.heapIndex < 0) return undefined;
  const { classRecord, depth, owner, aged } = demand;
  const choice = chooseForClass(state, classRecord);
  if (choice.type !== "busy" && choice.type !== "fits") return undefined;
  if (!choice.pool) return undefined;
  if (choice.type === "fits" && !lacksRoomOnThreads(state, classRecord)) {
    return undefined;
  }
  return {
    waiter: demand,
    pool: choice.pool,
    need: classRecord.spec.resources,
    depth,
    held: owner.held,
    isStarving: aged,
  };
}

/** Only leases below 1 CPU keep each other off a thread by their number. */
function lacksRoomOnThreads(
  state: SchedulerState,
  classRecord: ClassRecord,
): boolean {
  return classRecord.cpuUnits < RESOURCE_UNIT &&
    !hasThreadFor(state, classRecord);
}

function isWaiting(state: SchedulerState, waiter: object): boolean {
  if ("heapIndex" in waiter) return (waiter as DemandRecord).heapIndex >= 0;
  if ("actors" in waiter) {
    return state.actorQueues.get((waiter as ActorQueue).key) === waiter;
  }
  return state.waitingGroups.has(waiter as WaitingGroup);
}

/** Asks for as many leases as would make room, less those asked for. */
function reclaimFor(state: SchedulerState, waiter: Waiter): void {
  // Nobody else has anything.
  if (state.owners.size < 2 && waiter.held > 0 && !waiter.isStarving) return;
  let lacking = lackingResources(waiter.pool.available, waiter.need);
  const lacksThread = isEmpty(lacking);
  for (const lease of state.activeLeases) {
    if (lease.reclaimedFor !== waiter.waiter) continue;
    if (lacksThread) return;
    lacking = lackingAfter(lacking, lease);
  }
  const victims = new Set<LeaseRecord>();
  while (!isEmpty(lacking) || (lacksThread && victims.size === 0)) {
    const lease = pickVictim(state, { ...waiter, lacking, victims });
    if (!lease) break;
    victims.add(lease);
    lacking = lackingAfter(lacking, lease);
  }
  // Less than enough would be given to others, unless it is kept.
  const isKept = state.reservation?.waiter === waiter.waiter;
  if (!isEmpty(lacking) && !isKept) return;
  for (const lease of victims) {
    lease.reclaimedFor = waiter.waiter;
    askBack(state, lease);
  }
}

interface VictimSearch extends Waiter {
  readonly lacking: ResourceSet;
  readonly victims: ReadonlySet<LeaseRecord>;
}

function pickVictim(
  state: SchedulerState,
  search: VictimSearch,
): LeaseRecord | undefined {
  let victim: LeaseRecord | undefined;
  for (const lease of state.activeLeases) {
    if (lease.reclaimedFor !== undefined) continue;
    if (!wouldHelp(lease, search)) continue;
    if (!mayReclaim(state, lease, search)) continue;
    const { owner } = lease.demand;
    if (!victim || owner.held > victim.demand.owner.held) victim = lease;
  }
  return victim;
}

function wouldHelp(
  lease: LeaseRecord,
  { waiter, pool, lacking, victims }: VictimSearch,
): boolean {
  if (lease.state !== "granted" || lease.demand === waiter) return false;
  if (victims.has(lease)) return false;
  const { cpuUnits, spec } = lease.demand.classRecord;
  if (isEmpty(lacking)) return cpuUnits < RESOURCE_UNIT;
  if (lease.pool !== pool) return false;
  for (const name in lacking) {
    if ((spec.resources[name] ?? 0) > 0) return true;
  }
  return false;
}

function mayReclaim(
  state: SchedulerState,
  lease: LeaseRecord,
  waiter: Waiter,
): boolean {
  const { owner } = lease.demand;
  if (owner.held >= waiter.held + 2) return true;
  if (!waiter.isStarving && waiter.held > 0) return false;
  return state.nowMs - lease.grantedAtMs >= LEASE_QUANTUM_MS;
}

function askBack(
  state: SchedulerState,
  lease: LeaseRecord,
  unanswered?: WorkerId,
): void {
  lease.reclaimedAtMs = state.nowMs;
  state.actions.push({
    type: "reclaim_lease",
    leaseId: lease.id,
    owner: lease.demand.owner.id,
    ...(unanswered === undefined ? {} : { unanswered }),
    cause: state.cause,
  });
}

function lackingAfter(lacking: ResourceSet, lease: LeaseRecord): ResourceSet {
  return lackingResources(lease.demand.classRecord.spec.resources, lacking);
}

function isEmpty(set: ResourceSet): boolean {
  for (const _ in set) return false;
  return true;
}

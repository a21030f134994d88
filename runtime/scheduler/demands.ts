// Who wants leases and who is next: demands of owners, ranked within their
// class. Fair share first, then nested tasks before those that wait for them.

import type { WorkerId } from "../base/ids.ts";
import { CLASSES_MAX, CLASSES_PER_OWNER_MAX } from "../base/limits.ts";
import { IndexedHeap } from "./indexed_heap.ts";
import { parseLabelSelector } from "./label_selector.ts";
import type { DemandChanged, UnschedulableReason } from "./messages.ts";
import type { ClassRecord, DemandRecord, OwnerRecord } from "./records.ts";
import type { SchedulerState } from "./state.ts";

/** Sets what the owner wants; nothing to tell when it wants nothing. */
export function setDemand(
  state: SchedulerState,
  event: DemandChanged,
): DemandRecord | undefined {
  const known = state.owners.get(event.owner)?.demands.get(event.classKey);
  if (!known && event.count <= 0) return undefined;
  if (!known && !hasRoomForDemand(state, event)) {
    refuseDemand(state, event, "limit_reached");
    return undefined;
  }
  const demand = known ?? newDemand(state, event);
  demand.wanted = Math.max(0, event.count);
  demand.depth = event.depth;
  rankDemand(state, demand);
  return demand;
}

/** Counts a lease that the demand got (1) or that ended (-1). */
export function countHeld(
  state: SchedulerState,
  demand: DemandRecord,
  sign: 1 | -1,
): void {
  demand.held += sign;
  demand.owner.held += sign;
  // Who had a lease, or still has, goes behind those who wait for one.
  demand.arrival = ++state.arrivalCount;
  if (sign === 1) {
    demand.aged = false;
    demand.starvingSinceMs = undefined;
  }
  rankDemand(state, demand);
  // The owner's other demands rank by what it holds in all.
  for (const other of demand.owner.demands.values()) {
    if (other !== demand && other.heapIndex >= 0) {
      other.classRecord.waiting.update(other);
    }
  }
}

/** Counts a lease that its owner, who does not answer, has no use for. */
export function countParked(
  state: SchedulerState,
  owner: OwnerRecord,
  sign: 1 | -1,
): void {
  owner.parked += sign;
  for (const demand of [...owner.demands.values()]) rankDemand(state, demand);
}

/** Puts the demand where it belongs: waiting, resting, or forgotten. */
export function rankDemand(state: SchedulerState, demand: DemandRecord): void {
  const { classRecord, owner } = demand;
  const isWaiting = demand.heapIndex >= 0;
  if (demand.wanted > demand.held && owner.parked === 0) {
    if (isWaiting) return classRecord.waiting.update(demand);
    demand.arrival = ++state.arrivalCount;
    classRecord.waiting.push(demand);
    state.waitingClasses.add(classRecord);
    return;
  }
  if (isWaiting) {
    classRecord.waiting.remove(demand);
    demand.aged = false;
    demand.starvingSinceMs = undefined;
    if (classRecord.waiting.size === 0) {
      state.waitingClasses.delete(classRecord);
      classRecord.infeasibleSinceMs = undefined;
    }
  }
  if (demand.wanted > 0 || demand.held > 0) return;
  if (owner.demands.get(classRecord.key) !== demand) return;
  owner.demands.delete(classRecord.key);
  if (owner.demands.size === 0) state.owners.delete(owner.id);
  classRecord.demandCount -= 1;
  if (classRecord.demandCount === 0) state.classes.delete(classRecord.id);
}

/** Gives up a demand that can never be met, and says so. */
export function failDemand(
  state: SchedulerState,
  demand: DemandRecord,
  reason: UnschedulableReason,
): void {
  demand.wanted = 0;
  rankDemand(state, demand);
  const { owner, classRecord } = demand;
  const named = { owner: owner.id, classKey: classRecord.key };
  refuseDemand(state, named, reason);
}

/** Forgets what the owner wants; what it holds must have ended. */
export function forgetDemands(state: SchedulerState, owner: OwnerRecord): void {
  for (const demand of [...owner.demands.values()]) {
    demand.wanted = 0;
    rankDemand(state, demand);
  }
}

/** Gives up all waiting demands of a class. */
export function failClass(
  state: SchedulerState,
  classRecord: ClassRecord,
  reason: UnschedulableReason,
): void {
  for (;;) {
    const demand = classRecord.waiting.top;
    if (!demand) return;
    failDemand(state, demand, reason);
  }
}

/** Whether `left` is served before `right`. */
export function goesBefore(left: DemandRecord, right: DemandRecord): boolean {
  if (left.aged !== right.aged) return left.aged;
  if (left.aged) return left.arrival < right.arrival;
  if (left.owner.held !== right.owner.held) {
    return left.owner.held < right.owner.held;
  }
  if (left.depth !== right.depth) return left.depth > right.depth;
  return left.arrival < right.arrival;
}

function refuseDemand(
  state: SchedulerState,
  { owner, classKey }: Pick<DemandChanged, "owner" | "classKey">,
  reason: UnschedulableReason,
): void {
  const { cause } = state;
  state.actions.push({ type: "fail_demand", owner, classKey, reason, cause });
}

function hasRoomForDemand(
  state: SchedulerState,
  event: DemandChanged,
): boolean {
  const count = state.owners.get(event.owner)?.demands.size ?? 0;
  return count < CLASSES_PER_OWNER_MAX &&
    (state.classes.has(classId(event)) || state.classes.size < CLASSES_MAX);
}

function newDemand(state: SchedulerState, event: DemandChanged): DemandRecord {
  const owner = ownerOf(state, event.owner);
  const classRecord = classOf(state, event);
  const demand: DemandRecord = {
    owner,
    classRecord,
    wanted: 0,
    depth: event.depth,
    held: 0,
    active: 0,
    arrival: 0,
    starvingSinceMs: undefined,
    aged: false,
    recentThread: undefined,
    heapIndex: -1,
  };
  owner.demands.set(event.classKey, demand);
  classRecord.demandCount += 1;
  return demand;
}

function ownerOf(state: SchedulerState, id: WorkerId): OwnerRecord {
  let owner = state.owners.get(id);
  if (!owner) {
    owner = { id, held: 0, parked: 0, demands: new Map(), leases: new Set() };
    state.owners.set(id, owner);
  }
  return owner;
}

/** Jobs share no threads, and so no classes. */
function classId({ jobId, classKey }: DemandChanged): string {
  return `${jobId} ${classKey}`;
}

function classOf(state: SchedulerState, event: DemandChanged): ClassRecord {
  const { jobId, classKey: key, spec } = event;
  const id = classId(event);
  let classRecord = state.classes.get(id);
  if (!classRecord) {
    classRecord = {
      id,
      key,
      jobId,
      spec,
      labels: parseLabelSelector(spec.labelSelector),
      cpuUnits: spec.resources["CPU"] ?? 0,
      demandCount: 0,
      waiting: new IndexedHeap(goesBefore),
      infeasibleSinceMs: undefined,
    };
    state.classes.set(id, classRecord);
  }
  return classRecord;
}

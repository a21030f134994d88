// One lease's life: given, blocked, unblocked, ended, with what it takes of
// its pool and its thread. Who gets the next one is decided in `dispatch.ts`.

import { leaseIdText } from "../base/ids.ts";
import { countHeld, countParked } from "./demands.ts";
import { gpuIndices, gpuUnits } from "./gpu_table.ts";
import type { RevokeLease } from "./messages.ts";
import {
  type DemandRecord,
  LEASE_TRANSITIONS,
  type LeaseRecord,
  type LeaseState,
  type ThreadRecord,
} from "./records.ts";
import { cpuPart, type ResourcePool } from "./resource_pool.ts";
import { checkEdge, type SchedulerState } from "./state.ts";

/** Where a new lease draws from and runs. */
export interface LeasePlace {
  readonly pool: ResourcePool;
  readonly thread: ThreadRecord;
}

/** Makes a lease; it is granted at once when its thread runs. */
export function openLease(
  state: SchedulerState,
  demand: DemandRecord,
  { pool, thread }: LeasePlace,
): void {
  const lease: LeaseRecord = {
    id: leaseIdText(state.nodeId, state.leaseCount++),
    demand,
    pool,
    gpus: pool.gpus.take(gpuUnits(demand.classRecord.spec.resources)),
    order: ++state.placementCount,
    state: "assigned",
    thread,
    grantedAtMs: 0,
    reclaimedFor: undefined,
    reclaimedAtMs: 0,
    wasBlocked: false,
    isParked: false,
  };
  pool.take(demand.classRecord.spec.resources);
  state.threads.attach(thread, lease);
  state.leases.set(lease.id, lease);
  state.activeLeases.add(lease);
  state.assignedLeases.add(lease);
  demand.owner.leases.add(lease);
  demand.active += 1;
  demand.recentThread = thread;
  countHeld(state, demand, 1);
  if (thread.state === "running") grantLease(state, lease);
}

/** Tells the owner of a lease whose thread runs. */
export function grantLease(state: SchedulerState, lease: LeaseRecord): void {
  moveLease(state, lease, "granted");
  state.assignedLeases.delete(lease);
  lease.grantedAtMs = state.nowMs;
  const { bundle } = lease.pool;
  state.actions.push({
    type: "grant_lease",
    leaseId: lease.id,
    owner: lease.demand.owner.id,
    classKey: lease.demand.classRecord.key,
    threadId: lease.thread.id,
    ...(bundle ? { bundleIndex: bundle.index } : undefined),
    ...gpuIndices(lease.gpus),
    cause: state.cause,
  });
}

/** Puts an assigned lease on a thread that runs already. */
export function rehouseLease(
  state: SchedulerState,
  lease: LeaseRecord,
  thread: ThreadRecord,
): void {
  state.threads.detach(lease.thread, lease, true);
  lease.thread = thread;
  lease.demand.recentThread = thread;
  state.threads.attach(thread, lease);
  grantLease(state, lease);
}

/** The lease's task waits: its CPU is for others, on the thread as well. */
export function blockLease(state: SchedulerState, lease: LeaseRecord): void {
  moveLease(state, lease, "blocked");
  lease.pool.giveBack(cpuPart(lease.demand.classRecord.spec.resources));
  state.threads.vacate(lease.thread, lease);
  state.activeLeases.delete(lease);
  lease.demand.active -= 1;
}

/** The same for one without work: its owner gets no other one meanwhile. */
export function parkLease(state: SchedulerState, lease: LeaseRecord): void {
  blockLease(state, lease);
  lease.isParked = true;
  countParked(state, lease.demand.owner, 1);
}

function unpark(state: SchedulerState, lease: LeaseRecord): void {
  if (!lease.isParked) return;
  lease.isParked = false;
  countParked(state, lease.demand.owner, -1);
}

/** Its task goes on, at once, even if that is more than there is room for. */
export function unblockLease(state: SchedulerState, lease: LeaseRecord): void {
  moveLease(state, lease, "granted");
  lease.wasBlocked = true;
  lease.pool.take(cpuPart(lease.demand.classRecord.spec.resources));
  state.threads.occupy(lease.thread, lease);
  state.activeLeases.add(lease);
  lease.demand.active += 1;
  unpark(state, lease);
}

/** Gives back all that the lease still has, and forgets it. */
export function endLease(state: SchedulerState, lease: LeaseRecord): void {
  const { demand, pool } = lease;
  const { resources } = demand.classRecord.spec;
  const wasActive = lease.state !== "blocked";
  moveLease(state, lease, "ended");
  pool.giveBack(resources);
  pool.gpus.giveBack(lease.gpus);
  if (!wasActive) pool.take(cpuPart(resources));
  state.threads.detach(lease.thread, lease, wasActive);
  state.leases.delete(lease.id);
  state.activeLeases.delete(lease);
  state.assignedLeases.delete(lease);
  demand.owner.leases.delete(lease);
  if (wasActive) demand.active -= 1;
  unpark(state, lease);
  countHeld(state, demand, -1);
}

/** Ends a lease against its owner's will. */
export function revokeLease(
  state: SchedulerState,
  lease: LeaseRecord,
  reason: RevokeLease["reason"],
): void {
  // Of an assigned lease nobody was told.
  if (lease.state !== "assigned") {
    state.actions.push({
      type: "revoke_lease",
      leaseId: lease.id,
      owner: lease.demand.owner.id,
      threadId: lease.thread.id,
      reason,
      cause: state.cause,
    });
  }
  endLease(state, lease);
}

function moveLease(
  state: SchedulerState,
  lease: LeaseRecord,
  to: LeaseState,
): void {
  checkEdge(state, LEASE_TRANSITIONS, { id: lease.id, from: lease.state, to });
  lease.state = to;
}

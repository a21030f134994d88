// The scheduler of a node: its resources, who has leases of them, and where
// actors and placement groups are. A pure state machine: no I/O, no clock, no
// randomness. It sees demand by scheduling class, never tasks.

import { unreachable } from "../base/errors.ts";
import type { WorkerId } from "../base/ids.ts";
import type { ResourceSet } from "../base/resources.ts";
import { endActor, requestActor } from "./actors.ts";
import { forgetDemands, setDemand } from "./demands.ts";
import { dispatch, dispatchClass } from "./dispatch.ts";
import {
  reclaimForAll,
  reclaimForDemand,
  repeatReclaims,
  watchStarving,
} from "./fairness.ts";
import { commitBundles, returnBundles } from "./bundles.ts";
import { removeGroup, requestBundles, requestGroup } from "./groups.ts";
import {
  blockLease,
  endLease,
  parkLease,
  revokeLease,
  unblockLease,
} from "./leases.ts";
import type {
  ActorEvent,
  ClockTicked,
  DemandChanged,
  GroupRemoved,
  LeaseEvent,
  SchedulerAction,
  SchedulerEvent,
  ThreadEvent,
} from "./messages.ts";
import {
  type ActorView,
  actorViews,
  availableResources,
  type BundlesView,
  bundlesViews,
  type DemandView,
  demandViews,
  type LeaseView,
  leaseViews,
  type PendingView,
  pendingViews,
  type ThreadView,
  threadViews,
} from "./queries.ts";
import type { LeaseRecord } from "./records.ts";
import { endReservation } from "./reservation.ts";
import {
  newState,
  type SchedulerOptions,
  type SchedulerState,
} from "./state.ts";
import {
  stopIdleThreadIfFull,
  stopThreadsOfEndedJobs,
} from "./thread_starts.ts";
import {
  threadEnded,
  threadFailedToStart,
  threadStarted,
} from "./thread_events.ts";
import { validateState } from "./validation.ts";
import { warnInfeasible } from "./warnings.ts";

export type { SchedulerOptions } from "./state.ts";

/** One node's scheduler: events in, actions out. */
export class Scheduler {
  readonly #state: SchedulerState;

  constructor(options: SchedulerOptions) {
    this.#state = newState(options);
  }

  /**
   * Takes note of what happened and says what is to be done about it. Events
   * that are repeated, or about what is gone, lead to nothing.
   */
  handle(event: SchedulerEvent): SchedulerAction[] {
    const state = this.#state;
    state.cause = event.cause;
    state.actions = [];
    this.#apply(event);
    if (state.endedJobs.size > 0) stopThreadsOfEndedJobs(state);
    return state.actions;
  }

  /** What the node has, in units. */
  totals(): ResourceSet {
    return { ...this.#state.pool.total };
  }

  /** What is free of it, in units; never below 0. */
  available(): ResourceSet {
    return availableResources(this.#state);
  }

  /** What waits, for the status. */
  pending(): PendingView[] {
    return pendingViews(this.#state);
  }

  /** How many leases, actors and groups wait. */
  waitingCount(): number {
    if (!this.isWaiting()) return 0;
    return this.pending().reduce((sum, { count }) => sum + count, 0);
  }

  /** What owners want, for a spreading that takes over from here. */
  demands(): DemandView[] {
    return demandViews(this.#state);
  }

  leases(): LeaseView[] {
    return leaseViews(this.#state);
  }

  actors(): ActorView[] {
    return actorViews(this.#state);
  }

  /** Of groups that a head has placed. */
  bundles(): BundlesView[] {
    return bundlesViews(this.#state);
  }

  /** Threads that have not ended, with what is on them. */
  threads(): ThreadView[] {
    return threadViews(this.#state);
  }

  /** Whether anything waits, so that the clock must tick. */
  isWaiting(): boolean {
    const { waitingClasses, actorQueues, waitingGroups } = this.#state;
    return waitingClasses.size + actorQueues.size + waitingGroups.size > 0;
  }

  /** The latest history of a lease, thread, actor, owner or group. */
  story(id: string): string[] {
    return this.#state.story.of(id);
  }

  /** Throws `InvariantError` when the state is not what it must be. */
  validate(): void {
    validateState(this.#state);
  }

  #apply(event: SchedulerEvent): void {
    switch (event.type) {
      case "demand_changed":
        return this.#changeDemand(event);
      case "lease_returned":
      case "lease_blocked":
      case "lease_unblocked":
        return this.#changeLease(event);
      case "thread_started":
      case "thread_failed_to_start":
      case "thread_ended":
        return this.#changeThread(event);
      case "owner_ended":
        this.#endOwner(event.owner);
        return this.#giveOut();
      case "job_ended":
        return void this.#state.endedJobs.add(event.jobId);
      case "job_forgotten":
        return void this.#state.endedJobs.delete(event.jobId);
      case "actor_requested":
        return this.#placeActor(event);
      case "actor_ended":
      case "actor_cancelled":
        return this.#endActor(event);
      case "group_requested":
        requestGroup(this.#state, event);
        return this.#giveOut();
      case "group_removed":
        return this.#removeGroup(event);
      case "bundles_wanted":
        requestBundles(this.#state, event);
        return this.#giveOut();
      case "bundles_committed":
        commitBundles(this.#state, event);
        return this.#giveOut();
      case "bundles_returned":
        returnBundles(this.#state, event);
        return this.#giveOut();
      case "clock_ticked":
        return this.#tick(event);
      default:
        return unreachable(event);
    }
  }

  #changeDemand(event: DemandChanged): void {
    const state = this.#state;
    if (state.endedOwners.has(event.owner)) return;
    const demand = setDemand(state, event);
    if (!demand) return;
    if (demand.held > demand.wanted && this.#dropAssigned(demand.owner.id)) {
      return this.#giveOut();
    }
    // Nothing became free: only this class can have become able to run.
    dispatchClass(state, demand.classRecord);
    reclaimForDemand(state, demand);
  }

  /** Takes back what the owner was never told of and does not want. */
  #dropAssigned(owner: WorkerId): boolean {
    const state = this.#state;
    let dropped = false;
    for (const lease of [...state.assignedLeases].reverse()) {
      const { demand } = lease;
      if (demand.owner.id !== owner || demand.held <= demand.wanted) continue;
      endLease(state, lease);
      dropped = true;
    }
    return dropped;
  }

  #changeLease(event: LeaseEvent): void {
    const state = this.#state;
    const lease = state.leases.get(event.leaseId);
    if (!lease) return;
    switch (event.type) {
      case "lease_returned":
        endLease(state, lease);
        break;
      case "lease_blocked":
        if (lease.state !== "granted") return;
        if (event.isIdle) parkLease(state, lease);
        else blockLease(state, lease);
        break;
      case "lease_unblocked":
        if (lease.state !== "blocked") return;
        return this.#resumeLease(lease);
      default:
        return unreachable(event.type);
    }
    dispatch(state);
    // Whom it was asked back for may have been passed over for another.
    if (lease.reclaimedFor && this.isWaiting()) reclaimForAll(state);
  }

  #resumeLease(lease: LeaseRecord): void {
    const { isParked } = lease;
    unblockLease(this.#state, lease);
    // What its owner wants besides has a turn again.
    if (isParked) this.#giveOut();
  }

  #changeThread(event: ThreadEvent): void {
    const state = this.#state;
    const thread = state.threads.get(event.threadId);
    if (thread) {
      if (event.type === "thread_started") threadStarted(state, thread);
      else if (event.type === "thread_ended") threadEnded(state, thread);
      else threadFailedToStart(state, thread);
    }
    if (event.type !== "thread_started") this.#endOwner(event.threadId);
    this.#giveOut();
  }

  #endOwner(id: WorkerId): void {
    const state = this.#state;
    state.endedOwners.add(id);
    const owner = state.owners.get(id);
    if (!owner) return;
    state.story.add(id, "ended", state.cause);
    for (const demand of owner.demands.values()) demand.wanted = 0;
    for (const lease of [...owner.leases]) {
      revokeLease(state, lease, "owner_ended");
    }
    forgetDemands(state, owner);
  }

  #placeActor(event: Extract<SchedulerEvent, { type: "actor_requested" }>) {
    requestActor(this.#state, event);
    const actor = this.#state.actors.get(event.actorId);
    if (actor?.state === "waiting") reclaimForAll(this.#state);
  }

  #endActor(event: ActorEvent): void {
    const actor = this.#state.actors.get(event.actorId);
    if (!actor) return;
    endActor(this.#state, actor);
    this.#giveOut();
  }

  #removeGroup(event: GroupRemoved): void {
    const state = this.#state;
    const group = state.groups.get(event.groupId);
    const attempt = state.parts.get(event.groupId)?.part.attempt;
    if (attempt !== undefined) returnBundles(state, { ...event, attempt });
    if (group) removeGroup(state, group);
    else state.removedGroups.add(event.groupId);
    this.#giveOut();
  }

  #tick(event: ClockTicked): void {
    const state = this.#state;
    state.nowMs = Math.max(state.nowMs, event.nowMs);
    if (state.nowMs >= state.startsPausedUntilMs) state.startsPausedUntilMs = 0;
    endReservation(state);
    watchStarving(state);
    if (this.isWaiting()) stopIdleThreadIfFull(state);
    this.#giveOut();
    repeatReclaims(state);
    warnInfeasible(state);
  }

  #giveOut(): void {
    dispatch(this.#state);
    if (this.isWaiting()) reclaimForAll(this.#state);
  }
}

// What can be asked of the scheduler: plain copies for the status, the state
// listings and the tests. They change nothing.

import type {
  ActorId,
  LeaseId,
  PlacementGroupId,
  WorkerId,
} from "../base/ids.ts";
import type { ResourceSet } from "../base/resources.ts";
import { actorNeed, firstActor } from "./actors.ts";
import type { ActorState, LeaseState } from "./records.ts";
import type { SchedulerState } from "./state.ts";

/** Demands of a class, actors that need the same, or a group, waiting. */
export interface PendingView {
  readonly kind: "task" | "actor" | "group";
  readonly resources: ResourceSet;
  /** How many leases, actors or groups are missing. */
  readonly count: number;
  readonly groupId?: PlacementGroupId;
}

export interface LeaseView {
  readonly leaseId: LeaseId;
  readonly owner: WorkerId;
  readonly classKey: string;
  readonly threadId: WorkerId;
  readonly state: LeaseState;
}

export interface ActorView {
  readonly actorId: ActorId;
  readonly owner: WorkerId;
  readonly state: ActorState;
  readonly threadId: WorkerId | undefined;
}

export function availableResources(state: SchedulerState): ResourceSet {
  const { total, available } = state.pool;
  const clamped: Record<string, number> = {};
  for (const name in total) {
    clamped[name] = Math.max(0, available[name] ?? 0);
  }
  return clamped;
}

export function pendingViews(state: SchedulerState): PendingView[] {
  const views: PendingView[] = [];
  for (const { spec, waiting } of state.waitingClasses) {
    const count = waiting.items().reduce(
      (sum, demand) => sum + demand.wanted - demand.held,
      0,
    );
    views.push({ kind: "task", resources: spec.resources, count });
  }
  for (const queue of state.actorQueues.values()) {
    const resources = actorNeed(firstActor(state, queue)!.spec);
    views.push({ kind: "actor", resources, count: queue.actors.size });
  }
  for (const { id, sum } of state.waitingGroups) {
    views.push({ kind: "group", resources: sum, count: 1, groupId: id });
  }
  return views;
}

export function leaseViews(state: SchedulerState): LeaseView[] {
  return Array.from(state.leases.values(), (lease) => ({
    leaseId: lease.id,
    owner: lease.demand.owner.id,
    classKey: lease.demand.classRecord.key,
    threadId: lease.thread.id,
    state: lease.state,
  }));
}

export function actorViews(state: SchedulerState): ActorView[] {
  return Array.from(state.actors.values(), (actor) => ({
    actorId: actor.id,
    owner: actor.owner,
    state: actor.state,
    threadId: actor.state === "waiting" ? undefined : actor.thread.id,
  }));
}

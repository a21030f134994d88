// What can be asked of the scheduler: plain copies for the status, the state
// listings and the tests. They change nothing.

import type {
  ActorId,
  JobId,
  LeaseId,
  PlacementGroupId,
  WorkerId,
} from "../base/ids.ts";
import type { ResourceSet } from "../base/resources.ts";
import { actorNeed, chooseForActor, firstActor } from "./actors.ts";
import type { BundleChoice } from "./bundle_placement.ts";
import { chooseForClass } from "./dispatch.ts";
import { chooseForGroup } from "./groups.ts";
import type { ClassSpec, InfeasibleReason, Isolation } from "./messages.ts";
import type { PoolChoice } from "./pool_choice.ts";
import type {
  ActorState,
  LeaseRecord,
  LeaseState,
  PlacedActor,
} from "./records.ts";
import type { SchedulerState } from "./state.ts";

/** Demands of a class, actors that need the same, or a group, waiting. */
export interface PendingView {
  readonly kind: "task" | "actor" | "group";
  readonly resources: ResourceSet;
  /** How many leases, actors or groups are missing. */
  readonly count: number;
  /** `busy` when it only has to wait; else what no node has. */
  readonly why: "busy" | InfeasibleReason;
  readonly groupId?: PlacementGroupId;
}

/** What an owner wants of a class, and has. */
export interface DemandView {
  readonly owner: WorkerId;
  readonly jobId: JobId;
  readonly classKey: string;
  readonly spec: ClassSpec;
  readonly count: number;
  readonly depth: number;
  /** Those that the owner was told of. */
  readonly leases: readonly LeaseId[];
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

/** Bundles of a group of several nodes that are here, or are to be. */
export interface BundlesView {
  readonly groupId: PlacementGroupId;
  readonly attempt: number;
  readonly isCommitted: boolean;
}

/** A lease or an actor on a thread. */
export interface WorkView {
  readonly owner: WorkerId;
  readonly actorId: ActorId | undefined;
  /** The higher, the later it was given its thread. */
  readonly order: number;
  readonly resources: ResourceSet;
  /** Its tasks must not run again; of actors others know. */
  readonly isOnce: boolean;
}

/** A thread that has not ended, and what is on it. */
export interface ThreadView {
  readonly threadId: WorkerId;
  readonly jobId: JobId;
  readonly isolation: Isolation;
  readonly works: readonly WorkView[];
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
  for (const classRecord of state.waitingClasses) {
    const count = classRecord.waiting.items().reduce(
      (sum, demand) => sum + demand.wanted - demand.held,
      0,
    );
    const { resources } = classRecord.spec;
    const why = whyOf(chooseForClass(state, classRecord));
    views.push({ kind: "task", resources, count, why });
  }
  for (const queue of state.actorQueues.values()) {
    const actor = firstActor(state, queue)!;
    const resources = actorNeed(actor.spec);
    const why = whyOf(chooseForActor(state, actor));
    views.push({ kind: "actor", resources, count: queue.actors.size, why });
  }
  for (const group of state.waitingGroups) {
    const { id: groupId, sum: resources } = group;
    const why = whyOf(chooseForGroup(state, group));
    views.push({ kind: "group", resources, count: 1, why, groupId });
  }
  return views;
}

function whyOf(choice: PoolChoice | BundleChoice): PendingView["why"] {
  return choice.type === "infeasible" ? choice.reason : "busy";
}

export function demandViews({ owners }: SchedulerState): DemandView[] {
  return [...owners.values()].flatMap(({ id: owner, demands, leases }) =>
    Array.from(demands.values(), (demand) => ({
      owner,
      jobId: demand.classRecord.jobId,
      classKey: demand.classRecord.key,
      spec: demand.classRecord.spec,
      count: demand.wanted,
      depth: demand.depth,
      leases: [...leases]
        .filter((lease) =>
          lease.demand === demand && lease.state !== "assigned"
        )
        .map(({ id }) => id),
    }))
  );
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

export function bundlesViews(
  { groups, parts }: SchedulerState,
): BundlesView[] {
  const committed = Array.from(groups.values(), (group) => ({
    groupId: group.id,
    attempt: "attempt" in group ? group.attempt ?? 0 : 0,
    isCommitted: true,
  }));
  const others = Array.from(parts.values(), ({ id: groupId, part }) => (
    { groupId, attempt: part.attempt, isCommitted: false }
  ));
  return [...committed, ...others];
}

export function threadViews(state: SchedulerState): ThreadView[] {
  return Array.from(state.threads.all(), (thread) => ({
    threadId: thread.id,
    jobId: thread.jobId,
    isolation: thread.isolation,
    works: [
      ...Array.from(thread.leases, leaseWork),
      ...Array.from(thread.actors, (id) => actorWork(state, id)),
    ],
  }));
}

function leaseWork({ demand, order }: LeaseRecord): WorkView {
  const { resources, isOnce = false } = demand.classRecord.spec;
  const owner = demand.owner.id;
  return { owner, actorId: undefined, order, resources, isOnce };
}

function actorWork(state: SchedulerState, id: ActorId): WorkView {
  const { owner, order, spec } = state.actors.get(id) as PlacedActor;
  const resources = spec.held;
  return { owner, actorId: id, order, resources, isOnce: false };
}

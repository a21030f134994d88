// What the scheduler is told and what it asks for: events in the past tense,
// actions in the imperative. Plain objects only; nothing here does anything.
// The wiring translates frames into events and performs the actions.

import type {
  ActorId,
  JobId,
  LeaseId,
  NodeId,
  PlacementGroupId,
  WorkerId,
} from "../base/ids.ts";
import type { ResourceSet } from "../base/resources.ts";
import type { UnschedulableReason } from "../protocol/node_messages.ts";

export type { UnschedulableReason };

/** What led to an event; copied to every action that it leads to. */
export type CauseId = string;

/** Labels that a node must have: `v`, `!v`, `in(a,b)` or `!in(a,b)` each. */
export type LabelSelector = Readonly<Record<string, string>>;

/** Where work may go. A group without `bundleIndex` means any bundle. */
export type Strategy =
  | "default"
  | "spread"
  | { readonly nodeId: NodeId; readonly soft: boolean }
  | {
    readonly placementGroup: PlacementGroupId;
    readonly bundleIndex?: number;
  };

/** Whether user code runs in the node's process or in a child of it. */
export type Isolation = "thread" | "process";

/**
 * What all tasks of a scheduling class have in common. Equal class keys must
 * mean equal specs: the scheduler keeps the first one it sees.
 */
export interface ClassSpec {
  readonly resources: ResourceSet;
  readonly strategy: Strategy;
  readonly labelSelector?: LabelSelector;
  readonly isolation: Isolation;
  /** Its tasks have a time limit. */
  readonly isTimed?: boolean;
  /** Its tasks must not run again. */
  readonly isOnce?: boolean;
}

/** What an actor needs. */
export interface ActorSpec {
  /** Must be available at the moment the actor is placed. */
  readonly placement: ResourceSet;
  /** Taken for as long as the actor lives. */
  readonly held: ResourceSet;
  readonly strategy: Strategy;
  readonly labelSelector?: LabelSelector;
}

export type GroupStrategy = "pack" | "spread" | "strictPack" | "strictSpread";

/** What is missing for work that waits: see `warn_infeasible`. */
export type InfeasibleReason = "resources" | "labels" | "nodes" | "group";

interface Caused {
  readonly cause: CauseId;
}

/**
 * The owner wants `count` leases of the class in all, blocked ones included.
 * Setting it again changes nothing. To give leases back for good, lower the
 * count first and return them then, or they are granted anew.
 */
export interface DemandChanged extends Caused {
  readonly type: "demand_changed";
  readonly owner: WorkerId;
  /** Whose code its tasks run: the owner's job, always the same. */
  readonly jobId: JobId;
  readonly classKey: string;
  readonly spec: ClassSpec;
  readonly count: number;
  /** How deeply nested the owner's tasks are; the driver's are 0. */
  readonly depth: number;
}

export interface LeaseEvent extends Caused {
  readonly type: "lease_returned" | "lease_blocked" | "lease_unblocked";
  readonly leaseId: LeaseId;
  /** Of one that is blocked: for want of work, its owner does not answer. */
  readonly isIdle?: true;
}

/** `thread_ended` implies `owner_ended` for what the thread submitted. */
export interface ThreadEvent extends Caused {
  readonly type: "thread_started" | "thread_failed_to_start" | "thread_ended";
  readonly threadId: WorkerId;
}

/** Its leases and demands go; its actors and groups end by their events. */
export interface OwnerEnded extends Caused {
  readonly type: "owner_ended";
  readonly owner: WorkerId;
}

/**
 * The job's driver is gone: threads of the job stop when they are idle.
 * `job_forgotten` says that nothing of it will ever come again.
 */
export interface JobEvent extends Caused {
  readonly type: "job_ended" | "job_forgotten";
  readonly jobId: JobId;
}

export interface ActorRequested extends Caused {
  readonly type: "actor_requested";
  readonly actorId: ActorId;
  readonly owner: WorkerId;
  readonly jobId: JobId;
  readonly spec: ActorSpec;
  readonly isolation: Isolation | "shared";
}

/** Both end the actor whatever its state; the second before it was placed. */
export interface ActorEvent extends Caused {
  readonly type: "actor_ended" | "actor_cancelled";
  readonly actorId: ActorId;
}

export interface GroupRequested extends Caused {
  readonly type: "group_requested";
  readonly groupId: PlacementGroupId;
  readonly bundles: readonly ResourceSet[];
  readonly strategy: GroupStrategy;
  readonly labelSelector?: LabelSelector;
}

export interface GroupRemoved extends Caused {
  readonly type: "group_removed";
  readonly groupId: PlacementGroupId;
}

/**
 * The head wants bundles of a group here: they are set aside as soon as there
 * is room, which `answer_bundles` tells. A new attempt ends the one before.
 */
export interface BundlesWanted extends Caused {
  readonly type: "bundles_wanted";
  readonly groupId: PlacementGroupId;
  readonly attempt: number;
  /** By their numbers in the group. */
  readonly bundles: readonly (readonly [index: number, ResourceSet])[];
}

/** Of an attempt: its bundles can be used, or are wanted no more. */
export interface BundlesSettled extends Caused {
  readonly type: "bundles_committed" | "bundles_returned";
  readonly groupId: PlacementGroupId;
  readonly attempt: number;
}

/** The only source of time. Needed while `isWaiting()`, at any interval. */
export interface ClockTicked extends Caused {
  readonly type: "clock_ticked";
  readonly nowMs: number;
}

/** Everything that the scheduler can be told. */
export type SchedulerEvent =
  | DemandChanged
  | LeaseEvent
  | ThreadEvent
  | OwnerEnded
  | JobEvent
  | ActorRequested
  | ActorEvent
  | GroupRequested
  | GroupRemoved
  | BundlesWanted
  | BundlesSettled
  | ClockTicked;

export type ThreadKind = "task" | "actor" | "shared";

/** Answered by `thread_started` or `thread_failed_to_start`. */
export interface StartThread extends Caused {
  readonly type: "start_thread";
  readonly threadId: WorkerId;
  readonly kind: ThreadKind;
  readonly isolation: Isolation;
  /** The only job whose code it will run. */
  readonly jobId: JobId;
}

/** Answered by `thread_ended`. */
export interface StopThread extends Caused {
  readonly type: "stop_thread";
  readonly threadId: WorkerId;
}

export interface GrantLease extends Caused {
  readonly type: "grant_lease";
  readonly leaseId: LeaseId;
  readonly owner: WorkerId;
  readonly classKey: string;
  readonly threadId: WorkerId;
  /** The bundle it draws from, when it is in a placement group. */
  readonly bundleIndex?: number;
  /** The node's numbers of the GPUs that go with it, if any. */
  readonly gpus?: readonly number[];
}

/** Asks the owner to return the lease as soon as its running task ends. */
export interface ReclaimLease extends Caused {
  readonly type: "reclaim_lease";
  readonly leaseId: LeaseId;
  readonly owner: WorkerId;
  /** Whose thread is to lend it out if idle: the owner has not answered. */
  readonly unanswered?: WorkerId;
}

/**
 * The lease is over. What runs under it must be stopped, unless its thread
 * has ended; the owner must be told, unless it is the owner that has ended.
 */
export interface RevokeLease extends Caused {
  readonly type: "revoke_lease";
  readonly leaseId: LeaseId;
  readonly owner: WorkerId;
  readonly threadId: WorkerId;
  readonly reason: "owner_ended" | "thread_ended" | "group_removed";
}

export interface PlaceActor extends Caused {
  readonly type: "place_actor";
  readonly actorId: ActorId;
  readonly threadId: WorkerId;
  readonly bundleIndex?: number;
  readonly gpus?: readonly number[];
}

/** The scheduler has forgotten the actor, wherever it was. */
export interface FailActor extends Caused {
  readonly type: "fail_actor";
  readonly actorId: ActorId;
  readonly owner: WorkerId;
  readonly reason: UnschedulableReason;
}

/** The demand is forgotten; leases that it has already are not touched. */
export interface FailDemand extends Caused {
  readonly type: "fail_demand";
  readonly owner: WorkerId;
  readonly classKey: string;
  readonly reason: UnschedulableReason;
}

/** Said once per subject when nothing could hold it for ten seconds. */
export interface WarnInfeasible extends Caused {
  readonly type: "warn_infeasible";
  readonly subject:
    | { readonly classKey: string; readonly owner: WorkerId }
    | { readonly actorId: ActorId; readonly owner: WorkerId }
    | { readonly groupId: PlacementGroupId };
  readonly reason: InfeasibleReason;
  readonly needed: ResourceSet;
  /** What is missing of `needed`, in units; empty for other reasons. */
  readonly lacking: ResourceSet;
}

/** Every bundle of the group is set aside; `nodeIds` has one per bundle. */
export interface ConfirmGroup extends Caused {
  readonly type: "confirm_group";
  readonly groupId: PlacementGroupId;
  readonly nodeIds: readonly NodeId[];
}

/** The scheduler has too many groups and did not take this one. */
export interface FailGroup extends Caused {
  readonly type: "fail_group";
  readonly groupId: PlacementGroupId;
  readonly reason: UnschedulableReason;
}

/** The bundles of the attempt are set aside, or never can be here. */
export interface AnswerBundles extends Caused {
  readonly type: "answer_bundles";
  readonly groupId: PlacementGroupId;
  readonly attempt: number;
  readonly isPrepared: boolean;
}

/** Everything that the scheduler can ask for. */
export type SchedulerAction =
  | StartThread
  | StopThread
  | GrantLease
  | ReclaimLease
  | RevokeLease
  | PlaceActor
  | FailActor
  | FailDemand
  | WarnInfeasible
  | ConfirmGroup
  | FailGroup
  | AnswerBundles;

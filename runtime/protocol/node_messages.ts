// What a thread with user code and its node's thread say to one another: one
// union per direction. Tasks are never spoken of here, only leases.
// docs/protocol.md describes the exchanges; change both together.

import type {
  ActorId,
  JobId,
  LeaseId,
  NodeId,
  PlacementGroupId,
  WorkerId,
} from "../base/ids.ts";
import type { ResourceSet } from "../base/resources.ts";
import type { TaskEvents } from "./task_events.ts";
import type { ThreadTasks } from "./thread_tasks.ts";
import type { WireError } from "./wire_error.ts";
import type {
  WireArguments,
  WireCode,
  WireEnvironment,
  WireStrategy,
} from "./messages.ts";

/** What a task or actor needs to be placed, and where it may be. */
export interface WireClass {
  readonly key: string;
  readonly resources: ResourceSet;
  readonly strategy: WireStrategy;
  readonly labelSelector?: Readonly<Record<string, string>>;
  /** In a child process, not in a thread of the node's own. */
  readonly isolation?: "process";
  /** Its tasks have a time limit. */
  readonly isTimed?: boolean;
  /** Its tasks must not run again. */
  readonly isOnce?: boolean;
}

/** Everything needed to make an actor, again if it must be restarted. */
export interface WireActor {
  readonly actorId: ActorId;
  readonly className: string;
  readonly code: WireCode;
  readonly args: WireArguments;
  readonly name?: string;
  readonly namespace: string;
  readonly getIfExists: boolean;
  readonly detached: boolean;
  readonly isolation: "thread" | "process" | "shared";
  /** Needed to be placed, and held while it lives. */
  readonly placement: ResourceSet;
  readonly held: ResourceSet;
  readonly strategy: WireStrategy;
  readonly labelSelector?: Readonly<Record<string, string>>;
  readonly maxRestarts: number;
  readonly maxConcurrency: number;
  readonly concurrencyGroups: Readonly<Record<string, number>>;
  /** What handles need: its methods and how they are called. */
  readonly interface: WireActorInterface;
  readonly environment?: WireEnvironment;
}

/** What an actor is called, and where. */
export interface ActorName {
  readonly name: string;
  readonly namespace: string;
}

/** What a handle needs to know; travels with handles. */
export interface WireActorInterface {
  readonly className: string;
  readonly name?: string;
  readonly methods: readonly WireMethod[];
  readonly maxTaskRetries: number;
  readonly maxPendingCalls: number;
  /** The actor's concurrency groups; absent if it has none. */
  readonly concurrencyGroups?: readonly string[];
}

/** A method and how it is called unless the caller says otherwise. */
export interface WireMethod {
  readonly name: string;
  /** It is a generator: calls give streams. */
  readonly streaming: boolean;
  readonly returns: number;
  readonly backpressure: number;
  readonly timeoutMs?: number;
  readonly maxTaskRetries: number;
  /** All errors, none, or those with these names. */
  readonly retryExceptions: boolean | readonly string[];
  readonly concurrencyGroup?: string;
  /** How many arguments it takes, where that is fixed. */
  readonly arity?: readonly [least: number, most: number];
}

// -- Thread to node ----------------------------------------------------------

export type ToNode =
  | {
    readonly type: "demand_change";
    readonly schedulingClass: WireClass;
    readonly count: number;
    /** How deep the submitting tasks are nested; 0 in a driver. */
    readonly depth: number;
  }
  | { readonly type: "lease_return"; readonly leaseId: LeaseId }
  | {
    readonly type: "lease_block";
    readonly leaseId: LeaseId;
    /** It has no work, and its owner does not answer. */
    readonly isIdle?: true;
  }
  /** What ran under a lease that is over has ended. */
  | { readonly type: "lease_left"; readonly leaseId: LeaseId }
  | { readonly type: "lease_unblock"; readonly leaseId: LeaseId }
  | { readonly type: "link_request"; readonly peer: WorkerId }
  /** A driver or a child of the same job has sent what is no message. */
  | {
    readonly type: "peer_broken";
    readonly peer: WorkerId;
    readonly error: WireError;
  }
  | {
    readonly type: "memory_given";
    /** What the thread alone holds, where the runtime can tell. */
    readonly usedBytes?: number;
    readonly isCollected: boolean;
    /** Others rely on objects or actors of the thread. */
    readonly isNeeded: boolean;
  }
  /** The thread makes an actor: its registration comes, or its failure. */
  | {
    readonly type: "actor_announce";
    readonly actorId: ActorId;
    readonly named?: ActorName;
  }
  | { readonly type: "actor_register"; readonly actor: WireActor }
  /** The thread wants to hear of the actor's state, now and later. */
  | { readonly type: "actor_watch"; readonly actorId: ActorId }
  | { readonly type: "actor_hold"; readonly actorId: ActorId }
  | { readonly type: "actor_drop"; readonly actorId: ActorId }
  | {
    readonly type: "actor_kill";
    readonly actorId: ActorId;
    readonly noRestart: boolean;
  }
  /** These tell which life they mean: a later one may have begun. */
  | {
    readonly type: "actor_constructed";
    readonly actorId: ActorId;
    readonly incarnation: number;
  }
  | {
    readonly type: "actor_construction_failed";
    readonly actorId: ActorId;
    readonly incarnation: number;
    readonly error: WireError;
  }
  /** The actor ended by itself: `exitActor()`, or nobody holds it. */
  | {
    readonly type: "actor_exited";
    readonly actorId: ActorId;
    readonly incarnation: number;
  }
  | {
    readonly type: "group_create";
    readonly groupId: PlacementGroupId;
    readonly bundles: readonly ResourceSet[];
    readonly strategy: "pack" | "spread" | "strictPack" | "strictSpread";
    readonly name?: string;
    readonly detached: boolean;
  }
  | { readonly type: "group_remove"; readonly groupId: PlacementGroupId }
  /** Ends a thread at once, for a task that must stop. */
  | {
    readonly type: "thread_kill";
    readonly workerId: WorkerId;
    readonly reason: string;
  }
  /** User code asked its thread to exit, or broke it. */
  | { readonly type: "thread_exiting"; readonly reason: WireError }
  | { readonly type: "output"; readonly lines: readonly OutputLine[] }
  /** A driver ends and wants what its threads have not given yet. */
  | { readonly type: "output_wanted" }
  /** The answer of a thread that was asked for its output: it gave all. */
  | { readonly type: "output_given" }
  | { readonly type: "task_events"; readonly events: TaskEvents }
  /** The answer to `tasks_wanted`, after the events that the thread had. */
  | { readonly type: "tasks_given"; readonly tasks: ThreadTasks };

/** One line that user code printed. */
export interface OutputLine {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
  /** Name of the task, or class of the actor, that printed it. */
  readonly source: string;
  /** The task's number, which tells equal lines apart; not for actors. */
  readonly task?: number;
}

/** Why something can never be placed (`TaskUnschedulableError` and kin). */
export const UNSCHEDULABLE_REASONS = [
  "node_unknown",
  "node_too_small",
  "node_labels_differ",
  "group_removed",
  "bundle_unknown",
  "bundle_too_small",
  "thread_start_failed",
  "limit_reached",
] as const;
export type UnschedulableReason = typeof UNSCHEDULABLE_REASONS[number];

// -- Node to thread ----------------------------------------------------------

export type FromNode =
  | {
    readonly type: "lease_grant";
    readonly classKey: string;
    readonly leaseId: LeaseId;
    readonly threadId: WorkerId;
    /** The GPUs that go with it, if any; to be told with its tasks. */
    readonly gpuIds?: readonly string[];
  }
  | { readonly type: "lease_reclaim"; readonly leaseId: LeaseId }
  /** For the executor: the owner has not answered; is there any work? */
  | { readonly type: "lease_unanswered"; readonly leaseId: LeaseId }
  /** The lease is gone with its placement group. */
  | {
    readonly type: "lease_revoke";
    readonly leaseId: LeaseId;
    readonly error: WireError;
  }
  /** For the executor: what runs under the lease must stop. */
  | {
    readonly type: "lease_over";
    readonly leaseId: LeaseId;
    readonly error: WireError;
  }
  | {
    readonly type: "demand_fail";
    readonly classKey: string;
    readonly error: WireError;
    /** The scheduler's word for it. */
    readonly reason: UnschedulableReason;
  }
  | {
    readonly type: "actor_registered";
    readonly actorId: ActorId;
    /** Another actor has the name and was asked for (`getIfExists`). */
    readonly existing?: ActorId;
    readonly error?: WireError;
  }
  | {
    readonly type: "actor_state";
    readonly actorId: ActorId;
    readonly state: "PENDING_CREATION" | "ALIVE" | "RESTARTING" | "DEAD";
    readonly threadId?: WorkerId;
    /** Counts the times it was constructed. */
    readonly incarnation: number;
    readonly error?: WireError;
  }
  | {
    readonly type: "actor_start";
    readonly actor: WireActor;
    readonly incarnation: number;
    /** The GPUs that it has while it lives, if any. */
    readonly gpuIds?: readonly string[];
  }
  /** Nobody holds the actor any more: end when its calls are done. */
  | { readonly type: "actor_retire"; readonly actorId: ActorId }
  /** The actor is dead; a shared thread forgets it. */
  | { readonly type: "actor_stop"; readonly actorId: ActorId }
  /** Before the `worker_ended` of threads of the same node. */
  | {
    readonly type: "objects_lost";
    /** The last copies of these objects of the thread are gone. */
    readonly numbers: readonly number[];
    readonly reason: WireError;
  }
  | {
    readonly type: "worker_ended";
    readonly workerId: WorkerId;
    readonly reason: WireError;
  }
  | {
    readonly type: "output";
    readonly lines: readonly OutputLine[];
    readonly origin: OutputOrigin;
  }
  /** The driver ends: the thread gives all that it holds back. */
  | { readonly type: "output_wanted" }
  /** For the driver: no more output comes, or none in time. */
  | { readonly type: "output_given" }
  /** The thread says what memory it holds, maybe without its garbage. */
  | { readonly type: "memory_wanted"; readonly collect: boolean }
  /** Somebody lists tasks: the thread sends its events and what it knows. */
  | { readonly type: "tasks_wanted" }
  | { readonly type: "warning"; readonly text: string };

/** Where lines of output come from. */
export interface OutputOrigin {
  readonly pid: number;
  readonly thread: WorkerId;
  readonly node: NodeId;
}

/** What a thread is told when it starts. */
export interface SessionIdentity {
  readonly jobId: JobId;
  readonly nodeId: NodeId;
  readonly workerId: WorkerId;
  readonly namespace: string;
}

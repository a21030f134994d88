// The shapes of what the scheduler knows: threads, owners, classes, demands,
// leases, actors and groups, with the table of each one's states. Types and
// tables only; the fields that may change are changed from `handle()` alone.

import type {
  ActorId,
  JobId,
  LeaseId,
  PlacementGroupId,
  WorkerId,
} from "../base/ids.ts";
import type { ResourceSet } from "../base/resources.ts";
import type { GpuShare } from "./gpu_table.ts";
import type { HeapItem, IndexedHeap } from "./indexed_heap.ts";
import type { LabelTest } from "./label_selector.ts";
import type {
  ActorRequested,
  ActorSpec,
  ClassSpec,
  GroupRequested,
  Isolation,
  ThreadKind,
} from "./messages.ts";
import type { ResourcePool } from "./resource_pool.ts";

/** A thread's life. `stopping`: it takes nothing and has not ended yet. */
export const THREAD_TRANSITIONS = {
  starting: ["running", "stopping", "ended"],
  running: ["stopping", "ended"],
  stopping: ["ended"],
  ended: [],
} as const;
export type ThreadState = keyof typeof THREAD_TRANSITIONS;

/**
 * What a task thread can take. `free`: anything, nothing is on it.
 * `reusable`: anything, all on it is blocked. `open`: leases below 1 CPU.
 * `packed`: nothing, small leases fill it. `whole`: nothing, it has a lease
 * of 1 CPU or more.
 */
export type Room = "free" | "reusable" | "open" | "packed" | "whole";

/** A thread that runs user code, or a child process with one such thread. */
export interface ThreadRecord {
  readonly id: WorkerId;
  readonly kind: ThreadKind;
  readonly isolation: Isolation;
  readonly jobId: JobId;
  state: ThreadState;
  /** Leases on it, blocked ones included; task threads only. */
  readonly leases: Set<LeaseRecord>;
  /** Leases that are not blocked, those of 1 CPU or more, their CPU. */
  activeCount: number;
  wholeCount: number;
  activeCpuUnits: number;
  /** Its place in the table's sets; nothing when it takes no leases. */
  room: Room | undefined;
  /** Actors on it: one for kind "actor", many for "shared". */
  readonly actors: Set<ActorId>;
}

/** A lease's life. `assigned`: its thread is still starting. */
export const LEASE_TRANSITIONS = {
  assigned: ["granted", "ended"],
  granted: ["blocked", "ended"],
  blocked: ["granted", "ended"],
  ended: [],
} as const;
export type LeaseState = keyof typeof LEASE_TRANSITIONS;

/** An actor's life here. `placing`: its thread is still starting. */
export const ACTOR_TRANSITIONS = {
  waiting: ["placing", "placed", "ended"],
  placing: ["placed", "waiting", "ended"], // back: the thread did not start
  placed: ["ended"],
  ended: [],
} as const;
export type ActorState = keyof typeof ACTOR_TRANSITIONS;

/** A placement group's life here. */
export const GROUP_TRANSITIONS = {
  waiting: ["created", "prepared", "ended"],
  prepared: ["created", "ended"], // bundles of a group of several nodes
  created: ["ended"],
  ended: [],
} as const;
export type GroupState = keyof typeof GROUP_TRANSITIONS;

/** A thread that submits, as long as it has a demand or a lease. */
export interface OwnerRecord {
  readonly id: WorkerId;
  /** Leases that it has, blocked and assigned ones included. */
  held: number;
  /** Those lent out since it does not answer: it gets no more meanwhile. */
  parked: number;
  /** All and only demands that want or hold something, by class key. */
  readonly demands: Map<string, DemandRecord>;
  readonly leases: Set<LeaseRecord>;
}

/** A scheduling class, as long as somebody has a demand of it. */
export interface ClassRecord {
  /** Its key among all jobs. */
  readonly id: string;
  /** Its key within its job, as owners say it. */
  readonly key: string;
  readonly jobId: JobId;
  readonly spec: ClassSpec;
  readonly labels: readonly LabelTest[];
  readonly cpuUnits: number;
  /** Demands of this class, waiting or not. */
  demandCount: number;
  /** All and only demands of the class with `wanted > held`. */
  readonly waiting: IndexedHeap<DemandRecord>;
  /** Since when nothing could ever hold it; set by the first tick. */
  infeasibleSinceMs: number | undefined;
}

/** What one owner wants of one class. */
export interface DemandRecord extends HeapItem {
  readonly owner: OwnerRecord;
  readonly classRecord: ClassRecord;
  wanted: number;
  depth: number;
  /** Leases that the owner has for it, whatever their state. */
  held: number;
  /** Those of them that are not blocked. */
  active: number;
  /** When it began to wait or last had a lease, as a sequence number. */
  arrival: number;
  /** Since when it waits with nothing active; set by a tick. */
  starvingSinceMs: number | undefined;
  /** It starves for so long that it goes before all others. */
  aged: boolean;
  /** The thread it was on last: it has the code loaded. */
  recentThread: ThreadRecord | undefined;
}

/** The right of an owner to run one task at a time on a thread. */
export interface LeaseRecord {
  readonly id: LeaseId;
  readonly demand: DemandRecord;
  readonly pool: ResourcePool;
  readonly gpus: readonly GpuShare[];
  /** The higher, the later: among leases and placed actors. */
  readonly order: number;
  state: LeaseState;
  thread: ThreadRecord;
  grantedAtMs: number;
  /** Who its owner was asked to return it for, and when that was said. */
  reclaimedFor: object | undefined;
  reclaimedAtMs: number;
  /** It took its CPU back without asking, so there may be too little. */
  wasBlocked: boolean;
  /** Blocked for want of work, and counted as such with its owner. */
  isParked: boolean;
}

interface ActorBase {
  readonly id: ActorId;
  readonly owner: WorkerId;
  readonly jobId: JobId;
  readonly spec: ActorSpec;
  readonly isolation: ActorRequested["isolation"];
  readonly labels: readonly LabelTest[];
  /** Threads that were started for it and did not come up. */
  readonly failedStarts: number;
}

/** An actor: it has a thread and resources unless it waits. */
export type ActorRecord =
  | ActorBase & { readonly state: "waiting"; readonly queue: ActorQueue }
  | ActorBase & {
    readonly state: "placing" | "placed";
    /** See `LeaseRecord.order`. */
    readonly order: number;
    readonly thread: ThreadRecord;
    readonly pool: ResourcePool;
    readonly gpus: readonly GpuShare[];
  };
export type WaitingActor = Extract<ActorRecord, { state: "waiting" }>;
export type PlacedActor = Exclude<ActorRecord, { state: "waiting" }>;

/** Waiting actors that need the same, so that one look tells for all. */
export interface ActorQueue {
  readonly key: string;
  /** In the order they came; never empty while the queue is known. */
  readonly actors: Set<ActorId>;
  waitingSinceMs: number | undefined;
  infeasibleSinceMs: number | undefined;
}

interface GroupBase {
  readonly id: PlacementGroupId;
  readonly request: GroupRequested;
  readonly labels: readonly LabelTest[];
  /** All of its bundles together. */
  readonly sum: ResourceSet;
}
/** Which bundles of a group are here, and who has asked for them when. */
export interface GroupPart {
  readonly attempt: number;
  readonly indices: readonly number[];
}
export interface WaitingGroup extends GroupBase {
  readonly state: "waiting";
  /** Of a group of several nodes. */
  readonly part?: GroupPart;
  waitingSinceMs: number | undefined;
  infeasibleSinceMs: number | undefined;
}
export interface CreatedGroup extends GroupBase {
  readonly state: "created";
  /** One per bundle; their resources are taken from the node's pool. */
  readonly pools: readonly ResourcePool[];
  /** The GPUs of each bundle, taken from the node's pool as well. */
  readonly gpus: readonly (readonly GpuShare[])[];
  /** The latest that was committed, when others of its bundles are elsewhere. */
  readonly attempt?: number;
}
/** Set aside, for nobody's use until all nodes of the group have theirs. */
export interface PreparedGroup extends GroupBase {
  readonly state: "prepared";
  readonly part: GroupPart;
  readonly pools: readonly ResourcePool[];
  readonly gpus: readonly (readonly GpuShare[])[];
}
/** Bundles that are not committed. */
export type PartRecord =
  | WaitingGroup & { readonly part: GroupPart }
  | PreparedGroup;
export type GroupRecord = WaitingGroup | CreatedGroup;

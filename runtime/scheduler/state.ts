// All that the scheduler knows, in one object: the records of `records.ts`,
// found by id and by what they wait for. Changed only from `handle()`, and
// only along the edges of the tables.

import { InvariantError } from "../base/errors.ts";
import type {
  ActorId,
  JobId,
  LeaseId,
  NodeId,
  PlacementGroupId,
  WorkerId,
} from "../base/ids.ts";
import { IDS_REMEMBERED_MAX, STORY_ENTRIES_MAX } from "../base/limits.ts";
import type { ResourceSet } from "../base/resources.ts";
import type { SchedulerAction } from "./messages.ts";
import type { NodeView } from "./placement.ts";
import { RecentSet } from "./recent_set.ts";
import type {
  ActorQueue,
  ActorRecord,
  ClassRecord,
  GroupRecord,
  LeaseRecord,
  OwnerRecord,
  PartRecord,
  WaitingGroup,
} from "./records.ts";
import { ResourcePool } from "./resource_pool.ts";
import { Story } from "./story.ts";
import { ThreadTable } from "./thread_table.ts";

/** Room that is kept for something large, so that it is met some day. */
export interface Reservation {
  /** The demand, actor queue or group that it is for. */
  readonly waiter: object;
  readonly pool: ResourcePool;
  readonly need: ResourceSet;
  /** Deeper demands are let through: what it waits for may need them. */
  readonly depth: number;
  readonly untilMs: number;
}

/** All that the scheduler knows. */
export interface SchedulerState {
  readonly nodeId: NodeId;
  readonly nodes: readonly NodeView[];
  readonly pool: ResourcePool;
  readonly threads: ThreadTable;
  readonly newThreadId: () => WorkerId;
  readonly owners: Map<WorkerId, OwnerRecord>;
  /** By the classes' ids. */
  readonly classes: Map<string, ClassRecord>;
  /** All and only classes with a waiting demand. */
  readonly waitingClasses: Set<ClassRecord>;
  readonly leases: Map<LeaseId, LeaseRecord>;
  /** All and only leases that are assigned or granted. */
  readonly activeLeases: Set<LeaseRecord>;
  /** All and only leases that are assigned, oldest first. */
  readonly assignedLeases: Set<LeaseRecord>;
  readonly actors: Map<ActorId, ActorRecord>;
  readonly actorQueues: Map<string, ActorQueue>;
  readonly groups: Map<PlacementGroupId, GroupRecord>;
  /** Bundles that the head wants here and has not committed. */
  readonly parts: Map<PlacementGroupId, PartRecord>;
  /** All and only groups, and bundles, that wait. */
  readonly waitingGroups: Set<WaitingGroup>;
  readonly endedOwners: RecentSet<WorkerId>;
  /** Jobs whose drivers are gone and of which something may still come. */
  readonly endedJobs: Set<JobId>;
  readonly removedGroups: RecentSet<PlacementGroupId>;
  /** Classes and actor shapes that a warning was given for. */
  readonly warned: RecentSet<string>;
  readonly story: Story;
  reservation: Reservation | undefined;
  /** How long the next reservation lasts, and when it may begin. */
  reservationMs: number;
  reservationFromMs: number;
  /** Who room was kept for last: others are next. */
  reservedRecently: object | undefined;
  /** No thread is started before this time: starting failed lately. */
  startsPausedUntilMs: number;
  leaseCount: number;
  /** Leases and actors that were given a thread. */
  placementCount: number;
  arrivalCount: number;
  nowMs: number;
  cause: string;
  actions: SchedulerAction[];
}

export interface SchedulerOptions {
  readonly nodeId: NodeId;
  readonly total: ResourceSet;
  readonly labels?: Readonly<Record<string, string>>;
  /** Gives a new id for each thread that is to be started. */
  readonly newThreadId: () => WorkerId;
}

/** The state of a node on which nothing runs. */
export function newState(options: SchedulerOptions): SchedulerState {
  const pool = new ResourcePool(options.total);
  const node: NodeView = {
    nodeId: options.nodeId,
    isLocal: true,
    labels: options.labels ?? {},
    total: pool.total,
    available: pool.available,
  };
  return {
    nodeId: options.nodeId,
    nodes: [node],
    pool,
    threads: new ThreadTable(options.total["CPU"] ?? 0),
    newThreadId: options.newThreadId,
    owners: new Map(),
    classes: new Map(),
    waitingClasses: new Set(),
    leases: new Map(),
    activeLeases: new Set(),
    assignedLeases: new Set(),
    actors: new Map(),
    actorQueues: new Map(),
    groups: new Map(),
    parts: new Map(),
    waitingGroups: new Set(),
    endedOwners: new RecentSet(IDS_REMEMBERED_MAX),
    endedJobs: new Set(),
    removedGroups: new RecentSet(IDS_REMEMBERED_MAX),
    warned: new RecentSet(IDS_REMEMBERED_MAX),
    story: new Story(STORY_ENTRIES_MAX),
    reservation: undefined,
    reservationMs: 0,
    reservationFromMs: 0,
    reservedRecently: undefined,
    startsPausedUntilMs: 0,
    leaseCount: 0,
    placementCount: 0,
    arrivalCount: 0,
    nowMs: 0,
    cause: "",
    actions: [],
  };
}

/** Notes a change of state, or throws when the table has no such edge. */
export function checkEdge<Name extends string>(
  state: SchedulerState,
  table: Readonly<Record<Name, readonly string[]>>,
  change: { readonly id: string; readonly from: Name; readonly to: Name },
): void {
  const { id, from, to } = change;
  if (!table[from].includes(to)) {
    throw new InvariantError(
      `Cannot move ${id} from ${from} to ${to}: there is no such edge`,
      { details: { story: state.story.of(id) } },
    );
  }
  state.story.add(id, `${from} → ${to}`, state.cause);
}

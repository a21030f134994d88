// What a node's spreading of demand is told and what it asks for: events in the
// past tense, actions in the imperative. Plain objects only. The wiring turns
// envelopes into events, and actions into envelopes or events of the scheduler.

import type {
  JobId,
  LeaseId,
  NodeId,
  PlacementGroupId,
  WorkerId,
} from "../../base/ids.ts";
import type { ResourceSet } from "../../base/resources.ts";
import type {
  ClassSpec,
  InfeasibleReason,
  UnschedulableReason,
} from "../messages.ts";

/** A node as it was last reported. */
export interface ReportedNode {
  readonly nodeId: NodeId;
  readonly state: "alive" | "draining" | "dead";
  readonly total: ResourceSet;
  readonly available: ResourceSet;
  readonly labels: Readonly<Record<string, string>>;
  /** Leases, actors and groups that wait at it. */
  readonly waiting: number;
}

interface OwnedDemand {
  readonly owner: WorkerId;
  readonly jobId: JobId;
  readonly classKey: string;
  readonly spec: ClassSpec;
  /** Leases that are wanted in all; setting it again changes nothing. */
  readonly count: number;
  readonly depth: number;
}

/** An owner of this node wants so many leases, wherever they are. */
export interface DemandWanted extends OwnedDemand {
  readonly type: "demand_wanted";
  /** Nodes that have its large arguments, the best first: they go first. */
  readonly near?: readonly NodeId[];
}

/** What an owner has wanted of the own scheduler while there was no other. */
export interface DemandAdopted extends OwnedDemand {
  readonly type: "demand_adopted";
  /** Those that it was granted and has not returned. */
  readonly leases: readonly LeaseId[];
}

/** A lease came for an owner of this node; its id tells from where. */
export interface LeaseGranted {
  readonly type: "lease_granted";
  readonly leaseId: LeaseId;
  readonly owner: WorkerId;
  readonly classKey: string;
}

/** `returning`: to be said, and done, before its node is told of it. */
export interface LeaseOver {
  readonly type: "lease_returning" | "lease_gone";
  readonly leaseId: LeaseId;
}

/** Those of which something has changed; the own one may be among them. */
export interface ViewsChanged {
  readonly type: "views_changed";
  readonly views: readonly ReportedNode[];
}

export interface NodeGone {
  readonly type: "node_gone";
  readonly nodeId: NodeId;
}

export interface OwnerGone {
  readonly type: "owner_ended";
  readonly owner: WorkerId;
}

/** A node's scheduler has refused its share and forgotten it. */
export interface DemandFailed {
  readonly type: "demand_failed";
  readonly owner: WorkerId;
  readonly classKey: string;
  readonly nodeId: NodeId;
  readonly reason: UnschedulableReason;
}

/** Where a group's bundles are now, the answer to `locate_group`. */
export interface GroupLocated {
  readonly type: "group_located";
  readonly groupId: PlacementGroupId;
  /** By their numbers; one without a node is being placed anew. */
  readonly bundles: readonly {
    readonly nodeId: NodeId | undefined;
    readonly resources: ResourceSet;
  }[];
}

export interface GroupGone {
  readonly type: "group_gone";
  readonly groupId: PlacementGroupId;
}

/** The only source of time. Needed while `isWaiting`, at any interval. */
export interface SpreadTick {
  readonly type: "clock_ticked";
  readonly nowMs: number;
}

/** Everything that the spreading can be told. */
export type SpreadEvent =
  | DemandWanted
  | DemandAdopted
  | LeaseGranted
  | LeaseOver
  | ViewsChanged
  | NodeGone
  | OwnerGone
  | DemandFailed
  | GroupLocated
  | GroupGone
  | SpreadTick;

/** The node's scheduler is to know that the owner wants so many of it. */
export interface SetDemand extends OwnedDemand {
  readonly type: "set_demand";
  readonly nodeId: NodeId;
}

/** The owner is told that its demand can never be met; it is forgotten. */
export interface FailSpread {
  readonly type: "fail_demand";
  readonly owner: WorkerId;
  readonly classKey: string;
  readonly reason: UnschedulableReason;
}

/** Said once per class, when no node could hold it for ten seconds. */
export interface WarnSpread {
  readonly type: "warn_infeasible";
  readonly subject: { readonly classKey: string; readonly owner: WorkerId };
  readonly reason: InfeasibleReason;
  readonly needed: ResourceSet;
  readonly lacking: ResourceSet;
}

/** The head is asked where the group is, and tells of every change. */
export interface LocateGroup {
  readonly type: "locate_group";
  readonly groupId: PlacementGroupId;
}

/** Everything that the spreading can ask for. */
export type SpreadAction = SetDemand | FailSpread | WarnSpread | LocateGroup;

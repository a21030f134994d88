// What the head's placing of actors and groups is told and what it asks for:
// events in the past tense, actions in the imperative. Plain objects only. The
// wiring turns messages of nodes into events, and actions into messages.

import type {
  ActorId,
  JobId,
  NodeId,
  PlacementGroupId,
  WorkerId,
} from "../../base/ids.ts";
import type { ResourceSet } from "../../base/resources.ts";
import type {
  ActorSpec,
  GroupStrategy,
  InfeasibleReason,
  Isolation,
  LabelSelector,
  UnschedulableReason,
} from "../messages.ts";
import type {
  GroupLocated,
  NodeGone,
  SpreadTick,
  ViewsChanged,
} from "./messages.ts";

interface AskedActor {
  readonly actorId: ActorId;
  readonly owner: WorkerId;
  readonly jobId: JobId;
  readonly spec: ActorSpec;
  readonly isolation: Isolation | "shared";
}

/** It needs a place; one that had a place and is restarted, a new one. */
export interface ActorWanted extends AskedActor {
  readonly type: "actor_requested";
  /** The node of who made it, which is tried first. */
  readonly near?: NodeId;
}

export interface ActorPlacedAt {
  readonly type: "actor_placed_at";
  readonly actorId: ActorId;
  readonly nodeId: NodeId;
  readonly threadId: WorkerId;
  readonly gpuIds?: readonly string[];
}

/** The node's scheduler has refused it, and forgotten it. */
export interface ActorNotPlaced {
  readonly type: "actor_not_placed";
  readonly actorId: ActorId;
  readonly nodeId: NodeId;
  readonly reason: UnschedulableReason;
}

/** It needs its place no more, whether it has one yet or not. */
export interface ActorReleased {
  readonly type: "actor_released";
  readonly actorId: ActorId;
}

export interface GroupWanted {
  readonly type: "group_requested";
  readonly groupId: PlacementGroupId;
  readonly bundles: readonly ResourceSet[];
  readonly strategy: GroupStrategy;
  readonly labelSelector?: LabelSelector;
}

export interface GroupUnwanted {
  readonly type: "group_removed";
  readonly groupId: PlacementGroupId;
}

/** A node has set aside what `prepare_bundles` named, or never can. */
export interface BundlesPrepared {
  readonly type: "bundles_prepared";
  readonly groupId: PlacementGroupId;
  readonly nodeId: NodeId;
  readonly attempt: number;
  readonly isPrepared: boolean;
}

/** It has its place already: this head was started again. */
export interface ActorFound extends Omit<ActorWanted, "type" | "near"> {
  readonly type: "actor_found";
  readonly nodeId: NodeId;
}

/** The same of a group; bundles without a node are to be placed anew. */
export interface GroupFound extends Omit<GroupWanted, "type"> {
  readonly type: "group_found";
  readonly nodes: readonly (NodeId | undefined)[];
  /** Of the latest attempt. */
  readonly attempt: number;
}

/** Everything that the placing can be told. */
export type PlacementEvent =
  | ActorWanted
  | ActorPlacedAt
  | ActorNotPlaced
  | ActorReleased
  | GroupWanted
  | GroupUnwanted
  | ActorFound
  | GroupFound
  | BundlesPrepared
  | ViewsChanged
  | NodeGone
  | SpreadTick;

/** The node answers with `actor_placed_at` or `actor_not_placed`. */
export interface RequestActor extends AskedActor {
  readonly type: "request_actor";
  readonly nodeId: NodeId;
}

/** Whether or not it has a thread there. */
export interface ReleaseActor {
  readonly type: "release_actor";
  readonly nodeId: NodeId;
  readonly actorId: ActorId;
}

/** The actor has its place: its constructor can be called. */
export interface PlaceActorAt extends Omit<ActorPlacedAt, "type"> {
  readonly type: "place_actor";
}

/** The actor is forgotten, wherever it was. */
export interface FailActorAt {
  readonly type: "fail_actor";
  readonly actorId: ActorId;
  readonly owner: WorkerId;
  readonly reason: UnschedulableReason;
}

/** The node sets bundles aside as soon as it can, and answers then. */
export interface PrepareBundles {
  readonly type: "prepare_bundles";
  readonly nodeId: NodeId;
  readonly groupId: PlacementGroupId;
  readonly attempt: number;
  /** By their numbers in the group. */
  readonly bundles: readonly (readonly [index: number, ResourceSet])[];
}

/** `commit`: they can be used. `return`: they are wanted no more. */
export interface SettleBundles {
  readonly type: "commit_bundles" | "return_bundles";
  readonly nodeId: NodeId;
  readonly groupId: PlacementGroupId;
  readonly attempt: number;
}

/** All of the group that is on the node goes, with what runs in it. */
export interface RemoveGroupAt {
  readonly type: "remove_group";
  readonly nodeId: NodeId;
  readonly groupId: PlacementGroupId;
}

/** For the first time every bundle of the group is set aside. */
export interface ConfirmGroupAt {
  readonly type: "confirm_group";
  readonly groupId: PlacementGroupId;
  readonly nodeIds: readonly NodeId[];
}

/** There are too many groups. */
export interface FailGroupAt {
  readonly type: "fail_group";
  readonly groupId: PlacementGroupId;
  readonly reason: UnschedulableReason;
}

/** Nodes that have asked where the group is are to know. */
export interface TellGroupPlace extends Omit<GroupLocated, "type"> {
  readonly type: "tell_group_place";
}

/** Said once per subject, when no node could hold it for ten seconds. */
export interface WarnPlacement {
  readonly type: "warn_infeasible";
  readonly subject:
    | { readonly actorId: ActorId; readonly owner: WorkerId }
    | { readonly groupId: PlacementGroupId };
  readonly reason: InfeasibleReason;
  readonly needed: ResourceSet;
  readonly lacking: ResourceSet;
}

/** Everything that the placing can ask for. */
export type PlacementAction =
  | RequestActor
  | ReleaseActor
  | PlaceActorAt
  | FailActorAt
  | PrepareBundles
  | SettleBundles
  | RemoveGroupAt
  | ConfirmGroupAt
  | FailGroupAt
  | TellGroupPlace
  | WarnPlacement;

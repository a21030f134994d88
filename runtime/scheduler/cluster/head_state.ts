// What the head knows of the places of actors and groups: the records, and the
// table of states of each. Changed only from `ClusterPlacement.handle()`.

import { InvariantError } from "../../base/errors.ts";
import type { ActorId, NodeId, PlacementGroupId } from "../../base/ids.ts";
import { addResources, type ResourceSet } from "../../base/resources.ts";
import type { LabelTest } from "../label_selector.ts";
import type { RecentSet } from "../recent_set.ts";
import type {
  ActorWanted,
  GroupWanted,
  PlacementAction,
} from "./head_messages.ts";
import type { ClusterNode, NodeTable, Sent } from "./node_table.ts";

/** Where an actor is to be. `asked`: a node was, and has not answered. */
export const ACTOR_PLACE_TRANSITIONS = {
  unplaced: ["asked", "ended"],
  asked: ["placed", "unplaced", "ended"],
  placed: ["ended"],
  ended: [],
} as const;
export type ActorPlaceState = keyof typeof ACTOR_PLACE_TRANSITIONS;

/** Where a group is to be. */
export const GROUP_PLACE_TRANSITIONS = {
  waiting: ["preparing", "ended"],
  preparing: ["created", "waiting", "ended"],
  created: ["broken", "ended"],
  broken: ["repairing", "ended"],
  repairing: ["created", "broken", "ended"],
  ended: [],
} as const;
export type GroupPlaceState = keyof typeof GROUP_PLACE_TRANSITIONS;

/** An actor and where it is. */
export class ActorPlace implements Sent {
  readonly request: ActorWanted;
  readonly labels: readonly LabelTest[];
  /** What must be free where it is placed. */
  readonly wanted: ResourceSet;
  state: ActorPlaceState = "unplaced";
  node: ClusterNode | undefined;
  fresh = 0;
  /** Nodes that have refused it, and how often that was. */
  readonly refusals = new Set<NodeId>();
  /** Since when no node was asked, or the one that was has not answered. */
  waitingSinceMs: number | undefined;
  /** It is left where it waits until then; longer with every move. */
  settledUntilMs = 0;
  settleMs: number;
  isNamed = false;

  constructor(
    request: ActorWanted,
    { labels, wanted, settleMs }: {
      readonly labels: readonly LabelTest[];
      readonly wanted: ResourceSet;
      readonly settleMs: number;
    },
  ) {
    this.request = request;
    this.labels = labels;
    this.wanted = wanted;
    this.settleMs = settleMs;
  }

  /** What it takes of its node for as long as it is there. */
  get need(): ResourceSet {
    return this.request.spec.held;
  }

  get unmet(): number {
    return this.state === "asked" ? 1 : 0;
  }
}

/** What one node was asked to set aside for a group. */
export class BundleAsk implements Sent {
  readonly node: ClusterNode;
  readonly need: ResourceSet;
  readonly indices: readonly number[];
  isPrepared = false;
  fresh = 0;

  constructor(
    node: ClusterNode,
    indices: readonly number[],
    bundles: readonly ResourceSet[],
  ) {
    this.node = node;
    this.indices = indices;
    this.need = indices
      .map((index) => bundles[index]!)
      .reduce(addResources, {});
  }

  get unmet(): number {
    return this.isPrepared ? 0 : 1;
  }
}

/** A group and where its bundles are. */
export interface GroupPlace {
  readonly request: GroupWanted;
  readonly labels: readonly LabelTest[];
  readonly sum: ResourceSet;
  /** Equal for groups that are placed alike. */
  readonly shape: string;
  state: GroupPlaceState;
  /** By bundle: the node that has it for good, if there is one. */
  readonly nodes: (ClusterNode | undefined)[];
  /** What is being set aside. */
  asks: readonly BundleAsk[];
  /** Tells late answers. */
  attempt: number;
  /** Every bundle was there once. */
  isConfirmed: boolean;
  /** Nodes may take their time: they make room by and by. */
  isPatient: boolean;
  /** When what was asked for is given up; set by a tick. */
  givenUpAtMs: number | undefined;
  /** Attempts that have led to nothing, one after the other. */
  failures: number;
  /** No new attempt before this time. */
  pausedUntilMs: number;
  infeasibleSinceMs: number | undefined;
  /** Its actors. */
  readonly actors: Set<ActorPlace>;
}

/** All that the head knows of places. */
export interface PlacementState {
  readonly table: NodeTable;
  readonly actors: Map<ActorId, ActorPlace>;
  /** All and only actors that are unplaced. */
  readonly unplaced: Set<ActorPlace>;
  /** All and only actors that are asked. */
  readonly asked: Set<ActorPlace>;
  /** By node: CPU that its actors took to be placed and do not hold. */
  readonly hosted: Map<ClusterNode, number>;
  readonly groups: Map<PlacementGroupId, GroupPlace>;
  /** All and only groups that are broken or waiting, the broken ones first. */
  readonly broken: Set<GroupPlace>;
  readonly waiting: Set<GroupPlace>;
  /** All and only groups that are being prepared or repaired. */
  readonly preparing: Set<GroupPlace>;
  readonly removedGroups: RecentSet<PlacementGroupId>;
  /** The only group for which nodes make room, so that no two block. */
  patient: GroupPlace | undefined;
  readonly warned: RecentSet<string>;
  lastServed: ClusterNode | undefined;
  attemptCount: number;
  nowMs: number;
  actions: PlacementAction[];
}

/** Moves along an edge of a table, or throws when there is none. */
export function checkPlaceEdge<Name extends string>(
  table: Readonly<Record<Name, readonly string[]>>,
  change: { readonly id: string; readonly from: Name; readonly to: Name },
): void {
  const { id, from, to } = change;
  if (table[from].includes(to)) return;
  throw new InvariantError(
    `Cannot move ${id} from ${from} to ${to}: there is no such edge`,
  );
}

// What a node knows of the demands of its owners: how many leases each wants,
// and which node was asked for how many of them. The steps by which that
// changes; when they are taken is decided elsewhere.

import type {
  JobId,
  LeaseId,
  NodeId,
  PlacementGroupId,
  WorkerId,
} from "../../base/ids.ts";
import type { ResourceSet } from "../../base/resources.ts";
import type { LabelTest } from "../label_selector.ts";
import type { ClassSpec, UnschedulableReason } from "../messages.ts";
import type { RecentSet } from "../recent_set.ts";
import type { GroupLocated, SpreadAction } from "./messages.ts";
import {
  type ClusterNode,
  type NodeTable,
  noteSent,
  noteTakenBack,
  type Sent,
} from "./node_table.ts";

/** What a node was asked for of a demand. */
export class Share implements Sent {
  readonly demand: SpreadDemand;
  readonly node: ClusterNode;
  readonly need: ResourceSet;
  /** What it is asked for: never less than what is held of it. */
  count = 0;
  /** Its leases that the owner has. */
  held = 0;
  /** What it was told. */
  told = 0;
  toldDepth = 0;
  fresh = 0;
  /** Since when nothing has come of it; set by the next tick. */
  waitingSinceMs: number | undefined;
  /** It gave nothing though it seemed to have room, or refused. */
  avoidedUntilMs = 0;

  constructor(demand: SpreadDemand, node: ClusterNode) {
    this.demand = demand;
    this.node = node;
    this.need = demand.spec.resources;
  }

  get unmet(): number {
    return this.count - this.held;
  }
}

/** What one owner wants of one class. */
export interface SpreadDemand {
  readonly owner: WorkerId;
  readonly jobId: JobId;
  readonly classKey: string;
  readonly spec: ClassSpec;
  readonly labels: readonly LabelTest[];
  near: readonly NodeId[];
  wanted: number;
  depth: number;
  /** All leases that the owner has for it. */
  held: number;
  /** All that nodes are asked for. */
  asked: number;
  /** What no node is asked for: none could hold it. */
  unplaced: number;
  readonly shares: Map<NodeId, Share>;
  /** Since when it has no lease at all, set by a tick, and for how long. */
  starvingSinceMs: number | undefined;
  starvingMs: number;
  /** What waits is left where it is until then; longer with every move. */
  settledUntilMs: number;
  settleMs: number;
  /** Since when some of it was given to no node. */
  unplacedSinceMs: number | undefined;
  /** It was looked at whether any node could ever hold it. */
  isNamed: boolean;
}

/** A lease of an owner of this node. */
interface HeldLease {
  readonly owner: WorkerId;
  readonly classKey: string;
}

/** All that the spreading knows. */
export interface SpreadState {
  readonly ownId: NodeId;
  readonly table: NodeTable;
  readonly owners: Map<WorkerId, Map<string, SpreadDemand>>;
  readonly endedOwners: RecentSet<WorkerId>;
  readonly leases: Map<LeaseId, HeldLease>;
  /** All and only demands that want more than they hold. */
  readonly waiting: Set<SpreadDemand>;
  /** Where groups are; `asked` for those that the head was asked about. */
  readonly groups: Map<PlacementGroupId, GroupLocated["bundles"] | "asked">;
  readonly removedGroups: RecentSet<PlacementGroupId>;
  readonly warned: RecentSet<string>;
  /** The node that was given something by turns last. */
  lastServed: ClusterNode | undefined;
  nowMs: number;
  /** Shares that may have changed since their nodes were told. */
  readonly touched: Set<Share>;
  /** Shares that have begun to wait, or to wait anew, since the last tick. */
  readonly unseen: Set<Share>;
  actions: SpreadAction[];
}

/** Whether there is no node but the own one. */
export function isAlone(state: SpreadState): boolean {
  return state.table.size === 1;
}

export function shareAt(demand: SpreadDemand, node: ClusterNode): Share {
  let share = demand.shares.get(node.nodeId);
  if (!share) {
    share = new Share(demand, node);
    demand.shares.set(node.nodeId, share);
  }
  return share;
}

/** Asks a node for more. */
export function raise(state: SpreadState, share: Share, count: number): void {
  if (count === 0) return;
  share.count += count;
  share.demand.asked += count;
  beginWaiting(state, share);
  noteSent(share.node, share, count);
  state.touched.add(share);
}

/** Something has just come of it, or more is asked for. */
export function beginWaiting({ unseen }: SpreadState, share: Share): void {
  share.waitingSinceMs = undefined;
  unseen.add(share);
}

/** Asks a node for less; what is held of it is not touched. */
export function lower(state: SpreadState, share: Share, count: number): number {
  const taken = Math.min(count, share.unmet);
  if (taken === 0) return 0;
  share.count -= taken;
  share.demand.asked -= taken;
  noteTakenBack(share.node, share, taken);
  state.touched.add(share);
  return taken;
}

/** Takes back what waits, what no node has first, then the largest part. */
export function lowerAny(
  state: SpreadState,
  demand: SpreadDemand,
  count: number,
): void {
  const unplaced = Math.min(count, demand.unplaced);
  demand.unplaced -= unplaced;
  let left = count - unplaced;
  while (left > 0) {
    let most: Share | undefined;
    for (const share of demand.shares.values()) {
      if (share.unmet > (most?.unmet ?? 0)) most = share;
    }
    if (!most) return;
    left -= lower(state, most, left);
  }
}

/** What every owner wants. */
export function* allDemands(state: SpreadState): Iterable<SpreadDemand> {
  for (const demands of state.owners.values()) yield* demands.values();
}

/** How much more is asked for than is wanted, or less. */
export function excess(demand: SpreadDemand): number {
  const target = Math.max(demand.wanted, demand.held);
  return demand.asked + demand.unplaced - target;
}

/** Notes whether the demand waits for anything. */
export function noteWaiting(state: SpreadState, demand: SpreadDemand): void {
  if (demand.asked + demand.unplaced > demand.held) {
    return void state.waiting.add(demand);
  }
  demand.starvingSinceMs = undefined;
  state.waiting.delete(demand);
}

/** The owner is told that the demand cannot be met; it is forgotten. */
export function failDemand(
  state: SpreadState,
  demand: SpreadDemand,
  reason: UnschedulableReason,
): void {
  const { owner, classKey } = demand;
  demand.wanted = 0;
  lowerAny(state, demand, Math.max(0, excess(demand)));
  state.actions.push({ type: "fail_demand", owner, classKey, reason });
}

/** Tells the nodes what has changed for them, less before more. */
export function tellNodes(state: SpreadState): void {
  const raised: Share[] = [];
  for (const share of state.touched) {
    if (share.count > share.told) raised.push(share);
    else if (isUntold(share)) tellNode(state, share);
    if (share.count === 0 && share.avoidedUntilMs <= state.nowMs) {
      share.demand.shares.delete(share.node.nodeId);
    }
  }
  for (const share of raised) tellNode(state, share);
  state.touched.clear();
}

/** Its node ranks by depth only what waits there. */
function isUntold({ count, told, unmet, toldDepth, demand }: Share): boolean {
  return count !== told || (unmet > 0 && toldDepth !== demand.depth);
}

function tellNode(state: SpreadState, share: Share): void {
  const { demand, node, count } = share;
  const { owner, jobId, classKey, spec, depth } = demand;
  share.told = count;
  share.toldDepth = depth;
  state.actions.push({
    type: "set_demand",
    nodeId: node.nodeId,
    owner,
    jobId,
    classKey,
    spec,
    count,
    depth,
  });
}

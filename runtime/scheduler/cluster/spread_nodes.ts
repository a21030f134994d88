// Nodes that join, report, drain and die, and groups whose bundles move: what
// waited at them, or for them, is asked for elsewhere.

import type { PlacementGroupId } from "../../base/ids.ts";
import { nodeOfLease } from "../../base/ids.ts";
import type { GroupLocated, ReportedNode } from "./messages.ts";
import type { ClusterNode } from "./node_table.ts";
import { moveWaiting } from "./spread_moves.ts";
import { place, placeUnplaced } from "./spread_places.ts";
import {
  allDemands,
  excess,
  failDemand,
  isAlone,
  lower,
  noteWaiting,
  type SpreadDemand,
  type SpreadState,
} from "./spread_state.ts";

/** Takes reports in; what waits goes where there is room now. */
export function takeReports(
  state: SpreadState,
  views: readonly ReportedNode[],
): void {
  const { table } = state;
  const wasAlone = isAlone(state);
  const { gone, isChanged } = table.report(views);
  table.refreshOwn();
  if (gone.length > 0) loseNodes(state, gone);
  if (isAlone(state)) return;
  if (wasAlone) {
    for (const demand of allDemands(state)) noteWaiting(state, demand);
  }
  if (isChanged) replace(state);
  moveWaiting(state);
}

/** Their leases are over, and what they were asked for goes elsewhere. */
export function loseNodes(
  state: SpreadState,
  gone: readonly ClusterNode[],
): void {
  const ids = new Set(gone.map(({ nodeId }) => nodeId));
  for (const leaseId of state.leases.keys()) {
    if (ids.has(nodeOfLease(leaseId))) state.leases.delete(leaseId);
  }
  state.table.refreshOwn();
  for (const demand of allDemands(state)) {
    for (const nodeId of ids) {
      const share = demand.shares.get(nodeId);
      if (!share) continue;
      demand.shares.delete(nodeId);
      demand.held -= share.held;
      demand.asked -= share.count;
    }
    place(state, demand, -excess(demand));
    if (demand.unplaced > 0) placeUnplaced(state, demand);
    noteWaiting(state, demand);
  }
}

/** Where a group's bundles are: what waits for it goes there. */
export function locateGroup(
  state: SpreadState,
  { groupId, bundles }: GroupLocated,
): void {
  if (state.removedGroups.has(groupId)) return;
  state.groups.set(groupId, bundles);
  for (const demand of demandsIn(state, groupId)) {
    for (const share of [...demand.shares.values()]) {
      demand.unplaced += lower(state, share, share.unmet);
    }
    placeUnplaced(state, demand);
  }
}

/** The group was removed: nothing can run in it any more. */
export function loseGroup(state: SpreadState, groupId: PlacementGroupId): void {
  state.groups.delete(groupId);
  state.removedGroups.add(groupId);
  for (const demand of demandsIn(state, groupId)) {
    if (demand.wanted > 0) failDemand(state, demand, "group_removed");
    noteWaiting(state, demand);
  }
}

/** A node joined, or takes nothing new: much may have another place. */
function replace(state: SpreadState): void {
  for (const demand of [...state.waiting]) {
    if (mayLeave(demand)) {
      for (const share of [...demand.shares.values()]) {
        if (share.node.isOpen) continue;
        demand.unplaced += lower(state, share, share.unmet);
      }
    }
    if (demand.unplaced > 0) placeUnplaced(state, demand);
  }
}

/** Whether it may go elsewhere when its node takes nothing new. */
function mayLeave({ spec: { strategy } }: SpreadDemand): boolean {
  if (typeof strategy === "string") return true;
  return "soft" in strategy && strategy.soft;
}

function* demandsIn(
  state: SpreadState,
  groupId: PlacementGroupId,
): Iterable<SpreadDemand> {
  for (const demand of allDemands(state)) {
    const { strategy } = demand.spec;
    if (typeof strategy !== "object") continue;
    if (!("placementGroup" in strategy)) continue;
    if (strategy.placementGroup === groupId) yield demand;
  }
}

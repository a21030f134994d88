// Where a demand may go, and asking the nodes there for it: those with room
// first; what finds no room waits at one node, whose scheduler is fair to it.

import { fits, NO_RESOURCES, type ResourceSet } from "../../base/resources.ts";
import { labelsMatch } from "../label_selector.ts";
import type { InfeasibleReason, UnschedulableReason } from "../messages.ts";
import { leastLacking } from "../placement.ts";
import { type ClusterNode, roomFor } from "./node_table.ts";
import { type Seat, type Split, splitEvenly, splitPacked } from "./split.ts";
import {
  failDemand,
  isAlone,
  noteWaiting,
  raise,
  shareAt,
  type SpreadDemand,
  type SpreadState,
} from "./spread_state.ts";

/** `later`: where it may go is not known yet. */
export type Places =
  | { readonly type: "seats"; readonly seats: readonly Seat[] }
  | { readonly type: "later" }
  | {
    readonly type: "infeasible";
    readonly reason: InfeasibleReason;
    readonly lacking: ResourceSet;
  }
  | { readonly type: "never"; readonly reason: UnschedulableReason };

/** The nodes that could ever hold the demand, with the room they have now. */
export function placesFor(
  state: SpreadState,
  demand: SpreadDemand,
  count: number,
): Places {
  const { strategy } = demand.spec;
  if (typeof strategy === "object") {
    if ("placementGroup" in strategy) {
      return placesInGroup(state, demand, strategy);
    }
    const named = placeAtNode(state, demand, { ...strategy, count });
    if (named) return named;
  }
  return placesAnywhere(state, demand, count);
}

/** Asks nodes for more of the demand; they get what they have room for. */
export function place(
  state: SpreadState,
  demand: SpreadDemand,
  count: number,
): void {
  if (count <= 0) return;
  if (isAlone(state)) return raiseOwn(state, demand, count);
  const places = placesFor(state, demand, count);
  if (places.type === "never") return failDemand(state, demand, places.reason);
  if (places.type !== "seats") {
    demand.unplaced += count;
    return;
  }
  const { seats } = places;
  let left = count;
  for (const [node, taken] of splitFor(state, demand, { seats, count })) {
    raise(state, shareAt(demand, node), taken);
    left -= taken;
  }
  const node = waitingPlace(seats, demand.spec.resources);
  raise(state, shareAt(demand, node), left);
}

/** Gives again to nodes what no node is asked for. */
export function placeUnplaced(state: SpreadState, demand: SpreadDemand): void {
  const count = demand.unplaced;
  demand.unplaced = 0;
  place(state, demand, count);
  noteWaiting(state, demand);
}

/** How many each of the seats takes by the demand's strategy. */
export function splitFor(
  state: SpreadState,
  demand: SpreadDemand,
  { seats, count }: {
    readonly seats: readonly Seat[];
    readonly count: number;
  },
): Split {
  const { strategy, resources: need } = demand.spec;
  if (strategy === "spread") {
    const { split, last } = splitEvenly(seats, count, state.lastServed);
    state.lastServed = last;
    return split;
  }
  if (typeof strategy === "object" && "placementGroup" in strategy) {
    return splitInOrder(seats, count);
  }
  return splitPacked(seats, { need, count });
}

/** The own node if it could hold it, else the largest, least waited for. */
function waitingPlace(seats: readonly Seat[], need: ResourceSet): ClusterNode {
  const [first] = seats;
  let best = first!.node;
  if (best.isLocal) return best;
  const sizeOf = ({ total }: ClusterNode) =>
    roomFor({ available: total }, need, Number.MAX_SAFE_INTEGER);
  for (const { node } of seats) {
    if (node.isLocal) return node;
    const larger = sizeOf(node) - sizeOf(best);
    if (larger > 0 || (larger === 0 && node.waiting < best.waiting)) {
      best = node;
    }
  }
  return best;
}

function splitInOrder(seats: readonly Seat[], count: number): Split {
  const split: Split = new Map();
  let left = count;
  for (const { node, room } of seats) {
    const taken = Math.min(left, room);
    if (taken > 0) split.set(node, taken);
    left -= taken;
  }
  return split;
}

function raiseOwn(state: SpreadState, demand: SpreadDemand, count: number) {
  const own = state.table.get(state.ownId)!;
  raise(state, shareAt(demand, own), count);
}

/** Nothing where a soft wish cannot be met. */
function placeAtNode(
  { table }: SpreadState,
  { labels, spec: { resources } }: SpreadDemand,
  { nodeId, soft, count }: {
    readonly nodeId: ClusterNode["nodeId"];
    readonly soft: boolean;
    readonly count: number;
  },
): Places | undefined {
  const node = table.get(nodeId);
  if (soft && !node?.isOpen) return undefined;
  if (!node) {
    if (table.isDead(nodeId)) return { type: "never", reason: "node_unknown" };
    return { type: "later" };
  }
  const reason = !labelsMatch(node.labels, labels)
    ? "node_labels_differ"
    : !fits(node.total, resources)
    ? "node_too_small"
    : undefined;
  if (reason) return soft ? undefined : { type: "never", reason };
  const room = roomFor(node, resources, count);
  return { type: "seats", seats: [{ node, room }] };
}

function placesAnywhere(
  state: SpreadState,
  demand: SpreadDemand,
  count: number,
): Places {
  const { resources } = demand.spec;
  const matching = nodesInOrder(state, demand).filter((node) =>
    node.isOpen && labelsMatch(node.labels, demand.labels)
  );
  if (matching.length === 0) {
    return { type: "infeasible", reason: "labels", lacking: NO_RESOURCES };
  }
  const able = matching.filter((node) => fits(node.total, resources));
  if (able.length === 0) {
    const lacking = leastLacking(matching, resources);
    return { type: "infeasible", reason: "resources", lacking };
  }
  const liked = able.filter((node) => !isAvoided(state, demand, node));
  const seats = (liked.length > 0 ? liked : able).map((node) => ({
    node,
    room: roomFor(node, resources, count),
  }));
  return { type: "seats", seats };
}

/** Those that are near its arguments come first. */
function nodesInOrder(
  { table }: SpreadState,
  { near }: SpreadDemand,
): readonly ClusterNode[] {
  if (near.length === 0) return table.order;
  const first = near.flatMap((nodeId) => table.get(nodeId) ?? []);
  return [...new Set([...first, ...table.order])];
}

function isAvoided(
  { nowMs }: SpreadState,
  { shares }: SpreadDemand,
  { nodeId }: ClusterNode,
): boolean {
  return (shares.get(nodeId)?.avoidedUntilMs ?? 0) > nowMs;
}

function placesInGroup(
  state: SpreadState,
  demand: SpreadDemand,
  { placementGroup: groupId, bundleIndex }: {
    readonly placementGroup: Parameters<SpreadState["groups"]["get"]>[0];
    readonly bundleIndex?: number;
  },
): Places {
  if (state.removedGroups.has(groupId)) {
    return { type: "never", reason: "group_removed" };
  }
  const bundles = state.groups.get(groupId);
  if (bundles === undefined) {
    state.groups.set(groupId, "asked");
    state.actions.push({ type: "locate_group", groupId });
  }
  if (bundles === undefined || bundles === "asked") {
    return { type: "later" };
  }
  const named = bundleIndex === undefined
    ? bundles
    : bundles.slice(bundleIndex, bundleIndex + 1);
  if (named.length === 0) return { type: "never", reason: "bundle_unknown" };
  const { resources: need } = demand.spec;
  const able = named.filter(({ resources }) => fits(resources, need));
  if (able.length === 0) return { type: "never", reason: "bundle_too_small" };
  // What others have in the bundles is not known here.
  const rooms = new Map<ClusterNode, number>();
  for (const { nodeId, resources } of able) {
    const node = nodeId && state.table.get(nodeId);
    if (!node) continue;
    const room = roomFor({ available: { ...resources } }, need, 1_000_000);
    rooms.set(node, (rooms.get(node) ?? 0) + room);
  }
  if (rooms.size === 0) return { type: "later" };
  const seats = [...rooms].map(([node, room]): Seat => {
    const asked = demand.shares.get(node.nodeId)?.count ?? 0;
    return { node, room: Math.max(0, room - asked) };
  });
  return { type: "seats", seats };
}

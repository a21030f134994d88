// Which node an actor would go to: near who made it, packed up to half, then
// where least is in use; in its group's bundles if it has one. Looks only.

import type { NodeId, PlacementGroupId } from "../../base/ids.ts";
import { fits } from "../../base/resources.ts";
import { labelsMatch } from "../label_selector.ts";
import type { UnschedulableReason } from "../messages.ts";
import { usedShare } from "../placement.ts";
import type { ActorPlace, PlacementState } from "./head_state.ts";
import { type ClusterNode, roomFor } from "./node_table.ts";

/** A node is filled up to this share before actors go elsewhere. */
const PACKED_SHARE = 0.5;

/** `fits`: there is room, or else it would wait there. */
export type ActorChoice =
  | {
    readonly type: "node";
    readonly node: ClusterNode;
    readonly fits: boolean;
  }
  | { readonly type: "none" }
  | { readonly type: "never"; readonly reason: UnschedulableReason };

/** The group that it is to be in. */
export function groupOf({ request }: ActorPlace): PlacementGroupId | undefined {
  const { strategy } = request.spec;
  if (typeof strategy !== "object") return undefined;
  return "placementGroup" in strategy ? strategy.placementGroup : undefined;
}

/** Whether it can be nowhere else. */
export function isBound({ request }: ActorPlace): boolean {
  const { strategy } = request.spec;
  if (typeof strategy === "string") return false;
  return !("soft" in strategy && strategy.soft);
}

/** The node that the actor would be asked for now. */
export function chooseForActor(
  state: PlacementState,
  actor: ActorPlace,
): ActorChoice {
  const { strategy } = actor.request.spec;
  if (typeof strategy === "object") {
    if ("placementGroup" in strategy) {
      return chooseInGroup(state, actor, strategy);
    }
    const named = chooseNamed(state, actor, strategy);
    if (named.type === "node" || !strategy.soft) return named;
  }
  const nodes = nodesInOrder(state, actor).filter((node) =>
    node.isOpen && !actor.refusals.has(node.nodeId) &&
    labelsMatch(node.labels, actor.labels) && fits(node.total, actor.wanted)
  );
  if (nodes.length === 0) return { type: "none" };
  const open = nodes.filter((node) => roomFor(node, actor.wanted, 1) > 0);
  if (open.length === 0) {
    return { type: "node", node: leastWaiting(state, nodes), fits: false };
  }
  const node = strategy === "spread"
    ? nextOf(state, open)
    : packed(state, open);
  return { type: "node", node, fits: true };
}

function chooseNamed(
  { table }: PlacementState,
  { wanted, labels, refusals }: ActorPlace,
  { nodeId, soft }: { readonly nodeId: NodeId; readonly soft: boolean },
): ActorChoice {
  const node = table.get(nodeId);
  if (!node || (soft && (!node.isOpen || refusals.has(nodeId)))) {
    return { type: "never", reason: "node_unknown" };
  }
  if (!labelsMatch(node.labels, labels)) {
    return { type: "never", reason: "node_labels_differ" };
  }
  if (!fits(node.total, wanted)) {
    return { type: "never", reason: "node_too_small" };
  }
  return { type: "node", node, fits: roomFor(node, wanted, 1) > 0 };
}

function chooseInGroup(
  state: PlacementState,
  { wanted, need }: ActorPlace,
  { placementGroup, bundleIndex }: {
    readonly placementGroup: PlacementGroupId;
    readonly bundleIndex?: number;
  },
): ActorChoice {
  const group = state.groups.get(placementGroup);
  // Its request may come later, by another thread's link.
  if (!group) return { type: "none" };
  const { bundles } = group.request;
  const named = bundleIndex === undefined
    ? [...bundles.keys()]
    : bundles[bundleIndex]
    ? [bundleIndex]
    : [];
  if (named.length === 0) return { type: "never", reason: "bundle_unknown" };
  const able = named.filter((index) => fits(bundles[index]!, wanted));
  if (able.length === 0) return { type: "never", reason: "bundle_too_small" };
  // As many as each node's bundles hold, less those that are there already.
  const rooms = new Map<ClusterNode, number>();
  for (const index of able) {
    const node = group.nodes[index];
    if (!node) continue;
    const free = { ...bundles[index]! };
    rooms.set(
      node,
      (rooms.get(node) ?? 0) + roomFor({ available: free }, need, 1_000),
    );
  }
  for (const { node } of group.actors) {
    if (node && rooms.has(node)) rooms.set(node, rooms.get(node)! - 1);
  }
  let best: ClusterNode | undefined;
  for (const [node, room] of rooms) {
    if (!best || (rooms.get(best)! <= 0 && room > rooms.get(best)!)) {
      best = node;
    }
  }
  return best ? { type: "node", node: best, fits: true } : { type: "none" };
}

function nodesInOrder(
  { table }: PlacementState,
  { request: { near } }: ActorPlace,
): readonly ClusterNode[] {
  const first = near && table.get(near);
  if (!first || first === table.order[0]) return table.order;
  return [first, ...table.order.filter((node) => node !== first)];
}

/** The first ones up to half, then wherever least is in use. */
function packed(
  state: PlacementState,
  nodes: readonly ClusterNode[],
): ClusterNode {
  let least = nodes[0]!;
  let leastShare = Infinity;
  for (const node of nodes) {
    const share = loadShare(state, node);
    if (share < PACKED_SHARE) return node;
    if (share < leastShare) [least, leastShare] = [node, share];
  }
  return least;
}

/** Actors count even if they hold nothing: all would go to one node. */
function loadShare({ hosted }: PlacementState, node: ClusterNode): number {
  const total = node.total["CPU"] ?? 0;
  const used = usedShare(node);
  if (total === 0) return used;
  const cpu = total - (node.available["CPU"] ?? 0) + (hosted.get(node) ?? 0);
  return Math.max(used, cpu / total);
}

/** By turns, round the ring of nodes. */
function nextOf(
  state: PlacementState,
  nodes: readonly ClusterNode[],
): ClusterNode {
  const { order } = state.table;
  const able = new Set(nodes);
  const from = 1 + (state.lastServed ? order.indexOf(state.lastServed) : -1);
  for (let step = 0; step < order.length; step++) {
    const node = order[(from + step) % order.length]!;
    if (able.has(node)) return state.lastServed = node;
  }
  return nodes[0]!;
}

function leastWaiting(
  state: PlacementState,
  nodes: readonly ClusterNode[],
): ClusterNode {
  let least = nodes[0]!;
  let leastShare = loadShare(state, least) + least.waiting;
  for (const node of nodes) {
    const share = loadShare(state, node) + node.waiting;
    if (share < leastShare) [least, leastShare] = [node, share];
  }
  return least;
}

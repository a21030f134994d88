// Placement policies: which node of a list takes a piece of work. Pure
// functions of what is known about the nodes; they reserve nothing and know
// neither threads nor leases. With one node in the list they say whether.

import type { NodeId } from "../base/ids.ts";
import {
  fits,
  lackingResources,
  NO_RESOURCES,
  type ResourceSet,
} from "../base/resources.ts";
import { labelsMatch, type LabelTest } from "./label_selector.ts";
import type {
  InfeasibleReason,
  Strategy,
  UnschedulableReason,
} from "./messages.ts";

/** What a policy knows about a node. */
export interface NodeView {
  readonly nodeId: NodeId;
  readonly isLocal: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly total: ResourceSet;
  /** May be below 0 while more runs than there is room for. */
  readonly available: ResourceSet;
}

/** Strategies that name no placement group. */
export type NodeStrategy = Exclude<
  Strategy,
  { readonly placementGroup: unknown }
>;

export interface PlacementRequest {
  readonly resources: ResourceSet;
  readonly strategy: NodeStrategy;
  readonly labels: readonly LabelTest[];
}

/** `busy`: the node could take it, but not now. */
export type NodeChoice =
  | { readonly type: "fits" | "busy"; readonly node: NodeView }
  | {
    readonly type: "infeasible";
    readonly reason: InfeasibleReason;
    readonly lacking: ResourceSet;
  }
  | { readonly type: "never"; readonly reason: UnschedulableReason };

/** A node is filled up to this share before work goes elsewhere. */
const PACKED_SHARE_MAX = 0.5;

/** Chooses the node for one task or actor. */
export function chooseNode(
  nodes: readonly NodeView[],
  request: PlacementRequest,
): NodeChoice {
  const { strategy } = request;
  if (typeof strategy === "object") {
    const choice = chooseNamed(nodes, request, strategy);
    if (choice.type !== "never" || !strategy.soft) return choice;
  }
  const matching = nodes.filter((node) =>
    labelsMatch(node.labels, request.labels)
  );
  if (matching.length === 0) {
    return { type: "infeasible", reason: "labels", lacking: NO_RESOURCES };
  }
  const able = matching.filter((node) => fits(node.total, request.resources));
  if (able.length === 0) {
    const lacking = leastLacking(matching, request.resources);
    return { type: "infeasible", reason: "resources", lacking };
  }
  const open = able.filter((node) => fits(node.available, request.resources));
  if (open.length === 0) return { type: "busy", node: localFirst(able) };
  const node = strategy === "spread" ? leastUsed(open) : packed(open);
  return { type: "fits", node };
}

/** What is missing on the node that misses least. */
export function leastLacking(
  nodes: readonly NodeView[],
  need: ResourceSet,
): ResourceSet {
  let least: ResourceSet | undefined;
  for (const node of nodes) {
    const lacking = lackingResources(node.total, need);
    if (least === undefined || amountIn(lacking) < amountIn(least)) {
      least = lacking;
    }
  }
  return least ?? need;
}

/** The largest share of a resource that is in use on the node, 0 to 1. */
export function usedShare(node: NodeView): number {
  let share = 0;
  for (const name in node.total) {
    const total = node.total[name]!;
    if (total <= 0) continue;
    share = Math.max(share, 1 - (node.available[name] ?? 0) / total);
  }
  return share;
}

function chooseNamed(
  nodes: readonly NodeView[],
  request: PlacementRequest,
  strategy: { readonly nodeId: NodeId },
): NodeChoice {
  const node = nodes.find(({ nodeId }) => nodeId === strategy.nodeId);
  if (!node) return { type: "never", reason: "node_unknown" };
  if (!labelsMatch(node.labels, request.labels)) {
    return { type: "never", reason: "node_labels_differ" };
  }
  if (!fits(node.total, request.resources)) {
    return { type: "never", reason: "node_too_small" };
  }
  const open = fits(node.available, request.resources);
  return { type: open ? "fits" : "busy", node };
}

/** Local and packed up to half, then wherever most is free. */
function packed(nodes: readonly NodeView[]): NodeView {
  const first = localFirst(nodes);
  if (nodes.length === 1 || usedShare(first) < PACKED_SHARE_MAX) return first;
  const filling = nodes.find((node) => usedShare(node) < PACKED_SHARE_MAX);
  return filling ?? leastUsed(nodes);
}

function localFirst(nodes: readonly NodeView[]): NodeView {
  return nodes.find((node) => node.isLocal) ?? nodes[0]!;
}

function leastUsed(nodes: readonly NodeView[]): NodeView {
  return nodes.reduce((least, node) =>
    usedShare(node) < usedShare(least) ? node : least
  );
}

function amountIn(set: ResourceSet): number {
  let amount = 0;
  for (const name in set) amount += set[name]!;
  return amount;
}

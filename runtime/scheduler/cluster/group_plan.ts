// Where the bundles of a group could go, by what nodes have free; those that are
// lost, with regard to those that are not. Looks, and changes nothing.

import { NO_RESOURCES } from "../../base/resources.ts";
import { type BundleChoice, placeBundles } from "../bundle_placement.ts";
import { usedShare } from "../placement.ts";
import type { GroupPlace, PlacementState } from "./head_state.ts";
import type { ClusterNode } from "./node_table.ts";

/** Where the bundles that are nowhere could go. */
export function planFor(
  state: PlacementState,
  group: GroupPlace,
): BundleChoice {
  const { labels, nodes, request: { bundles, strategy } } = group;
  const missing = bundles.filter((_, index) => !nodes[index]);
  const list = nodesFor(state, group);
  if (list.length === 0) {
    return { type: "infeasible", reason: "nodes", lacking: NO_RESOURCES };
  }
  return placeBundles(list, { bundles: missing, strategy, labels });
}

function nodesFor(
  { table }: PlacementState,
  { nodes, failures, request: { strategy } }: GroupPlace,
): readonly ClusterNode[] {
  const open = table.order.filter(({ isOpen }) => isOpen);
  // What has failed with the first of them may not with others.
  const from = open.length === 0 ? 0 : failures % open.length;
  const list = from === 0
    ? open
    : [...open.slice(from), ...open.slice(0, from)];
  const isSpread = strategy === "spread" || strategy === "strictSpread";
  if (isSpread && failures === 0) sortByUse(list);
  const held = new Set(nodes.filter((node) => node !== undefined));
  if (held.size === 0) return list;
  const others = list.filter((node) => !held.has(node));
  if (strategy === "strictSpread") return others;
  const holders = list.filter((node) => held.has(node));
  if (strategy === "strictPack") return holders;
  return isSpread ? [...others, ...holders] : [...holders, ...others];
}

function sortByUse(nodes: ClusterNode[]): void {
  const shares = new Map(nodes.map((node) => [node, usedShare(node)]));
  nodes.sort((left, right) => shares.get(left)! - shares.get(right)!);
}

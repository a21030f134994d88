// Placement of a group's bundles on a list of nodes, all or nothing. Pure:
// the answer names nodes, whoever asked sets the resources aside.

import {
  addResources,
  fits,
  lackingResources,
  NO_RESOURCES,
  type ResourceSet,
  subtractResources,
} from "../base/resources.ts";
import { labelsMatch, type LabelTest } from "./label_selector.ts";
import type { GroupStrategy, InfeasibleReason } from "./messages.ts";
import { leastLacking, type NodeView } from "./placement.ts";

export interface BundleRequest {
  readonly bundles: readonly ResourceSet[];
  readonly strategy: GroupStrategy;
  readonly labels: readonly LabelTest[];
}

/** `nodes` has one entry per bundle; when `busy`, of nodes that could. */
export type BundleChoice =
  | { readonly type: "fits" | "busy"; readonly nodes: readonly NodeView[] }
  | {
    readonly type: "infeasible";
    readonly reason: InfeasibleReason;
    readonly lacking: ResourceSet;
  };

/** A node while bundles are tried on it. */
interface Trial {
  readonly node: NodeView;
  free: ResourceSet;
  bundles: number;
}

/** Chooses a node for every bundle, or says why there is none. */
export function placeBundles(
  nodes: readonly NodeView[],
  request: BundleRequest,
): BundleChoice {
  const matching = nodes.filter((node) =>
    labelsMatch(node.labels, request.labels)
  );
  if (matching.length === 0) {
    return { type: "infeasible", reason: "labels", lacking: NO_RESOURCES };
  }
  const now = assign(matching, request, (node) => node.available);
  if (now) return { type: "fits", nodes: now };
  const ever = assign(matching, request, (node) => node.total);
  return ever ? { type: "busy", nodes: ever } : explain(matching, request);
}

/** All of a group's resources in one set. */
export function sumOfBundles(bundles: readonly ResourceSet[]): ResourceSet {
  return bundles.reduce(addResources, NO_RESOURCES);
}

function assign(
  nodes: readonly NodeView[],
  { bundles, strategy }: BundleRequest,
  freeOf: (node: NodeView) => ResourceSet,
): NodeView[] | undefined {
  if (strategy === "pack" || strategy === "strictPack") {
    const sum = sumOfBundles(bundles);
    const one = nodes.find((node) => fits(freeOf(node), sum));
    if (one) return bundles.map(() => one);
    if (strategy === "strictPack") return undefined;
  }
  if (strategy === "strictSpread") return matchDistinct(nodes, bundles, freeOf);
  const trials = nodes.map((node): Trial => ({
    node,
    free: freeOf(node),
    bundles: 0,
  }));
  const chosen: NodeView[] = [];
  for (const index of largestFirst(bundles)) {
    const bundle = bundles[index]!;
    const trial = pickTrial(trials, bundle, strategy);
    if (!trial) return undefined;
    trial.free = subtractResources(trial.free, bundle);
    trial.bundles += 1;
    chosen[index] = trial.node;
  }
  return chosen;
}

/** Small bundles find room beside large ones, not the other way round. */
function largestFirst(bundles: readonly ResourceSet[]): number[] {
  const sizes = bundles.map((bundle) =>
    Object.values(bundle).reduce((sum, amount) => sum + amount, 0)
  );
  return [...bundles.keys()].sort((left, right) =>
    sizes[right]! - sizes[left]!
  );
}

function pickTrial(
  trials: readonly Trial[],
  bundle: ResourceSet,
  strategy: GroupStrategy,
): Trial | undefined {
  let best: Trial | undefined;
  for (const trial of trials) {
    if (!fits(trial.free, bundle)) continue;
    const better = best === undefined ||
      (strategy === "pack"
        ? trial.bundles > best.bundles
        : trial.bundles < best.bundles);
    if (better) best = trial;
  }
  return best;
}

/** A node for each bundle and no node twice: a matching, by moving others. */
function matchDistinct(
  nodes: readonly NodeView[],
  bundles: readonly ResourceSet[],
  freeOf: (node: NodeView) => ResourceSet,
): NodeView[] | undefined {
  const bundleOn = new Map<NodeView, number>();
  function seat(index: number, tried: Set<NodeView>): boolean {
    const able = nodes.filter((node) =>
      !tried.has(node) && fits(freeOf(node), bundles[index]!)
    );
    const open = able.find((node) => !bundleOn.has(node));
    if (open) bundleOn.set(open, index);
    if (open) return true;
    for (const node of able) {
      tried.add(node);
      if (!seat(bundleOn.get(node)!, tried)) continue;
      bundleOn.set(node, index);
      return true;
    }
    return false;
  }
  for (const index of bundles.keys()) {
    if (!seat(index, new Set())) return undefined;
  }
  const chosen: NodeView[] = [];
  for (const [node, index] of bundleOn) chosen[index] = node;
  return chosen;
}

function explain(
  nodes: readonly NodeView[],
  { bundles, strategy }: BundleRequest,
): BundleChoice {
  if (strategy === "strictSpread" && bundles.length > nodes.length) {
    return { type: "infeasible", reason: "nodes", lacking: NO_RESOURCES };
  }
  const sum = sumOfBundles(bundles);
  const lacking = strategy === "strictPack"
    ? leastLacking(nodes, sum)
    : lackingResources(sumOfBundles(nodes.map((node) => node.total)), sum);
  return { type: "infeasible", reason: "resources", lacking };
}

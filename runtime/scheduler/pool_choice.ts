// Which pool a piece of work draws from: a node's by the placement policies,
// or a bundle's of its placement group. Looks, and changes nothing.

import { fits, NO_RESOURCES, type ResourceSet } from "../base/resources.ts";
import type { LabelTest } from "./label_selector.ts";
import type {
  InfeasibleReason,
  Strategy,
  UnschedulableReason,
} from "./messages.ts";
import { chooseNode } from "./placement.ts";
import type { CreatedGroup } from "./records.ts";
import type { ResourcePool } from "./resource_pool.ts";
import type { SchedulerState } from "./state.ts";

export interface PoolRequest {
  readonly resources: ResourceSet;
  readonly strategy: Strategy;
  readonly labels: readonly LabelTest[];
}

/** `busy` has no pool while the group that it is for waits itself. */
export type PoolChoice =
  | { readonly type: "fits"; readonly pool: ResourcePool }
  | { readonly type: "busy"; readonly pool: ResourcePool | undefined }
  | {
    readonly type: "infeasible";
    readonly reason: InfeasibleReason;
    readonly lacking: ResourceSet;
  }
  | { readonly type: "never"; readonly reason: UnschedulableReason };

/** Chooses the pool for one task or actor. */
export function choosePool(
  state: SchedulerState,
  { resources, strategy, labels }: PoolRequest,
): PoolChoice {
  if (typeof strategy !== "object" || !("placementGroup" in strategy)) {
    const choice = chooseNode(state.nodes, { resources, strategy, labels });
    if (choice.type === "infeasible" || choice.type === "never") return choice;
    // There may be enough of GPUs, in parts of several.
    const isOpen = choice.type === "fits" && state.pool.fits(resources);
    return { type: isOpen ? "fits" : "busy", pool: state.pool };
  }
  const { placementGroup, bundleIndex } = strategy;
  const group = state.groups.get(placementGroup);
  if (group?.state === "created") {
    return chooseBundle(group, resources, bundleIndex);
  }
  if (group) return { type: "busy", pool: undefined };
  if (state.removedGroups.has(placementGroup)) {
    return { type: "never", reason: "group_removed" };
  }
  // Its request may come later, by another thread's link.
  return { type: "infeasible", reason: "group", lacking: NO_RESOURCES };
}

function chooseBundle(
  group: CreatedGroup,
  resources: ResourceSet,
  bundleIndex: number | undefined,
): PoolChoice {
  const pools = bundleIndex === undefined
    ? group.pools
    : group.pools.filter(({ bundle }) => bundle?.index === bundleIndex);
  if (pools.length === 0 && group.attempt !== undefined) {
    return { type: "busy", pool: undefined };
  }
  if (pools.length === 0) return { type: "never", reason: "bundle_unknown" };
  const able = pools.filter((pool) => fits(pool.total, resources));
  if (able.length === 0 && group.attempt !== undefined) {
    return { type: "busy", pool: undefined };
  }
  if (able.length === 0) return { type: "never", reason: "bundle_too_small" };
  const open = able.find((pool) => pool.fits(resources));
  if (open) return { type: "fits", pool: open };
  return { type: "busy", pool: able[0]! };
}

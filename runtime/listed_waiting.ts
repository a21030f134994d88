// How that is listed which waits and no node was asked for: none could hold it
// now, or none ever could. What waits at a node is listed by its scheduler.

import { fits, resourceAmounts, type ResourceSet } from "./base/resources.ts";
import type { PendingListing } from "./protocol/state_answers.ts";
import type { NodeView } from "./protocol/cluster_messages.ts";

/** Tasks of a kind, an actor or a group that no node was asked for. */
export interface Unplaced {
  readonly kind: PendingListing["kind"];
  /** What each of it needs. */
  readonly resources: ResourceSet;
  readonly count: number;
}

/** Lists what is alike once, with why it waits. */
export function listedWaiting(
  unplaced: readonly Unplaced[],
  views: readonly NodeView[],
): PendingListing[] {
  const living = views.filter(({ state }) => state !== "dead");
  const listings = new Map<string, PendingListing>();
  for (const { kind, resources: needed, count } of unplaced) {
    const resources = resourceAmounts(needed);
    const key = JSON.stringify([kind, resources]);
    const alike = listings.get(key)?.count ?? 0;
    // A group is more than its sum: it may need several nodes.
    const mayFit = kind === "group" ||
      living.some(({ facts }) => fits(facts.total, needed));
    const why = mayFit ? "nodes" : "resources";
    listings.set(key, { kind, resources, count: count + alike, why });
  }
  return [...listings.values()];
}

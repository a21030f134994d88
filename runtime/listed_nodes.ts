// How nodes are listed: what the head's views of them are to those who ask.
// Pure; who is asked is in `node_listings.ts`.

import {
  addResources,
  NO_RESOURCES,
  resourceAmounts,
  type ResourceSet,
} from "./base/resources.ts";
import type { NodeListing } from "./node_control.ts";
import type { NodeView } from "./protocol/cluster_messages.ts";

/** A node, for who asks. Of a dead one nothing is free or in use. */
export function listedNode({ facts, report, state, reason }: NodeView) {
  const { nodeId, address, hostname, isHead, total, labels } = facts;
  const { storeBytes, pid, version, startedAtMs } = facts;
  const alive = state !== "dead";
  return {
    nodeId,
    address,
    hostname,
    alive,
    isHead,
    state,
    resources: shownAmounts(total),
    available: shownAmounts(alive ? report.available : NO_RESOURCES),
    labels,
    objectStore: {
      capacityBytes: storeBytes,
      usedBytes: alive ? report.storeUsedBytes : 0,
      spilledBytes: alive ? report.storeSpilledBytes : 0,
    },
    pid,
    version,
    startedAtMs,
    ...(reason === undefined ? {} : { deathReason: reason }),
  } satisfies NodeListing;
}

/** What all living nodes have together. */
export function clusterTotals(views: readonly NodeView[]) {
  return shownAmounts(sumOf(views, ({ facts }) => facts.total));
}

/** What is free on all living nodes together. */
export function clusterAvailable(views: readonly NodeView[]) {
  return shownAmounts(sumOf(views, ({ report }) => report.available));
}

function sumOf(
  views: readonly NodeView[],
  setOf: (view: NodeView) => ResourceSet,
): ResourceSet {
  return views
    .filter(({ state }) => state !== "dead")
    .reduce((sum, view) => addResources(sum, setOf(view)), NO_RESOURCES);
}

/** Zeroes are told, too: a name that is missing would be a surprise. */
export function shownAmounts(set: ResourceSet): Record<string, number> {
  return { CPU: 0, GPU: 0, ...resourceAmounts(set) };
}

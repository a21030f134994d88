// What is known of one object among nodes: who has it, who pulls it and who
// waits. The books of `object_places.ts`, which decides what comes of them.

import type { NodeId, WorkerId } from "../base/ids.ts";
import { OBJECT_READERS_MAX } from "../base/limits.ts";

export interface ObjectNamed {
  readonly owner: WorkerId;
  readonly number: number;
}

/** A node that has the object, or may have something of it. */
interface Holder {
  readonly sizeBytes: number;
  /** Whether others can have it from there. */
  isGood: boolean;
  /** Whether it keeps the object; else it may drop it at any time. */
  isPrimary: boolean;
  /** Nodes that pull from it now. */
  serving: number;
  /** The same and those that are through. */
  served: number;
}

interface Ask {
  readonly except: readonly NodeId[];
  readonly askedAtMs: number;
}

export interface Place extends ObjectNamed {
  readonly holders: Map<NodeId, Holder>;
  /** Who pulls it, and from where. */
  readonly pulls: Map<NodeId, NodeId>;
  /** Who waits for a source, in order. */
  readonly asks: Map<NodeId, Ask>;
  /** Who is asked to keep it, and has not answered yet. */
  keeper: NodeId | undefined;
  /** Those that could not. */
  readonly refusers: Set<NodeId>;
  /** How often who pulls it was told of nodes that it had failed with. */
  readonly vain: Map<NodeId, number>;
  /** Whether the home gets it for those who reach no node that has it. */
  relay: "untried" | "asked" | "failed";
  /** The last copy was lost: its owner makes it anew by another number. */
  isLost: boolean;
  /** Whether a node that is not the home has had to do with it. */
  isShared: boolean;
}

/** Whether others can have it from anywhere. */
export function hasGood({ holders }: Place): boolean {
  for (const { isGood } of holders.values()) if (isGood) return true;
  return false;
}

/**
 * Who serves one more: of those that have served the fewest. One that has
 * served its part is spared while others are about to have the object.
 */
export function sourceOf(
  { holders, pulls }: Place,
  except: readonly NodeId[],
): [NodeId, Holder] | undefined {
  let best: [NodeId, Holder] | undefined;
  for (const each of holders) {
    const [nodeId, { isGood, serving, served }] = each;
    if (!isGood || serving >= OBJECT_READERS_MAX) continue;
    if (served >= OBJECT_READERS_MAX && pulls.size > 0) continue;
    const isAvoided = except.includes(nodeId);
    const isBestAvoided = best && except.includes(best[0]);
    const isBetter = !best ||
      (isAvoided === isBestAvoided ? served < best[1].served : isBestAvoided);
    if (isBetter) best = each;
  }
  return best;
}

/** The node is through with its pull, if it had one. */
export function endPull(place: Place, nodeId: NodeId): Holder | undefined {
  const source = place.pulls.get(nodeId);
  if (source === undefined) return undefined;
  place.pulls.delete(nodeId);
  const holder = place.holders.get(source);
  if (holder && holder.serving > 0) holder.serving--;
  return holder;
}

/** The node has not got what it pulled. */
export function cancelPull(place: Place, nodeId: NodeId): void {
  const holder = endPull(place, nodeId);
  if (holder) holder.served--;
}

/** Nothing is left of a node. */
export function forget(place: Place, nodeId: NodeId): void {
  cancelPull(place, nodeId);
  place.holders.delete(nodeId);
  place.asks.delete(nodeId);
  place.vain.delete(nodeId);
  if (place.keeper === nodeId) place.keeper = undefined;
  for (const [by, source] of place.pulls) {
    if (source === nodeId) place.pulls.delete(by);
  }
}

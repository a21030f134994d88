// How many of a class go to which node, for many at once: by what is free on
// each, in time that depends on the nodes alone. Looks, and changes nothing.

import type { ResourceSet } from "../../base/resources.ts";
import { usedShare } from "../placement.ts";
import type { ClusterNode } from "./node_table.ts";

/** A node and how many of the class there is room for on it. */
export interface Seat {
  readonly node: ClusterNode;
  readonly room: number;
}

/** What is to be seated. */
export interface SplitRequest {
  readonly need: ResourceSet;
  readonly count: number;
}

/** How many each node gets; together no more than there is room for. */
export type Split = Map<ClusterNode, number>;

/** A node is filled up to this share before work goes elsewhere. */
const PACKED_SHARE = 0.5;

/** Halvings of the range in which the level of use is looked for. */
const LEVEL_STEPS = 14;

/**
 * The first nodes up to half, one after the other; then all to the same level
 * of use, the first ones before others where that makes no difference.
 */
export function splitPacked(
  seats: readonly Seat[],
  { need, count }: SplitRequest,
): Split {
  const split: Split = new Map();
  const open = seats.filter(({ room }) => room > 0).map((seat) => ({
    ...seat,
    used: usedShare(seat.node),
  }));
  let left = count;
  for (const seat of open) {
    if (left === 0) return split;
    const taken = Math.min(left, below(seat, need, PACKED_SHARE));
    add(split, seat.node, taken);
    left -= taken;
  }
  if (left === 0) return split;
  const level = levelFor(open, { need, count });
  for (const seat of open) {
    const taken = Math.min(left, below(seat, need, level.low)) -
      (split.get(seat.node) ?? 0);
    if (taken <= 0) continue;
    add(split, seat.node, taken);
    left -= taken;
  }
  for (const share of [level.high, Infinity]) {
    for (const seat of open) {
      const more = below(seat, need, share) - (split.get(seat.node) ?? 0);
      const taken = Math.min(left, more);
      if (taken <= 0) continue;
      add(split, seat.node, taken);
      left -= taken;
    }
  }
  return split;
}

/** By turns, from the node after `last` on; ends with the last one served. */
export function splitEvenly(
  seats: readonly Seat[],
  count: number,
  last?: ClusterNode,
): { readonly split: Split; readonly last: ClusterNode | undefined } {
  const split: Split = new Map();
  const from = 1 + seats.findIndex(({ node }) => node === last);
  let open = [...seats.slice(from), ...seats.slice(0, from)]
    .filter(({ room }) => room > 0);
  let left = count;
  let served = last;
  while (left > 0 && open.length > 0) {
    const each = Math.max(1, Math.floor(left / open.length));
    for (const { node, room } of open) {
      const had = split.get(node) ?? 0;
      const taken = Math.min(left, each, room - had);
      if (taken === 0) break;
      add(split, node, taken);
      left -= taken;
      served = node;
    }
    open = open.filter(({ node, room }) => room > (split.get(node) ?? 0));
  }
  return { split, last: served };
}

interface UsedSeat extends Seat {
  readonly used: number;
}

/** The level of use up to which the nodes take so many. */
function levelFor(
  seats: readonly UsedSeat[],
  { need, count }: SplitRequest,
): { readonly low: number; readonly high: number } {
  let low = PACKED_SHARE;
  let high = 1;
  for (let step = 0; step < LEVEL_STEPS; step++) {
    const middle = (low + high) / 2;
    let sum = 0;
    for (const seat of seats) sum += below(seat, need, middle);
    if (sum >= count) high = middle;
    else low = middle;
  }
  return { low, high };
}

/** How many the node takes while less than this share of it is in use. */
function below(seat: UsedSeat, need: ResourceSet, share: number): number {
  const { node, used } = seat;
  if (share === Infinity) return seat.room;
  if (used >= share) return 0;
  let room = seat.room;
  for (const name in need) {
    const total = node.total[name] ?? 0;
    const left = (node.available[name] ?? 0) - (1 - share) * total;
    room = Math.min(room, Math.ceil(left / need[name]!));
  }
  return Math.max(0, room);
}

function add(split: Split, node: ClusterNode, count: number): void {
  if (count > 0) split.set(node, (split.get(node) ?? 0) + count);
}

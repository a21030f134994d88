// What waits is looked at again: it goes where there is room now, it does not
// stay where nothing comes of it, and what no node could hold is named once.
// Looks at those who wait, never at all.

import {
  INFEASIBLE_WARNING_MS,
  SPREAD_AVOID_MS,
  SPREAD_LOOKS_MAX,
  SPREAD_MOVE_MS,
  SPREAD_MOVE_MS_MAX,
  SPREAD_STARVING_MS,
  SPREAD_STARVING_MS_MAX,
  SPREAD_STUCK_MS,
  SPREAD_UNKNOWN_MS,
} from "../../base/limits.ts";
import { roomFor } from "./node_table.ts";
import type { Seat } from "./split.ts";
import { placesFor, splitFor } from "./spread_places.ts";
import {
  failDemand,
  lower,
  noteWaiting,
  raise,
  type Share,
  shareAt,
  type SpreadDemand,
  type SpreadState,
} from "./spread_state.ts";

/** What waits where there is no room goes where there is. */
export function moveWaiting(state: SpreadState): void {
  const open = state.table.order.filter(({ isOpen }) => isOpen);
  // Mostly what is short everywhere is CPU.
  const withCpu = open.filter(({ available }) => (available["CPU"] ?? 0) > 0);
  let looks = 0;
  for (const demand of [...state.waiting]) {
    if (state.nowMs < demand.settledUntilMs) continue;
    const { resources } = demand.spec;
    const nodes = (resources["CPU"] ?? 0) > 0 ? withCpu : open;
    const hasRoom = isInGroup(demand) ||
      nodes.some((node) => roomFor(node, resources, 1) > 0);
    if (!hasRoom) continue;
    // Those that were not looked at are first the next time.
    state.waiting.delete(demand);
    state.waiting.add(demand);
    looks += demand.shares.size + state.table.size;
    moveToRoom(state, demand);
    if (looks >= SPREAD_LOOKS_MAX) return;
  }
}

/** Time has passed for what waits. */
export function watchWaiting(state: SpreadState): void {
  for (const share of state.unseen) share.waitingSinceMs = state.nowMs;
  state.unseen.clear();
  for (const demand of [...state.waiting]) {
    watchUnplaced(state, demand);
    watchStarving(state, demand);
  }
  moveWaiting(state);
}

function moveToRoom(state: SpreadState, demand: SpreadDemand): void {
  const stuck: Share[] = [];
  let count = 0;
  for (const share of demand.shares.values()) {
    if (!isStuck(state, share)) continue;
    stuck.push(share);
    count += share.unmet;
  }
  if (count === 0) return;
  const places = placesFor(state, demand, count);
  if (places.type !== "seats") return;
  const from = new Set(stuck.map(({ node }) => node));
  const seats = places.seats.filter(({ node, room }) =>
    room > 0 && !from.has(node)
  );
  if (seats.length > 0) moveTo(state, demand, { seats, count, stuck });
}

function moveTo(
  state: SpreadState,
  demand: SpreadDemand,
  { seats, count, stuck }: {
    readonly seats: readonly Seat[];
    readonly count: number;
    readonly stuck: readonly Share[];
  },
): void {
  const split = splitFor(state, demand, { seats, count });
  for (const [node, taken] of split) {
    raise(state, shareAt(demand, node), taken);
    let left = taken;
    for (const share of stuck) {
      if (left > 0) left -= lower(state, share, left);
    }
  }
  // Two nodes that seem to have room by turns would have it go to and fro.
  demand.settledUntilMs = state.nowMs + demand.settleMs;
  demand.settleMs = Math.min(2 * demand.settleMs, SPREAD_MOVE_MS_MAX);
}

/** Whether what waits there had better go. */
function isStuck(state: SpreadState, share: Share): boolean {
  const { waitingSinceMs, unmet, node, need, demand } = share;
  if (unmet === 0 || waitingSinceMs === undefined) return false;
  const waitedMs = state.nowMs - waitingSinceMs;
  // It may have its resources, and its thread is starting.
  if (waitedMs < SPREAD_MOVE_MS) return false;
  if (!isInGroup(demand) && roomFor(node, need, 1) === 0) return true;
  if (waitedMs < SPREAD_STUCK_MS) return false;
  share.avoidedUntilMs = state.nowMs + SPREAD_AVOID_MS;
  return true;
}

/** What is free in bundles is not what is free on their nodes. */
function isInGroup({ spec: { strategy } }: SpreadDemand): boolean {
  return typeof strategy === "object" && "placementGroup" in strategy;
}

/** What was given to no node fails, or is named, when its time has come. */
function watchUnplaced(state: SpreadState, demand: SpreadDemand): void {
  if (demand.unplaced === 0) {
    demand.unplacedSinceMs = undefined;
    demand.isNamed = false;
    return;
  }
  demand.unplacedSinceMs ??= state.nowMs;
  const waitedMs = state.nowMs - demand.unplacedSinceMs;
  const { strategy } = demand.spec;
  if (typeof strategy === "object" && "nodeId" in strategy && !strategy.soft) {
    // A node that has joined is known everywhere a moment later.
    if (waitedMs < SPREAD_UNKNOWN_MS) return;
    failDemand(state, demand, "node_unknown");
    return noteWaiting(state, demand);
  }
  if (demand.isNamed || waitedMs < INFEASIBLE_WARNING_MS) return;
  demand.isNamed = true;
  nameInfeasible(state, demand);
}

function nameInfeasible(state: SpreadState, demand: SpreadDemand): void {
  const places = placesFor(state, demand, demand.unplaced);
  if (places.type !== "infeasible") return;
  const { owner, jobId, classKey, spec } = demand;
  const key = `${jobId} ${classKey}`;
  if (state.warned.has(key)) return;
  state.warned.add(key);
  const { reason, lacking } = places;
  state.actions.push({
    type: "warn_infeasible",
    subject: { classKey, owner },
    reason,
    needed: spec.resources,
    lacking,
  });
}

/** Who has nothing at all tries one node more, where others may have all. */
function watchStarving(state: SpreadState, demand: SpreadDemand): void {
  if (demand.held > 0 || demand.asked === 0) {
    demand.starvingSinceMs = undefined;
    return;
  }
  demand.starvingSinceMs ??= state.nowMs;
  if (state.nowMs - demand.starvingSinceMs < demand.starvingMs) return;
  demand.starvingSinceMs = state.nowMs;
  demand.starvingMs = Math.min(2 * demand.starvingMs, SPREAD_STARVING_MS_MAX);
  const places = placesFor(state, demand, 1);
  if (places.type !== "seats") return;
  let most: Share | undefined;
  for (const share of demand.shares.values()) {
    if (share.unmet > (most?.unmet ?? 0)) most = share;
  }
  const next = most && nextSeat(demand, places.seats, most);
  if (!most || !next) return;
  lower(state, most, 1);
  raise(state, shareAt(demand, next.node), 1);
}

/** The next one round from where it waits that was not asked yet. */
function nextSeat(
  { shares }: SpreadDemand,
  seats: readonly Seat[],
  { node }: Share,
): Seat | undefined {
  const at = 1 + seats.findIndex((seat) => seat.node === node);
  return [...seats.slice(at), ...seats.slice(0, at)].find((seat) =>
    (shares.get(seat.node.nodeId)?.count ?? 0) === 0
  );
}

/** It got a lease: it waits no longer than others do. */
export function noteMet(demand: SpreadDemand): void {
  demand.starvingSinceMs = undefined;
  demand.starvingMs = SPREAD_STARVING_MS;
  demand.settledUntilMs = 0;
  demand.settleMs = SPREAD_MOVE_MS;
}

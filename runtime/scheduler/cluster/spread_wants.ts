// What owners want: taken up, lowered, refused, forgotten with the owner. Says
// how many; which nodes are asked is decided in `spread_places.ts`.

import type { WorkerId } from "../../base/ids.ts";
import {
  CLASSES_PER_OWNER_MAX,
  SPREAD_AVOID_MS,
  SPREAD_MOVE_MS,
  SPREAD_STARVING_MS,
} from "../../base/limits.ts";
import { parseLabelSelector } from "../label_selector.ts";
import type { DemandAdopted, DemandFailed, DemandWanted } from "./messages.ts";
import { moveWaiting } from "./spread_moves.ts";
import { place } from "./spread_places.ts";
import {
  beginWaiting,
  excess,
  failDemand,
  isAlone,
  lower,
  lowerAny,
  noteWaiting,
  shareAt,
  type SpreadDemand,
  type SpreadState,
} from "./spread_state.ts";

/** Sets what an owner wants, and asks for the difference. */
export function setWanted(state: SpreadState, event: DemandWanted): void {
  if (state.endedOwners.has(event.owner)) return;
  const demand = demandOf(state, event);
  if (!demand) return;
  demand.wanted = Math.max(0, event.count);
  demand.near = event.near ?? [];
  if (demand.depth !== event.depth) {
    demand.depth = event.depth;
    for (const share of demand.shares.values()) state.touched.add(share);
  }
  const over = excess(demand);
  if (over > 0) lowerAny(state, demand, over);
  else if (over < 0) {
    if (!isAlone(state)) state.table.refreshOwn();
    place(state, demand, -over);
  }
  noteWaiting(state, demand);
}

/** Takes over what the own scheduler was told without us. */
export function adoptDemand(state: SpreadState, event: DemandAdopted): void {
  const demand = demandOf(state, event);
  if (!demand) return;
  const share = shareAt(demand, state.table.get(state.ownId)!);
  const { owner, classKey, leases, count, depth } = event;
  for (const leaseId of leases) state.leases.set(leaseId, { owner, classKey });
  demand.wanted = count;
  demand.held = share.held = leases.length;
  demand.asked = share.count = Math.max(count, leases.length);
  share.told = count;
  share.toldDepth = depth;
  if (share.count !== share.told) state.touched.add(share);
  beginWaiting(state, share);
  noteWaiting(state, demand);
  if (!isAlone(state)) moveWaiting(state);
}

/** A node does not take what it was asked for: another one may. */
export function takeRefusal(state: SpreadState, event: DemandFailed): void {
  const { owner, classKey, nodeId, reason } = event;
  const demand = state.owners.get(owner)?.get(classKey);
  const share = demand?.shares.get(nodeId);
  if (!demand || !share) return;
  lower(state, share, share.unmet);
  share.told = share.count;
  share.avoidedUntilMs = state.nowMs + SPREAD_AVOID_MS;
  const isElsewhere = !isAlone(state) && reason === "limit_reached" &&
    typeof demand.spec.strategy === "string";
  if (isElsewhere) {
    state.table.refreshOwn();
    place(state, demand, -excess(demand));
  } else failDemand(state, demand, reason);
  noteWaiting(state, demand);
}

/** Forgets all of an owner; its nodes hear of its end by themselves. */
export function forgetOwner(state: SpreadState, owner: WorkerId): void {
  state.endedOwners.add(owner);
  const demands = state.owners.get(owner);
  if (!demands) return;
  state.owners.delete(owner);
  for (const demand of demands.values()) {
    state.waiting.delete(demand);
    for (const share of demand.shares.values()) share.node.sent.delete(share);
  }
  for (const [leaseId, lease] of state.leases) {
    if (lease.owner === owner) state.leases.delete(leaseId);
  }
}

function demandOf(
  { owners }: SpreadState,
  event: DemandWanted | DemandAdopted,
): SpreadDemand | undefined {
  const { owner, jobId, classKey, spec, depth } = event;
  let demands = owners.get(owner);
  const known = demands?.get(classKey);
  if (known || event.count <= 0) return known;
  if (!demands) owners.set(owner, demands = new Map());
  if (demands.size >= CLASSES_PER_OWNER_MAX) dropUnused(demands);
  const demand: SpreadDemand = {
    owner,
    jobId,
    classKey,
    spec,
    labels: parseLabelSelector(spec.labelSelector),
    near: [],
    wanted: 0,
    depth,
    held: 0,
    asked: 0,
    unplaced: 0,
    shares: new Map(),
    starvingSinceMs: undefined,
    starvingMs: SPREAD_STARVING_MS,
    settledUntilMs: 0,
    settleMs: SPREAD_MOVE_MS,
    unplacedSinceMs: undefined,
    isNamed: false,
  };
  demands.set(classKey, demand);
  return demand;
}

/** A late lease of such a demand would find nobody: only so many are kept. */
function dropUnused(demands: Map<string, SpreadDemand>): void {
  for (const [classKey, { wanted, held, asked }] of demands) {
    if (wanted + held + asked === 0) demands.delete(classKey);
  }
}

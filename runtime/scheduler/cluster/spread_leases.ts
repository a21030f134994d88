// The leases that owners of this node have, wherever they are: each covers one
// of what its node was asked for, from its grant to its end.

import { nodeOfLease } from "../../base/ids.ts";
import type { LeaseGranted, LeaseOver } from "./messages.ts";
import { noteReturned } from "./node_table.ts";
import { noteMet } from "./spread_moves.ts";
import {
  beginWaiting,
  excess,
  lower,
  lowerAny,
  noteWaiting,
  shareAt,
  type SpreadState,
} from "./spread_state.ts";

/** Counts a lease that came. */
export function countLease(
  state: SpreadState,
  { leaseId, owner, classKey }: LeaseGranted,
): void {
  const demand = state.owners.get(owner)?.get(classKey);
  const node = state.table.get(nodeOfLease(leaseId));
  if (!demand || !node || state.leases.has(leaseId)) return;
  state.leases.set(leaseId, { owner, classKey });
  const share = shareAt(demand, node);
  share.held++;
  demand.held++;
  beginWaiting(state, share);
  noteMet(demand);
  if (share.held > share.count) {
    // It was asked for less meanwhile, and others for more.
    share.count++;
    demand.asked++;
    state.touched.add(share);
    const over = excess(demand);
    if (over > 0) lowerAny(state, demand, over);
  }
  noteWaiting(state, demand);
}

/** A lease ends; what it covered is asked for again if it is still wanted. */
export function uncountLease(
  state: SpreadState,
  { type, leaseId }: LeaseOver,
): void {
  const lease = state.leases.get(leaseId);
  if (!lease) return;
  state.leases.delete(leaseId);
  const demand = state.owners.get(lease.owner)?.get(lease.classKey);
  const share = demand?.shares.get(nodeOfLease(leaseId));
  if (!demand || !share) return;
  share.held--;
  demand.held--;
  if (type === "lease_returning") noteReturned(share.node, share.need);
  const over = excess(demand);
  // Its own node first: it would grant it anew.
  if (over > 0) lowerAny(state, demand, over - lower(state, share, over));
  if (share.unmet === 1) beginWaiting(state, share);
  noteWaiting(state, demand);
}

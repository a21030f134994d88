// Placement groups: bundles of resources set aside together or not at all.
// What is set aside is taken from the node once; leases and actors of the
// group draw from the bundles' own pools.

import { GROUPS_PER_NODE_MAX } from "../base/limits.ts";
import { failActor } from "./actors.ts";
import {
  type BundleChoice,
  placeBundles,
  sumOfBundles,
} from "./bundle_placement.ts";
import {
  answerBundles,
  giveBackBundles,
  prepareBundles,
  returnBundles,
} from "./bundles.ts";
import { failClass } from "./demands.ts";
import { parseLabelSelector } from "./label_selector.ts";
import { revokeLease } from "./leases.ts";
import type { BundlesWanted, GroupRequested, Strategy } from "./messages.ts";
import {
  type CreatedGroup,
  GROUP_TRANSITIONS,
  type GroupPart,
  type GroupRecord,
  type WaitingGroup,
} from "./records.ts";
import { isKeptFrom, keptFor } from "./reservation.ts";
import { ResourcePool } from "./resource_pool.ts";
import { checkEdge, type SchedulerState } from "./state.ts";

/** Notes a new group; one that is known or was removed is not new. */
export function requestGroup(
  state: SchedulerState,
  request: GroupRequested,
): void {
  const { groupId: id } = request;
  if (state.groups.has(id) || state.removedGroups.has(id)) return;
  if (state.groups.size >= GROUPS_PER_NODE_MAX) {
    const { cause } = state;
    const reason = "limit_reached";
    state.actions.push({ type: "fail_group", groupId: id, reason, cause });
    return;
  }
  const group: WaitingGroup = {
    state: "waiting",
    id,
    request,
    labels: parseLabelSelector(request.labelSelector),
    sum: sumOfBundles(request.bundles),
    waitingSinceMs: undefined,
    infeasibleSinceMs: undefined,
  };
  state.groups.set(id, group);
  state.waitingGroups.add(group);
  state.story.add(id, "requested", state.cause);
}

/** Sets bundles of a group aside as soon as there is room for them. */
export function requestBundles(
  state: SchedulerState,
  request: BundlesWanted,
): void {
  const { groupId: id, attempt, bundles: numbered, cause } = request;
  const known = state.parts.get(id);
  if (known?.part.attempt === attempt) {
    if (known.state === "prepared") answerBundles(state, request, true);
    return;
  }
  const created = state.groups.get(id);
  if (created?.state === "created" && created.attempt === attempt) {
    return answerBundles(state, request, true);
  }
  if (known) returnBundles(state, { groupId: id, attempt: known.part.attempt });
  const bundles = numbered.map(([, bundle]) => bundle);
  const part = { attempt, indices: numbered.map(([index]) => index) };
  const type = "group_requested";
  const group: WaitingGroup & { readonly part: GroupPart } = {
    state: "waiting",
    id,
    request: { type, groupId: id, bundles, strategy: "strictPack", cause },
    labels: [],
    sum: sumOfBundles(bundles),
    part,
    waitingSinceMs: undefined,
    infeasibleSinceMs: undefined,
  };
  const isRefused = state.removedGroups.has(id) ||
    state.parts.size >= GROUPS_PER_NODE_MAX ||
    chooseForGroup(state, group).type === "infeasible";
  if (isRefused) return answerBundles(state, request, false);
  state.parts.set(id, group);
  state.waitingGroups.add(group);
  state.story.add(id, "bundles wanted", state.cause);
}

/** Creates all waiting groups that there is room for. */
export function createGroups(state: SchedulerState): void {
  for (const group of state.waitingGroups) {
    if (chooseForGroup(state, group).type !== "fits") continue;
    const need = group.sum;
    const ask = { waiter: group, pool: state.pool, need, depth: 0 };
    if (!isKeptFrom(state, ask)) createGroup(state, group);
  }
}

/** Where the group's bundles could be placed now. */
export function chooseForGroup(
  state: SchedulerState,
  { request, labels }: WaitingGroup,
): BundleChoice {
  const { bundles, strategy } = request;
  const choice = placeBundles(state.nodes, { bundles, strategy, labels });
  if (choice.type !== "fits") return choice;
  const { gpus } = state.pool;
  const shares = gpus.takeAll(bundles);
  // There may be enough of GPUs, in parts of several.
  if (!shares) return { type: "busy", nodes: choice.nodes };
  for (const share of shares) gpus.giveBack(share);
  return choice;
}

/** Ends the group and all that is in it or waits for it. */
export function removeGroup(state: SchedulerState, group: GroupRecord): void {
  const { id, state: from } = group;
  checkEdge(state, GROUP_TRANSITIONS, { id, from, to: "ended" });
  state.groups.delete(id);
  state.removedGroups.add(id);
  for (const lease of [...state.leases.values()]) {
    if (lease.pool.bundle?.groupId === id) {
      revokeLease(state, lease, "group_removed");
    }
  }
  for (const actor of [...state.actors.values()]) {
    if (isIn(actor.spec.strategy, id)) failActor(state, actor, "group_removed");
  }
  for (const classRecord of [...state.waitingClasses]) {
    if (isIn(classRecord.spec.strategy, id)) {
      failClass(state, classRecord, "group_removed");
    }
  }
  if (group.state === "waiting") state.waitingGroups.delete(group);
  else giveBackBundles(state, group);
}

function createGroup(state: SchedulerState, group: WaitingGroup): void {
  const { id, request, labels, sum, part } = group;
  if (part) {
    state.waitingGroups.delete(group);
    keptFor(state, group);
    return prepareBundles(state, { ...group, part });
  }
  checkEdge(state, GROUP_TRANSITIONS, { id, from: "waiting", to: "created" });
  const gpus = state.pool.gpus.takeAll(request.bundles) ?? [];
  const pools = request.bundles.map((bundle, index) =>
    new ResourcePool(bundle, { groupId: id, index }, gpus[index])
  );
  const created: CreatedGroup = {
    state: "created",
    id,
    request,
    labels,
    sum,
    pools,
    gpus,
  };
  state.pool.take(sum);
  state.groups.set(id, created);
  state.waitingGroups.delete(group);
  keptFor(state, group);
  state.actions.push({
    type: "confirm_group",
    groupId: id,
    nodeIds: pools.map(() => state.nodeId),
    cause: state.cause,
  });
}

function isIn(strategy: Strategy, groupId: string): boolean {
  return typeof strategy === "object" && "placementGroup" in strategy &&
    strategy.placementGroup === groupId;
}

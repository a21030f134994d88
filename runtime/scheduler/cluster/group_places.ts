// Where the bundles of placement groups are: planned by what nodes have free,
// set aside on each node, and committed when all have been, or given back. What
// is lost with a node is placed anew, before groups that are new.

import type { PlacementGroupId } from "../../base/ids.ts";
import {
  GROUP_PATIENCE_MS,
  GROUP_PATIENCE_MS_MAX,
  GROUP_PAUSE_MS,
  GROUP_PREPARE_MS,
  GROUPS_PER_NODE_MAX,
  INFEASIBLE_WARNING_MS,
} from "../../base/limits.ts";
import { resourcesKey } from "../../base/resources.ts";
import { type BundleChoice, sumOfBundles } from "../bundle_placement.ts";
import { parseLabelSelector } from "../label_selector.ts";
import { groupOf } from "./actor_choice.ts";
import { failPlace, findPlace } from "./actor_places.ts";
import { planFor } from "./group_plan.ts";
import type {
  BundlesPrepared,
  GroupFound,
  GroupWanted,
} from "./head_messages.ts";
import {
  BundleAsk,
  checkPlaceEdge,
  GROUP_PLACE_TRANSITIONS,
  type GroupPlace,
  type GroupPlaceState,
  type PlacementState,
} from "./head_state.ts";
import {
  type ClusterNode,
  noteReturned,
  noteSent,
  noteTakenBack,
} from "./node_table.ts";

/** Takes a new group up, and asks nodes for it if there is room. */
export function requestGroupPlace(
  state: PlacementState,
  request: GroupWanted,
): void {
  const { groupId } = request;
  if (state.groups.has(groupId) || state.removedGroups.has(groupId)) return;
  if (state.groups.size >= GROUPS_PER_NODE_MAX) {
    const reason = "limit_reached";
    state.actions.push({ type: "fail_group", groupId, reason });
    return;
  }
  const group = newGroup(state, request);
  for (const actor of state.unplaced) {
    if (groupOf(actor) !== groupId) continue;
    group.actors.add(actor);
    findPlace(state, actor);
  }
  tryGroup(state, group, planFor(state, group));
}

/** It has had its bundles since before this head was started. */
export function adoptGroupPlace(
  state: PlacementState,
  { nodes, attempt, ...found }: GroupFound,
): void {
  if (state.groups.has(found.groupId)) return;
  const group = newGroup(state, { ...found, type: "group_requested" });
  state.attemptCount = Math.max(state.attemptCount, attempt);
  group.attempt = attempt;
  group.isConfirmed = true;
  for (const [index, nodeId] of nodes.entries()) {
    group.nodes[index] = nodeId && state.table.get(nodeId);
  }
  moveGroup(state, group, "preparing");
  moveGroup(state, group, "created");
  if (group.nodes.includes(undefined)) moveGroup(state, group, "broken");
}

function newGroup(state: PlacementState, request: GroupWanted): GroupPlace {
  const { groupId, bundles, strategy, labelSelector } = request;
  const group: GroupPlace = {
    request,
    labels: parseLabelSelector(labelSelector),
    sum: sumOfBundles(bundles),
    shape: [
      strategy,
      JSON.stringify(labelSelector ?? {}),
      ...bundles.map(resourcesKey),
    ].join("|"),
    state: "waiting",
    nodes: bundles.map(() => undefined),
    asks: [],
    attempt: 0,
    isConfirmed: false,
    isPatient: false,
    givenUpAtMs: undefined,
    failures: 0,
    pausedUntilMs: 0,
    infeasibleSinceMs: undefined,
    actors: new Set(),
  };
  state.groups.set(groupId, group);
  state.waiting.add(group);
  return group;
}

/** Gives back all of a group, and ends what is in it or waits for it. */
export function removeGroupPlace(
  state: PlacementState,
  groupId: PlacementGroupId,
): void {
  state.removedGroups.add(groupId);
  const group = state.groups.get(groupId);
  if (!group) {
    for (const actor of [...state.unplaced]) {
      if (groupOf(actor) !== groupId) continue;
      failPlace(state, actor, "group_removed");
    }
    return;
  }
  for (const actor of [...group.actors]) {
    failPlace(state, actor, "group_removed");
  }
  const nodes = new Set(group.asks.map(({ node }) => node));
  for (const [index, node] of group.nodes.entries()) {
    if (!node) continue;
    nodes.add(node);
    noteReturned(node, group.request.bundles[index]!);
  }
  forgetAsks(state, group);
  moveGroup(state, group, "ended");
  state.groups.delete(groupId);
  for (const { nodeId } of nodes) {
    state.actions.push({ type: "remove_group", nodeId, groupId });
  }
  lookAtGroups(state);
}

/** A node has set its bundles aside, or never can. */
export function notePrepared(
  state: PlacementState,
  { groupId, nodeId, attempt, isPrepared }: BundlesPrepared,
): void {
  const group = state.groups.get(groupId);
  if (!group || group.attempt !== attempt) return;
  const ask = group.asks.find(({ node }) => node.nodeId === nodeId);
  if (!ask) return;
  if (!isPrepared) {
    giveUp(state, group);
    return lookAtGroups(state);
  }
  ask.isPrepared = true;
  if (group.asks.every((each) => each.isPrepared)) commit(state, group);
}

/** What was on the node is placed anew. */
export function loseBundles(state: PlacementState, gone: ClusterNode): void {
  for (const group of state.groups.values()) {
    const { nodes, asks } = group;
    const isHit = nodes.includes(gone);
    for (const index of nodes.keys()) {
      if (nodes[index] === gone) nodes[index] = undefined;
    }
    if (isHit || asks.some(({ node }) => node === gone)) {
      if (group.state === "created") moveGroup(state, group, "broken");
      else if (asks.length > 0) giveUp(state, group, gone);
      group.pausedUntilMs = 0;
    }
    if (isHit) tellPlace(state, group);
  }
  lookAtGroups(state);
}

/** Tries all that waits, what is broken first. */
export function lookAtGroups(state: PlacementState): void {
  const plans = new Map<string, BundleChoice>();
  for (const group of [...state.broken, ...state.waiting]) {
    if (state.nowMs < group.pausedUntilMs) continue;
    const isWhole = group.state === "waiting";
    const plan = isWhole && plans.get(group.shape) || planFor(state, group);
    // What is free only shrinks here: where one does not fit, none does.
    if (isWhole && plan.type !== "fits") plans.set(group.shape, plan);
    tryGroup(state, group, plan);
  }
}

/** Gives up what takes too long, and names what no nodes could hold. */
export function watchGroups(state: PlacementState): void {
  for (const group of [...state.preparing]) {
    const { isPatient, failures } = group;
    const patienceMs = Math.min(
      GROUP_PATIENCE_MS * 2 ** Math.min(failures, 8),
      GROUP_PATIENCE_MS_MAX,
    );
    group.givenUpAtMs ??= state.nowMs +
      (isPatient ? patienceMs : GROUP_PREPARE_MS);
    if (state.nowMs >= group.givenUpAtMs) giveUp(state, group);
  }
  if (state.broken.size + state.waiting.size === 0) return;
  lookAtGroups(state);
  for (const group of [...state.broken, ...state.waiting]) {
    if (group.infeasibleSinceMs === undefined) continue;
    const waitedMs = state.nowMs - group.infeasibleSinceMs;
    if (waitedMs >= INFEASIBLE_WARNING_MS) nameInfeasible(state, group);
  }
}

function tryGroup(
  state: PlacementState,
  group: GroupPlace,
  plan: BundleChoice,
): void {
  if (plan.type === "infeasible") {
    group.infeasibleSinceMs ??= state.nowMs;
    return;
  }
  group.infeasibleSinceMs = undefined;
  const isPatient = plan.type === "busy";
  if (isPatient && state.patient) return;
  if (isPatient) state.patient = group;
  prepare(state, group, { nodes: plan.nodes, isPatient });
}

function prepare(
  state: PlacementState,
  group: GroupPlace,
  { nodes, isPatient }: {
    readonly nodes: readonly { readonly nodeId: ClusterNode["nodeId"] }[];
    readonly isPatient: boolean;
  },
): void {
  const { request: { groupId, bundles } } = group;
  const missing = [...bundles.keys()].filter((index) => !group.nodes[index]);
  const indices = new Map<ClusterNode, number[]>();
  for (const [at, { nodeId }] of nodes.entries()) {
    const node = state.table.get(nodeId)!;
    const there = indices.get(node);
    if (there) there.push(missing[at]!);
    else indices.set(node, [missing[at]!]);
  }
  group.asks = Array.from(
    indices,
    ([node, there]) => new BundleAsk(node, there, bundles),
  );
  group.attempt = ++state.attemptCount;
  group.isPatient = isPatient;
  group.givenUpAtMs = undefined;
  moveGroup(
    state,
    group,
    group.state === "waiting" ? "preparing" : "repairing",
  );
  for (const ask of group.asks) {
    noteSent(ask.node, ask, 1);
    state.actions.push({
      type: "prepare_bundles",
      nodeId: ask.node.nodeId,
      groupId,
      attempt: group.attempt,
      bundles: ask.indices.map((index) => [index, bundles[index]!] as const),
    });
  }
}

function commit(state: PlacementState, group: GroupPlace): void {
  const { asks, attempt, request: { groupId } } = group;
  for (const { node, indices } of asks) {
    for (const index of indices) group.nodes[index] = node;
    const { nodeId } = node;
    state.actions.push({ type: "commit_bundles", nodeId, groupId, attempt });
  }
  group.asks = [];
  group.failures = 0;
  moveGroup(state, group, "created");
  const wasPatient = state.patient === group;
  if (wasPatient) state.patient = undefined;
  if (!group.isConfirmed) {
    const nodeIds = group.nodes.map((node) => node!.nodeId);
    state.actions.push({ type: "confirm_group", groupId, nodeIds });
  }
  group.isConfirmed = true;
  tellPlace(state, group);
  for (const actor of group.actors) {
    if (actor.state === "unplaced") findPlace(state, actor);
  }
  if (wasPatient) lookAtGroups(state);
}

/** What was set aside is given back, and tried again later. */
function giveUp(
  state: PlacementState,
  group: GroupPlace,
  gone?: ClusterNode,
): void {
  const { asks, attempt, request: { groupId } } = group;
  for (const { node } of asks) {
    if (node === gone) continue;
    const { nodeId } = node;
    state.actions.push({ type: "return_bundles", nodeId, groupId, attempt });
  }
  forgetAsks(state, group);
  moveGroup(
    state,
    group,
    group.state === "preparing" ? "waiting" : "broken",
  );
  group.failures++;
  group.pausedUntilMs = state.nowMs + GROUP_PAUSE_MS;
}

function forgetAsks(state: PlacementState, group: GroupPlace): void {
  for (const ask of group.asks) {
    if (ask.isPrepared) noteReturned(ask.node, ask.need);
    else noteTakenBack(ask.node, ask, 1);
    ask.node.sent.delete(ask);
  }
  group.asks = [];
  if (state.patient === group) state.patient = undefined;
}

function tellPlace(
  { actions }: PlacementState,
  { nodes, request: { groupId, bundles } }: GroupPlace,
): void {
  actions.push({
    type: "tell_group_place",
    groupId,
    bundles: bundles.map((resources, index) => ({
      nodeId: nodes[index]?.nodeId,
      resources,
    })),
  });
}

function nameInfeasible(state: PlacementState, group: GroupPlace): void {
  const { groupId } = group.request;
  const key = `group ${groupId}`;
  if (state.warned.has(key)) return;
  const plan = planFor(state, group);
  if (plan.type !== "infeasible") return;
  state.warned.add(key);
  const { reason, lacking } = plan;
  state.actions.push({
    type: "warn_infeasible",
    subject: { groupId },
    reason,
    needed: group.sum,
    lacking,
  });
}

function moveGroup(
  state: PlacementState,
  group: GroupPlace,
  to: GroupPlaceState,
): void {
  const { groupId: id } = group.request;
  checkPlaceEdge(GROUP_PLACE_TRANSITIONS, { id, from: group.state, to });
  group.state = to;
  state.waiting.delete(group);
  state.broken.delete(group);
  state.preparing.delete(group);
  if (to === "waiting") state.waiting.add(group);
  if (to === "broken") state.broken.add(group);
  if (to === "preparing" || to === "repairing") state.preparing.add(group);
}

// Which node an actor is asked for, and what follows from the answer. An actor
// for which no node has room waits at one, whose scheduler makes room for it.

import {
  ACTOR_PLACES_MAX,
  INFEASIBLE_WARNING_MS,
  SPREAD_MOVE_MS,
  SPREAD_MOVE_MS_MAX,
} from "../../base/limits.ts";
import { NO_RESOURCES, resourcesKey } from "../../base/resources.ts";
import { actorNeed } from "../actors.ts";
import { labelsMatch, parseLabelSelector } from "../label_selector.ts";
import type { UnschedulableReason } from "../messages.ts";
import { leastLacking } from "../placement.ts";
import { chooseForActor, groupOf, isBound } from "./actor_choice.ts";
import type {
  ActorFound,
  ActorNotPlaced,
  ActorPlacedAt,
  ActorWanted,
} from "./head_messages.ts";
import {
  ACTOR_PLACE_TRANSITIONS,
  ActorPlace,
  type ActorPlaceState,
  checkPlaceEdge,
  type PlacementState,
} from "./head_state.ts";
import {
  type ClusterNode,
  noteReturned,
  noteSent,
  noteTakenBack,
  roomFor,
} from "./node_table.ts";

/** Finds a node for an actor; one that waits for its node is not new. */
export function requestPlace(
  state: PlacementState,
  request: ActorWanted,
): void {
  const { actorId } = request;
  const known = state.actors.get(actorId);
  if (known && known.state !== "placed") return;
  // It is made again: its thread has ended, and its node has forgotten it.
  if (known) forgetActor(state, known);
  const actor = newPlace(state, request);
  const groupId = groupOf(actor);
  if (groupId && state.removedGroups.has(groupId)) {
    return failPlace(state, actor, "group_removed");
  }
  if (groupId) state.groups.get(groupId)?.actors.add(actor);
  findPlace(state, actor);
}

/** It has had its place since before this head was started. */
export function adoptPlace(
  state: PlacementState,
  { nodeId, ...found }: ActorFound,
): void {
  const node = state.table.get(nodeId);
  if (!node || state.actors.has(found.actorId)) return;
  const actor = newPlace(state, { ...found, type: "actor_requested" });
  actor.node = node;
  moveActor(state, actor, "asked");
  moveActor(state, actor, "placed");
  state.hosted.set(node, (state.hosted.get(node) ?? 0) + unheldCpu(actor));
  const groupId = groupOf(actor);
  if (groupId) state.groups.get(groupId)?.actors.add(actor);
}

function newPlace(state: PlacementState, request: ActorWanted): ActorPlace {
  const { actorId, spec } = request;
  const actor = new ActorPlace(request, {
    labels: parseLabelSelector(spec.labelSelector),
    wanted: actorNeed(spec),
    settleMs: SPREAD_MOVE_MS,
  });
  state.actors.set(actorId, actor);
  state.unplaced.add(actor);
  return actor;
}

/** Asks a node for the actor, if there is one that could hold it. */
export function findPlace(state: PlacementState, actor: ActorPlace): void {
  const choice = chooseForActor(state, actor);
  if (choice.type === "never") return failPlace(state, actor, choice.reason);
  if (choice.type === "node") askNode(state, actor, choice.node);
}

/** A node has given it a thread. */
export function notePlaced(state: PlacementState, event: ActorPlacedAt): void {
  const actor = state.actors.get(event.actorId);
  // One that is elsewhere by now was released there.
  if (actor?.state !== "asked" || actor.node?.nodeId !== event.nodeId) return;
  moveActor(state, actor, "placed");
  state.actions.push({ ...event, type: "place_actor" });
}

/** A node does not take it: another one may. */
export function noteRefused(
  state: PlacementState,
  event: ActorNotPlaced,
): void {
  const { actorId, nodeId, reason } = event;
  const actor = state.actors.get(actorId);
  if (!actor?.node || actor.node.nodeId !== nodeId) return;
  if (actor.state === "placed") return failPlace(state, actor, reason);
  actor.refusals.add(nodeId);
  leaveNode(state, actor);
  const isFinal = isBound(actor) || actor.refusals.size >= ACTOR_PLACES_MAX;
  if (isFinal) return failPlace(state, actor, reason);
  findPlace(state, actor);
  if (actor.state === "unplaced") failPlace(state, actor, reason);
}

/** It needs its place no more. */
export function releasePlace(state: PlacementState, actor: ActorPlace): void {
  const { node, request: { actorId } } = actor;
  if (node) {
    const { nodeId } = node;
    state.actions.push({ type: "release_actor", nodeId, actorId });
  }
  forgetActor(state, actor);
}

/** It can have no place. */
export function failPlace(
  state: PlacementState,
  actor: ActorPlace,
  reason: UnschedulableReason,
): void {
  const { actorId, owner } = actor.request;
  forgetActor(state, actor);
  state.actions.push({ type: "fail_actor", actorId, owner, reason });
}

/** A node is gone: what it was asked for is asked for elsewhere. */
export function loseActors(state: PlacementState, node: ClusterNode): void {
  state.hosted.delete(node);
  for (const actor of [...state.actors.values()]) {
    if (actor.node !== node) continue;
    if (actor.state === "asked") {
      leaveNode(state, actor);
      findPlace(state, actor);
    } else actor.node = undefined;
  }
}

/** Nodes joined, or take nothing new: others may hold what waits. */
export function replaceActors(state: PlacementState): void {
  for (const actor of [...state.asked]) {
    if (actor.node!.isOpen || isBound(actor)) continue;
    takeBack(state, actor);
  }
  for (const actor of [...state.unplaced]) findPlace(state, actor);
}

/** What waits where there is no room goes where there is. */
export function moveActors(state: PlacementState): void {
  const open = state.table.order.filter(({ isOpen, available }) =>
    isOpen && (available["CPU"] ?? 0) > 0
  );
  for (const actor of [...state.asked]) {
    actor.waitingSinceMs ??= state.nowMs;
    if (!isStuck(state, actor)) continue;
    const { wanted } = actor;
    const nodes = (wanted["CPU"] ?? 0) > 0 ? open : state.table.order;
    if (!nodes.some((node) => roomFor(node, wanted, 1) > 0)) continue;
    const choice = chooseForActor(state, actor);
    if (choice.type !== "node" || !choice.fits) continue;
    if (choice.node === actor.node) continue;
    actor.settledUntilMs = state.nowMs + actor.settleMs;
    actor.settleMs = Math.min(2 * actor.settleMs, SPREAD_MOVE_MS_MAX);
    takeBack(state, actor);
    askNode(state, actor, choice.node);
  }
}

/** Names what no node could ever hold, when it has waited long enough. */
export function warnOfActors(state: PlacementState): void {
  for (const actor of state.unplaced) {
    actor.waitingSinceMs ??= state.nowMs;
    if (actor.isNamed || groupOf(actor)) continue;
    if (state.nowMs - actor.waitingSinceMs < INFEASIBLE_WARNING_MS) continue;
    actor.isNamed = true;
    const { request: { actorId, owner, jobId, spec }, labels, wanted } = actor;
    const selector = JSON.stringify(spec.labelSelector ?? {});
    const key = `${jobId} ${resourcesKey(wanted)} ${selector}`;
    if (state.warned.has(key)) continue;
    state.warned.add(key);
    const matching = state.table.order.filter((node) =>
      labelsMatch(node.labels, labels)
    );
    const isOfLabels = matching.length === 0;
    state.actions.push({
      type: "warn_infeasible",
      subject: { actorId, owner },
      reason: isOfLabels ? "labels" : "resources",
      needed: wanted,
      lacking: isOfLabels ? NO_RESOURCES : leastLacking(matching, wanted),
    });
  }
}

/** Whether others wait at its node as well, and there is no room. */
function isStuck(state: PlacementState, actor: ActorPlace): boolean {
  const { node, wanted, fresh, waitingSinceMs } = actor;
  if (!node || isBound(actor) || state.nowMs < actor.settledUntilMs) {
    return false;
  }
  if (state.nowMs - waitingSinceMs! < SPREAD_MOVE_MS) return false;
  if (fresh > 0 || (node.waiting === 0 && !node.isLocal)) return false;
  return roomFor(node, wanted, 1) === 0;
}

function askNode(
  state: PlacementState,
  actor: ActorPlace,
  node: ClusterNode,
): void {
  const { actorId, owner, jobId, spec, isolation } = actor.request;
  actor.node = node;
  moveActor(state, actor, "asked");
  noteSent(node, actor, 1);
  state.hosted.set(node, (state.hosted.get(node) ?? 0) + unheldCpu(actor));
  state.actions.push({
    type: "request_actor",
    nodeId: node.nodeId,
    actorId,
    owner,
    jobId,
    spec,
    isolation,
  });
}

/** Its node is told that it is wanted there no more. */
function takeBack(state: PlacementState, actor: ActorPlace): void {
  const { nodeId } = actor.node!;
  const { actorId } = actor.request;
  state.actions.push({ type: "release_actor", nodeId, actorId });
  leaveNode(state, actor);
}

function leaveNode(state: PlacementState, actor: ActorPlace): void {
  unhost(state, actor);
  moveActor(state, actor, "unplaced");
  actor.node = undefined;
}

function forgetActor(state: PlacementState, actor: ActorPlace): void {
  unhost(state, actor);
  moveActor(state, actor, "ended");
  actor.node = undefined;
  state.actors.delete(actor.request.actorId);
  const groupId = groupOf(actor);
  if (groupId) state.groups.get(groupId)?.actors.delete(actor);
}

function unhost(state: PlacementState, actor: ActorPlace): void {
  const { node } = actor;
  if (!node) return;
  const hosted = state.hosted.get(node);
  if (hosted !== undefined) state.hosted.set(node, hosted - unheldCpu(actor));
  if (actor.state === "placed") noteReturned(node, actor.need);
  else noteTakenBack(node, actor, 1);
  node.sent.delete(actor);
}

function unheldCpu({ wanted, need }: ActorPlace): number {
  return Math.max(0, (wanted["CPU"] ?? 0) - (need["CPU"] ?? 0));
}

function moveActor(
  state: PlacementState,
  actor: ActorPlace,
  to: ActorPlaceState,
): void {
  const { actorId: id } = actor.request;
  checkPlaceEdge(ACTOR_PLACE_TRANSITIONS, { id, from: actor.state, to });
  actor.state = to;
  actor.waitingSinceMs = undefined;
  state.unplaced.delete(actor);
  state.asked.delete(actor);
  if (to === "unplaced") state.unplaced.add(actor);
  if (to === "asked") state.asked.add(actor);
}

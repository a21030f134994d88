// The head's placing of actors and placement groups on the nodes of the
// cluster, by what they report less what was sent to them since. A pure state
// machine: no I/O, no clock. What happens within a node, its scheduler decides.

import { unreachable } from "../../base/errors.ts";
import type { NodeId, PlacementGroupId } from "../../base/ids.ts";
import { IDS_REMEMBERED_MAX } from "../../base/limits.ts";
import { RecentSet } from "../recent_set.ts";
import {
  adoptPlace,
  loseActors,
  moveActors,
  notePlaced,
  noteRefused,
  releasePlace,
  replaceActors,
  requestPlace,
  warnOfActors,
} from "./actor_places.ts";
import {
  adoptGroupPlace,
  loseBundles,
  notePrepared,
  removeGroupPlace,
  requestGroupPlace,
  watchGroups,
} from "./group_places.ts";
import type { PlacementAction, PlacementEvent } from "./head_messages.ts";
import type {
  ActorPlace,
  GroupPlace,
  GroupPlaceState,
  PlacementState,
} from "./head_state.ts";
import type { GroupLocated, ReportedNode } from "./messages.ts";
import { NodeTable, type OwnNode } from "./node_table.ts";

/** See the head of the file. */
export class ClusterPlacement {
  readonly #state: PlacementState;

  constructor(own: OwnNode) {
    this.#state = {
      table: new NodeTable(own),
      actors: new Map(),
      unplaced: new Set(),
      asked: new Set(),
      hosted: new Map(),
      groups: new Map(),
      broken: new Set(),
      waiting: new Set(),
      preparing: new Set(),
      removedGroups: new RecentSet(IDS_REMEMBERED_MAX),
      patient: undefined,
      warned: new RecentSet(IDS_REMEMBERED_MAX),
      lastServed: undefined,
      attemptCount: 0,
      nowMs: 0,
      actions: [],
    };
  }

  /**
   * Takes note of what happened and says what is to be done about it, in this
   * order and before the next event: what the own node has free is read anew.
   */
  handle(event: PlacementEvent): PlacementAction[] {
    const state = this.#state;
    state.actions = [];
    state.table.refreshOwn();
    this.#apply(event);
    return state.actions;
  }

  /** Whether anything waits, so that the clock must tick. */
  get isWaiting(): boolean {
    const { unplaced, asked, broken, waiting, preparing } = this.#state;
    return unplaced.size + asked.size + broken.size + waiting.size +
        preparing.size > 0;
  }

  /** Where a group is now, for a node that asks; nothing: it is not there. */
  locate(groupId: PlacementGroupId): GroupLocated["bundles"] | undefined {
    const group = this.#state.groups.get(groupId);
    return group?.request.bundles.map((resources, index) => ({
      nodeId: group.nodes[index]?.nodeId,
      resources,
    }));
  }

  /** All of a group's place. */
  group(groupId: PlacementGroupId): GroupPlace | undefined {
    return this.#state.groups.get(groupId);
  }

  /** What the group waits for, for the listings. */
  groupState(groupId: PlacementGroupId): GroupPlaceState {
    return this.#state.groups.get(groupId)?.state ?? "ended";
  }

  /** The places of actors, for the listings and tests. */
  actors(): Iterable<ActorPlace> {
    return this.#state.actors.values();
  }

  /** The places of groups, for the listings and tests. */
  groups(): Iterable<GroupPlace> {
    return this.#state.groups.values();
  }

  #apply(event: PlacementEvent): void {
    const state = this.#state;
    switch (event.type) {
      case "actor_requested":
        return requestPlace(state, event);
      case "actor_placed_at":
        return notePlaced(state, event);
      case "actor_not_placed":
        return noteRefused(state, event);
      case "actor_released": {
        const actor = state.actors.get(event.actorId);
        return actor && releasePlace(state, actor);
      }
      case "group_requested":
        return requestGroupPlace(state, event);
      case "group_removed":
        return removeGroupPlace(state, event.groupId);
      case "bundles_prepared":
        return notePrepared(state, event);
      case "actor_found":
        return adoptPlace(state, event);
      case "group_found":
        return adoptGroupPlace(state, event);
      case "views_changed":
        return this.#report(event.views);
      case "node_gone":
        return this.#loseNode(event.nodeId);
      case "clock_ticked":
        state.nowMs = Math.max(state.nowMs, event.nowMs);
        moveActors(state);
        warnOfActors(state);
        return watchGroups(state);
      default:
        return unreachable(event);
    }
  }

  /** What is free is used at the next tick, for all reports since. */
  #report(views: readonly ReportedNode[]): void {
    const state = this.#state;
    const { gone, isChanged } = state.table.report(views);
    for (const node of gone) {
      loseBundles(state, node);
      loseActors(state, node);
    }
    if (isChanged) replaceActors(state);
  }

  #loseNode(nodeId: NodeId): void {
    const state = this.#state;
    const node = state.table.remove(nodeId);
    if (!node) return;
    loseBundles(state, node);
    loseActors(state, node);
  }
}

// Stands between the owners of a node and the schedulers of all nodes: splits
// what each owner wants, and splits it again when nodes change. A pure state
// machine: no I/O, no clock. It sees counts of leases, never tasks.

import { unreachable } from "../../base/errors.ts";
import type { WorkerId } from "../../base/ids.ts";
import { IDS_REMEMBERED_MAX } from "../../base/limits.ts";
import type { ResourceSet } from "../../base/resources.ts";
import { RecentSet } from "../recent_set.ts";
import type { SpreadAction, SpreadEvent } from "./messages.ts";
import { NodeTable, type OwnNode } from "./node_table.ts";
import { countLease, uncountLease } from "./spread_leases.ts";
import { watchWaiting } from "./spread_moves.ts";
import {
  locateGroup,
  loseGroup,
  loseNodes,
  takeReports,
} from "./spread_nodes.ts";
import {
  allDemands,
  isAlone,
  type SpreadDemand,
  type SpreadState,
  tellNodes,
} from "./spread_state.ts";
import {
  adoptDemand,
  forgetOwner,
  setWanted,
  takeRefusal,
} from "./spread_wants.ts";

/** What no node is asked for, for the status. */
export interface UnplacedView {
  readonly owner: WorkerId;
  readonly classKey: string;
  readonly count: number;
  readonly needed: ResourceSet;
}

/** See the head of the file. */
export class DemandSpread {
  readonly #state: SpreadState;

  constructor(own: OwnNode) {
    this.#state = {
      ownId: own.nodeId,
      table: new NodeTable(own),
      owners: new Map(),
      endedOwners: new RecentSet(IDS_REMEMBERED_MAX),
      leases: new Map(),
      waiting: new Set(),
      groups: new Map(),
      removedGroups: new RecentSet(IDS_REMEMBERED_MAX),
      warned: new RecentSet(IDS_REMEMBERED_MAX),
      lastServed: undefined,
      nowMs: 0,
      touched: new Set(),
      unseen: new Set(),
      actions: [],
    };
  }

  /**
   * Takes note of what happened and says what is to be done about it, in this
   * order and before the next event: what the own node has free is read anew.
   */
  handle(event: SpreadEvent): SpreadAction[] {
    const state = this.#state;
    state.actions = [];
    this.#apply(event);
    if (state.touched.size > 0) tellNodes(state);
    return state.actions;
  }

  /** Whether anything waits, so that the clock must tick. */
  get isWaiting(): boolean {
    return this.#state.waiting.size > 0;
  }

  /** What no node is asked for: none could hold it, or it is not known. */
  unplaced(): UnplacedView[] {
    return [...this.#state.waiting]
      .filter(({ unplaced }) => unplaced > 0)
      .map(({ owner, classKey, unplaced, spec }) => ({
        owner,
        classKey,
        count: unplaced,
        needed: spec.resources,
      }));
  }

  /** All that is known of what owners want. */
  demands(): SpreadDemand[] {
    return [...allDemands(this.#state)];
  }

  #apply(event: SpreadEvent): void {
    const state = this.#state;
    switch (event.type) {
      case "demand_wanted":
        return setWanted(state, event);
      case "demand_adopted":
        return adoptDemand(state, event);
      case "lease_granted":
        return countLease(state, event);
      case "lease_returning":
      case "lease_gone":
        return uncountLease(state, event);
      case "views_changed":
        return takeReports(state, event.views);
      case "node_gone": {
        const node = state.table.remove(event.nodeId);
        return node && loseNodes(state, [node]);
      }
      case "owner_ended":
        return forgetOwner(state, event.owner);
      case "demand_failed":
        return takeRefusal(state, event);
      case "group_located":
        return locateGroup(state, event);
      case "group_gone":
        return loseGroup(state, event.groupId);
      case "clock_ticked":
        state.nowMs = Math.max(state.nowMs, event.nowMs);
        if (isAlone(state)) return;
        state.table.refreshOwn();
        return watchWaiting(state);
      default:
        return unreachable(event);
    }
  }
}

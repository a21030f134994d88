// The head's placing with short words for its events. What the head's own node
// has free is set by hand.

import type {
  ActorId,
  JobId,
  NodeId,
  PlacementGroupId,
  WorkerId,
} from "../../../../runtime/base/ids.ts";
import { ClusterPlacement } from "../../../../runtime/scheduler/cluster/cluster_placement.ts";
import type {
  PlacementAction,
  PlacementEvent,
  PrepareBundles,
  RequestActor,
} from "../../../../runtime/scheduler/cluster/head_messages.ts";
import type {
  GroupStrategy,
  Strategy,
} from "../../../../runtime/scheduler/messages.ts";
import { type Amounts, units } from "../scheduler_fixture.ts";
import { type NodeWords, reportOf } from "./spread_fixture.ts";

/** What a test says of an actor. */
export interface PlaceWords {
  readonly placement?: Amounts;
  readonly held?: Amounts;
  readonly strategy?: Strategy;
  readonly labelSelector?: Readonly<Record<string, string>>;
  readonly near?: string;
}

/** A placing that is driven by hand. */
export class DrivenPlacement {
  readonly placement: ClusterPlacement;
  ownFree: Amounts;
  readonly #totals = new Map<string, Amounts>();

  constructor(total: Amounts = { CPU: 4 }) {
    this.ownFree = total;
    this.placement = new ClusterPlacement({
      nodeId: "n-a" as NodeId,
      total: units(total),
      available: () => units(this.ownFree),
    });
  }

  send(event: PlacementEvent): PlacementAction[] {
    return this.placement.handle(event);
  }

  view(nodeId: string, words: NodeWords = {}): PlacementAction[] {
    const total = words.total ?? this.#totals.get(nodeId) ?? { CPU: 4 };
    this.#totals.set(nodeId, total);
    const views = [reportOf(nodeId, { ...words, total })];
    return this.send({ type: "views_changed", views });
  }

  gone(nodeId: string): PlacementAction[] {
    return this.send({ type: "node_gone", nodeId: nodeId as NodeId });
  }

  tick(nowMs: number): PlacementAction[] {
    return this.send({ type: "clock_ticked", nowMs });
  }

  /** The nodes that are asked for it, or what else is said. */
  actor(actorId: string, words: PlaceWords = {}): string[] {
    const { placement = { CPU: 1 }, held = {}, strategy = "default" } = words;
    const { labelSelector, near } = words;
    return wordsOf(this.send({
      type: "actor_requested",
      actorId: actorId as ActorId,
      owner: "w-1" as WorkerId,
      jobId: "j-1" as JobId,
      isolation: "thread",
      spec: {
        placement: units(placement),
        held: units(held),
        strategy,
        ...(labelSelector ? { labelSelector } : {}),
      },
      ...(near ? { near: near as NodeId } : {}),
    }));
  }

  placed(actorId: string, nodeId: string): PlacementAction[] {
    return this.send({
      type: "actor_placed_at",
      actorId: actorId as ActorId,
      nodeId: nodeId as NodeId,
      threadId: `w-${actorId}` as WorkerId,
    });
  }

  refused(actorId: string, nodeId: string): string[] {
    return wordsOf(this.send({
      type: "actor_not_placed",
      actorId: actorId as ActorId,
      nodeId: nodeId as NodeId,
      reason: "limit_reached",
    }));
  }

  released(actorId: string): string[] {
    const id = actorId as ActorId;
    return wordsOf(this.send({ type: "actor_released", actorId: id }));
  }

  group(
    groupId: string,
    bundles: readonly Amounts[],
    strategy: GroupStrategy = "pack",
  ): PlacementAction[] {
    return this.send({
      type: "group_requested",
      groupId: groupId as PlacementGroupId,
      bundles: bundles.map(units),
      strategy,
    });
  }

  /** Every node that is asked sets its bundles aside. */
  prepareAll(actions: readonly PlacementAction[]): PlacementAction[] {
    return actions.filter((action) => action.type === "prepare_bundles")
      .flatMap((action) => this.answer(action, true));
  }

  answer(
    { groupId, nodeId, attempt }: PrepareBundles,
    isPrepared: boolean,
  ): PlacementAction[] {
    return this.send({
      type: "bundles_prepared",
      groupId,
      nodeId,
      attempt,
      isPrepared,
    });
  }

  removed(groupId: string): string[] {
    const id = groupId as PlacementGroupId;
    return wordsOf(this.send({ type: "group_removed", groupId: id }));
  }
}

/** Actions in a few words each, without those that only tell. */
export function wordsOf(actions: readonly PlacementAction[]): string[] {
  return actions.filter(({ type }) => type !== "tell_group_place")
    .map(wordOf);
}

function wordOf(action: PlacementAction): string {
  switch (action.type) {
    case "request_actor":
      return action.nodeId;
    case "fail_actor":
      return `failed: ${action.reason}`;
    case "prepare_bundles": {
      const indices = action.bundles.map(([index]) => index);
      return `${action.nodeId}: ${indices.join(" ")}`;
    }
    case "confirm_group":
      return `confirmed: ${action.nodeIds.join(" ")}`;
    case "warn_infeasible":
      return `warned: ${action.reason}`;
    default:
      return "nodeId" in action
        ? `${action.type} ${action.nodeId}`
        : action.type;
  }
}

/** The requests among the actions. */
export function requestsIn(
  actions: readonly PlacementAction[],
): RequestActor[] {
  return actions.filter((action) => action.type === "request_actor");
}

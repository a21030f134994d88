// What becomes of a cluster whose head has died and was started again: waits
// for the nodes to come back and say what they host, for a bounded time, and
// decides then, once, what is as it was, what is lost and what is to be undone.
// Pure: `handle(event)` gives the actions; the wiring performs them in order.

import type {
  ActorId,
  JobId,
  NodeId,
  PlacementGroupId,
  WorkerId,
} from "../base/ids.ts";
import { HEAD_NODES_AWAITED_MS } from "../base/limits.ts";
import type {
  JobFacts,
  NodeFacts,
  NodeHosting,
} from "../protocol/cluster_messages.ts";
import type { SavedActor, SavedGroup, SavedHead } from "./saved_head.ts";

export type RecoveryEvent =
  | {
    readonly type: "node_returned";
    readonly nodeId: NodeId;
    readonly hosting: NodeHosting;
  }
  /** One that had returned is dead. */
  | { readonly type: "node_gone"; readonly nodeId: NodeId }
  | { readonly type: "clock_ticked"; readonly nowMs: number };

export type RecoveryAction =
  /** A node did not come back: it is dead to all from now on. */
  | { readonly type: "bury_node"; readonly facts: NodeFacts }
  | { readonly type: "open_job"; readonly job: JobFacts }
  | { readonly type: "end_job"; readonly jobId: JobId }
  /** It is where it was, but for the bundles that are nowhere now. */
  | {
    readonly type: "keep_group";
    readonly group: SavedGroup;
    readonly nodes: readonly (NodeId | undefined)[];
  }
  /** It was never whole: it is asked for again. */
  | { readonly type: "ask_group"; readonly group: SavedGroup }
  | { readonly type: "remove_group"; readonly groupId: PlacementGroupId }
  | {
    readonly type: "settle_bundles";
    readonly nodeId: NodeId;
    readonly groupId: PlacementGroupId;
    readonly attempt: number;
    readonly how: "commit" | "return" | "remove";
  }
  /** What a node hosts and no one knows, or not there. */
  | {
    readonly type: "release_actor";
    readonly nodeId: NodeId;
    readonly actorId: ActorId;
    readonly threadId?: WorkerId;
  }
  | {
    readonly type: "keep_actor";
    readonly actorId: ActorId;
    readonly nodeId: NodeId;
  }
  /** It was alive and is not where it was. */
  | {
    readonly type: "lose_actor";
    readonly actorId: ActorId;
    readonly reason: string;
  }
  /** It was being made: it is made again. */
  | { readonly type: "place_actor"; readonly actorId: ActorId }
  /** A creator of actors is gone. */
  | { readonly type: "end_creator"; readonly workerId: WorkerId }
  /** The last: what has waited for it goes on. */
  | { readonly type: "end_recovery" };

/** See the head of the file. */
export class HeadRecovery {
  readonly #saved: SavedHead;
  readonly #awaited = new Set<NodeId>();
  readonly #returned = new Map<NodeId, NodeHosting>();
  #startedAtMs: number | undefined;
  #isOver = false;

  constructor(saved: SavedHead) {
    this.#saved = saved;
    for (const { nodeId, isHead } of saved.nodes) {
      if (!isHead) this.#awaited.add(nodeId);
    }
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  handle(event: RecoveryEvent): RecoveryAction[] {
    if (this.#isOver) return [];
    switch (event.type) {
      case "node_returned":
        this.#awaited.delete(event.nodeId);
        this.#returned.set(event.nodeId, event.hosting);
        break;
      case "node_gone":
        this.#awaited.delete(event.nodeId);
        this.#returned.delete(event.nodeId);
        break;
      case "clock_ticked":
        this.#startedAtMs ??= event.nowMs;
        if (event.nowMs - this.#startedAtMs >= HEAD_NODES_AWAITED_MS) {
          this.#awaited.clear();
        }
        // The first tick begins it: before it nothing can be done yet.
        break;
    }
    if (this.#startedAtMs === undefined || this.#awaited.size > 0) return [];
    this.#isOver = true;
    return this.#decide();
  }

  #decide(): RecoveryAction[] {
    const { nodes, jobs, actors, groups } = this.#saved;
    const returned = this.#returned;
    const living = new Set<WorkerId>();
    for (const { workers } of returned.values()) {
      for (const worker of workers) living.add(worker);
    }
    return [
      ...nodes.filter(({ nodeId }) => !returned.has(nodeId))
        .map((facts) => ({ type: "bury_node", facts } as const)),
      ...jobs.flatMap((job) => jobActions(job, living)),
      ...this.#settleGroups(groups, living),
      ...this.#settleActors(actors, living),
      { type: "end_recovery" },
    ];
  }

  // -- Groups ----------------------------------------------------------------

  #settleGroups(
    groups: readonly SavedGroup[],
    living: ReadonlySet<WorkerId>,
  ): RecoveryAction[] {
    const actions: RecoveryAction[] = [];
    const kept = new Map<PlacementGroupId, SavedGroup>();
    for (const group of groups) {
      const { groupId, creator, detached } = group;
      if (detached || living.has(creator)) kept.set(groupId, group);
      else actions.push({ type: "remove_group", groupId });
    }
    for (const [nodeId, { bundles }] of this.#returned) {
      for (const { groupId, attempt, isCommitted } of bundles) {
        const group = kept.get(groupId);
        const isPlaced = group?.nodes.includes(nodeId) ?? false;
        const how = !group
          ? "remove"
          : isCommitted
          ? undefined
          : isPlaced && group.attempt === attempt
          ? "commit"
          : "return";
        if (!how) continue;
        const settled = { nodeId, groupId, attempt, how } as const;
        actions.push({ type: "settle_bundles", ...settled });
      }
    }
    for (const group of kept.values()) actions.push(this.#keep(group));
    return actions;
  }

  #keep(group: SavedGroup): RecoveryAction {
    if (group.nodes.length === 0) return { type: "ask_group", group };
    const nodes = group.nodes.map((nodeId) => {
      const hosting = nodeId ? this.#returned.get(nodeId) : undefined;
      const isThere = hosting?.bundles.some(({ groupId, ...bundles }) =>
        groupId === group.groupId &&
        (bundles.isCommitted || bundles.attempt === group.attempt)
      );
      return nodeId && isThere ? nodeId : undefined;
    });
    return { type: "keep_group", group, nodes };
  }

  // -- Actors ----------------------------------------------------------------

  #settleActors(
    actors: readonly SavedActor[],
    living: ReadonlySet<WorkerId>,
  ): RecoveryAction[] {
    const hosts = new Map<string, NodeId>();
    for (const [nodeId, hosting] of this.#returned) {
      for (const { actorId, threadId } of hosting.actors) {
        hosts.set(`${actorId} ${threadId}`, nodeId);
      }
    }
    const settled: RecoveryAction[] = [];
    const gone = new Set<WorkerId>();
    const kept = new Map<ActorId, NodeId>();
    for (const { actor, creator, threadId } of actors) {
      const { actorId, detached } = actor;
      if (!detached && !living.has(creator)) gone.add(creator);
      else if (!threadId) settled.push({ type: "place_actor", actorId });
      else {
        const nodeId = hosts.get(`${actorId} ${threadId}`);
        const reason = "its thread ended while the head was down";
        if (!nodeId) settled.push({ type: "lose_actor", actorId, reason });
        else {
          kept.set(actorId, nodeId);
          settled.push({ type: "keep_actor", actorId, nodeId });
        }
      }
    }
    return [
      ...this.#releaseStrays(kept),
      ...[...gone].map((workerId) =>
        ({ type: "end_creator", workerId }) as const
      ),
      // Those that stay take their places before others look for one.
      ...settled.filter(({ type }) => type === "keep_actor"),
      ...settled.filter(({ type }) => type !== "keep_actor"),
    ];
  }

  #releaseStrays(kept: ReadonlyMap<ActorId, NodeId>): RecoveryAction[] {
    return [...this.#returned].flatMap(([nodeId, { actors }]) =>
      actors.filter(({ actorId }) => kept.get(actorId) !== nodeId)
        .map((actor) => ({ type: "release_actor", nodeId, ...actor }) as const)
    );
  }
}

/** A driver that is not linked to a node that is back is gone. */
function jobActions(
  job: JobFacts,
  living: ReadonlySet<WorkerId>,
): RecoveryAction[] {
  const isOver = job.isOver || !living.has(job.driver);
  const opened = { type: "open_job", job: { ...job, isOver } } as const;
  return isOver ? [opened, { type: "end_job", jobId: job.jobId }] : [opened];
}

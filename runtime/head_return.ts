// A head that was started again after its process had died: takes up what was
// kept, lets all that concerns it wait until the nodes are back or given up,
// and performs then what the pure part decides. Belongs to the wiring of a head.

import { every } from "./base/clock.ts";
import { NodeDiedError } from "./base/errors.ts";
import type { NodeId, WorkerId } from "./base/ids.ts";
import { NODE_REPORT_MS } from "./base/limits.ts";
import type { ClusterHead } from "./cluster_head.ts";
import {
  HeadRecovery,
  type RecoveryAction,
  type RecoveryEvent,
} from "./control/head_recovery.ts";
import type { SavedHead } from "./control/saved_head.ts";
import { actorRequest, type NodeActors } from "./node_actors.ts";
import type { MemberNode } from "./member_node.ts";
import type { ClusterMessage, NodeFacts } from "./protocol/cluster_messages.ts";

/** What is needed of the head. */
export interface HeadReturnPorts {
  readonly node: Pick<MemberNode, "actors" | "groups" | "surroundings">;
  readonly head: ClusterHead;
  /** Performs a message that has waited, or that the head tells itself. */
  receive(from: NodeId, message: ClusterMessage): void;
  send(nodeId: NodeId, message: ClusterMessage): void;
  /** A node has not come back. */
  bury(facts: NodeFacts): void;
  isThere(nodeId: NodeId): boolean;
  flush(): void;
}

/** What goes on as if nothing had happened. */
const PASSING: ReadonlySet<string> = new Set(
  ["node_welcome", "node_report"] satisfies ClusterMessage["type"][],
);

const SETTLING = {
  commit: "bundles_commit",
  return: "bundles_return",
  remove: "bundles_remove",
} as const;

/** See the head of the file. */
export class HeadReturn {
  /** Resolves when all is settled. */
  readonly settled: Promise<void>;
  readonly #ports: HeadReturnPorts;
  readonly #recovery: HeadRecovery;
  #held: (readonly [NodeId, ClusterMessage])[] = [];
  #end = () => {};
  readonly #endTicks: () => void;

  constructor(saved: SavedHead, ports: HeadReturnPorts) {
    this.#ports = ports;
    this.#recovery = new HeadRecovery(saved);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.settled = promise;
    this.#end = resolve;
    ports.head.hold();
    for (const actor of saved.actors) {
      this.#actors.direct({ type: "actor_recovered", saved: actor });
    }
    const { timers } = ports.node.surroundings;
    for (const actorId of saved.deadActors) {
      this.#actors.direct({ type: "actor_was_dead", actorId });
    }
    for (const groupId of saved.removedGroups) {
      ports.node.groups.remove(groupId);
    }
    this.#endTicks = every(timers, NODE_REPORT_MS, () => this.#tick());
  }

  get #actors(): NodeActors {
    return this.#ports.node.actors;
  }

  get isOver(): boolean {
    return this.#recovery.isOver;
  }

  /** Begins to wait: the head listens. */
  begin(): void {
    this.#tick();
  }

  /** Whether a message is to wait, or was for this. */
  takes(from: NodeId, message: ClusterMessage): boolean {
    if (this.isOver || this.#passes(message)) return false;
    if (message.type === "node_returned") {
      const { type, hosting } = message;
      this.#letPass();
      this.#tell({ type, nodeId: from, hosting });
    } else this.#held.push([from, message]);
    return true;
  }

  /** A node can be asked to dial another once it is there. */
  #passes(message: ClusterMessage): boolean {
    return message.type === "link_wanted"
      ? this.#ports.isThere(message.to)
      : PASSING.has(message.type);
  }

  #letPass(): void {
    const held = this.#held;
    this.#held = held.filter(([, message]) => !this.#passes(message));
    for (const [from, message] of held) {
      if (this.#passes(message)) this.#ports.receive(from, message);
    }
  }

  nodeGone(nodeId: NodeId): void {
    this.#tell({ type: "node_gone", nodeId });
  }

  end(): void {
    this.#endTicks();
    this.#end();
  }

  #tick(): void {
    const { clock } = this.#ports.node.surroundings;
    this.#tell({ type: "clock_ticked", nowMs: clock.nowMs() });
    this.#ports.flush();
  }

  #tell(event: RecoveryEvent): void {
    for (const action of this.#recovery.handle(event)) this.#perform(action);
  }

  #perform(action: RecoveryAction): void {
    const { head, receive, send, bury } = this.#ports;
    switch (action.type) {
      case "bury_node":
        return bury(action.facts);
      case "open_job": {
        const { job } = action;
        return receive(job.home, { type: "job_opened", job });
      }
      case "end_job":
        return receive(head.nodeId, { type: "job_over", jobId: action.jobId });
      case "keep_group":
      case "ask_group":
      case "remove_group":
        return this.#performOfGroup(action);
      case "settle_bundles": {
        const { nodeId, groupId, attempt, how } = action;
        return send(nodeId, { type: SETTLING[how], groupId, attempt });
      }
      case "release_actor":
      case "keep_actor":
      case "lose_actor":
      case "place_actor":
      case "end_creator":
        return this.#performOfActor(action);
      case "end_recovery":
        return this.#over();
    }
  }

  #performOfGroup(
    action: Extract<
      RecoveryAction,
      { type: "keep_group" | "ask_group" | "remove_group" }
    >,
  ): void {
    const { head, node: { groups } } = this.#ports;
    if (action.type === "remove_group") {
      const { groupId } = action;
      groups.remove(groupId);
      return head.tell({ type: "group_removed", groupId });
    }
    const { group } = action;
    const { groupId, bundles, strategy, attempt } = group;
    groups.create(group, group.creator, group.jobId);
    const request = { groupId, bundles, strategy };
    if (action.type === "ask_group") {
      return head.tell({ type: "group_requested", ...request });
    }
    groups.created(groupId);
    const { nodes } = action;
    head.tell({ type: "group_found", ...request, nodes, attempt });
  }

  #performOfActor(
    action: Extract<
      RecoveryAction,
      {
        type:
          | "release_actor"
          | "keep_actor"
          | "lose_actor"
          | "place_actor"
          | "end_creator";
      }
    >,
  ): void {
    switch (action.type) {
      case "release_actor":
        return this.#release(action);
      case "keep_actor":
        return this.#keep(action);
      case "lose_actor": {
        const { actorId, reason } = action;
        return this.#actors.direct({ type: "actor_lost", actorId, reason });
      }
      case "place_actor":
        return this.#actors.direct({
          type: "actor_unplaced",
          actorId: action.actorId,
        });
      case "end_creator":
        return this.#actors.direct({
          type: "worker_ended",
          workerId: action.workerId,
          error: new NodeDiedError("It ended while the head was down"),
        });
    }
  }

  #release(
    { nodeId, actorId, threadId }: Extract<
      RecoveryAction,
      { type: "release_actor" }
    >,
  ): void {
    const { send } = this.#ports;
    if (threadId) this.#stop(nodeId, threadId, actorId);
    send(nodeId, { type: "actor_release", actorId });
  }

  #stop(
    nodeId: NodeId,
    worker: WorkerId,
    actorId: Extract<RecoveryAction, { type: "release_actor" }>["actorId"],
  ): void {
    this.#ports.send(nodeId, {
      type: "to_worker",
      worker,
      message: { type: "actor_stop", actorId },
    });
  }

  #keep(
    { actorId, nodeId }: Extract<RecoveryAction, { type: "keep_actor" }>,
  ): void {
    const { head } = this.#ports;
    const record = this.#actors.directory.records.get(actorId);
    if (!record?.threadId) return;
    head.tell({ type: "actor_found", nodeId, ...actorRequest(record) });
    head.noteThread(nodeId, { actorId, threadId: record.threadId });
  }

  #over(): void {
    this.#endTicks();
    const { head, receive, isThere, flush } = this.#ports;
    const held = this.#held;
    this.#held = [];
    for (const [from, message] of held) {
      if (isThere(from)) receive(from, message);
    }
    head.goOn();
    this.#actors.direct({ type: "recovery_ended" });
    this.#end();
    flush();
  }
}

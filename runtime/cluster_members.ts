// Who the nodes of a cluster are, as one of them knows: the head keeps the
// table of all and tells the others of it; the others report to the head how
// they are. Runs the clocks of both.

import { every } from "./base/clock.ts";
import type { NodeId } from "./base/ids.ts";
import { NODE_REPORT_MS, NODE_REPORT_MS_MAX } from "./base/limits.ts";
import { NodeReports } from "./control/node_reports.ts";
import type { NodeAction, NodeEvent } from "./control/node_events.ts";
import { NodeTable } from "./control/node_table.ts";
import type { MemberNode } from "./member_node.ts";
import type {
  ClusterMessage,
  NodeFacts,
  NodeHello,
  NodeReport,
  NodeView,
} from "./protocol/cluster_messages.ts";
import { ownCondition, ownFacts } from "./own_view.ts";
import type { RemoteSessionEnd } from "./transport/remote_session.ts";

/** What is to be done for them. */
export interface ClusterMembersPorts {
  toHead(message: ClusterMessage): void;
  to(nodeId: NodeId, message: ClusterMessage): void;
  /** Objects of other nodes' owners that would be lost with this node. */
  countKept(): number;
  /** Nothing runs or is kept here any more, or it took too long. */
  drained(): void;
  /** The session of a node is over with its life. */
  died(nodeId: NodeId, reason: string): void;
  /** Views have come, or have changed. */
  changed(views: readonly NodeView[]): void;
  /** A node has come, begins to leave, or is dead. */
  statesChanged(): void;
  flush(): void;
}

/** An event without its time. */
type Untimed<E> = E extends unknown ? Omit<E, "nowMs"> : never;

/** See the head of the file. */
export class ClusterMembers {
  readonly #node: MemberNode;
  readonly #ports: ClusterMembersPorts;
  readonly #reports = new NodeReports();
  /** At the head only. */
  readonly #table: NodeTable | undefined;
  /** What the others know, by the head's word. */
  readonly #views = new Map<NodeId, NodeView>();
  #refusal: string | undefined;
  #stopTicking = () => {};
  #everyMs = 0;

  constructor(node: MemberNode, ports: ClusterMembersPorts) {
    this.#node = node;
    this.#ports = ports;
    if (!node.start.join) this.#table = new NodeTable();
  }

  /** The node listens: it is one of the cluster from now on. */
  begin(): void {
    this.#tell({
      type: "node_joined",
      facts: ownFacts(this.#node),
      report: this.#reports.first(ownCondition(this.#node), this.#nowMs()),
    });
    this.#keepTicking();
  }

  /** A head without other nodes has nobody to tell, and wakes more seldom. */
  #keepTicking(): void {
    const isHeadAlone = this.#table !== undefined && this.isAlone;
    const everyMs = isHeadAlone ? NODE_REPORT_MS_MAX : NODE_REPORT_MS;
    if (everyMs === this.#everyMs) return;
    this.#everyMs = everyMs;
    this.#stopTicking();
    const { timers } = this.#node.surroundings;
    this.#stopTicking = every(timers, everyMs, () => this.#tick());
  }

  /** Takes no new work, and leaves when what runs has ended. */
  drain(): void {
    this.#reports.drain(this.#nowMs());
    this.#tick();
  }

  end(): void {
    this.#stopTicking();
  }

  #nowMs(): number {
    return this.#node.surroundings.clock.nowMs();
  }

  // -- What is known ---------------------------------------------------------

  /** Whether there is no other node to run anything. */
  get isAlone(): boolean {
    return this.#views.size <= 1;
  }

  view(nodeId: NodeId): NodeView | undefined {
    return this.#views.get(nodeId);
  }

  /** All nodes, dead ones included; the own one as it is now. */
  views(): NodeView[] {
    const { nodeId } = this.#node.start;
    return [...this.#views.values()].map((view) =>
      view.facts.nodeId === nodeId ? { ...view, report: this.report() } : view
    );
  }

  /** The nodes that take new work, and those that end what they have. */
  stayingAndLeaving(): [staying: NodeId[], leaving: NodeId[]] {
    const of = (state: NodeView["state"]) =>
      [...this.#views.values()].filter((view) => view.state === state)
        .map(({ facts }) => facts.nodeId);
    return [of("alive"), of("draining")];
  }

  isDead(nodeId: NodeId): boolean {
    return this.#views.get(nodeId)?.state === "dead";
  }

  report(): NodeReport {
    const { isDraining } = this.#reports;
    return { ...ownCondition(this.#node), isDraining };
  }

  // -- At the head -----------------------------------------------------------

  /** A node asks to be let in; gives why it may not. */
  joins(
    { facts, report, isJoining, clusterId }: NodeHello,
    ownClusterId?: string,
  ): string | undefined {
    if (!this.#table) {
      // One that was only cut off may not know it yet.
      if (this.isDead(facts.nodeId)) return deadText(facts.nodeId);
      return isJoining ? this.#noHeadText() : undefined;
    }
    if (clusterId !== undefined && clusterId !== ownClusterId) {
      return "Cannot go on in this cluster: it is another one than before, " +
        "and knows nothing of what runs here";
    }
    this.#refusal = undefined;
    this.#tell({ type: "node_joined", facts, report });
    // The head itself need not wait until all others are told.
    if (!this.#refusal) this.#take([this.#table.view(facts.nodeId)!]);
    return this.#refusal;
  }

  #noHeadText(): string {
    const head = this.views().find(({ facts }) => facts.isHead);
    return `Cannot join at ${this.#node.address}: that is a worker. Join its ` +
      `head${head ? ` at ${head.facts.address}` : ""}`;
  }

  /** A node of a former life of this head has not come back. */
  bury(facts: NodeFacts): void {
    const { nodeId } = facts;
    const report = {
      ...{ available: {}, storeUsedBytes: 0, storeSpilledBytes: 0 },
      ...{ waiting: 0, isDraining: false },
    };
    this.#tell({
      type: "node_joined",
      facts: { ...facts, isHead: false },
      report,
    });
    // What is said of it from now on is of a node that was there.
    this.#take([this.#table!.view(nodeId)!]);
    const reason = "it has not come back after the head had died";
    this.#tell({ type: "node_lost", nodeId, reason });
  }

  sessionEnded(nodeId: NodeId, reason: RemoteSessionEnd): void {
    this.#tell(
      reason === "peer_left"
        ? { type: "node_left", nodeId }
        : { type: "node_lost", nodeId, reason: LOSSES[reason] ?? reason },
    );
  }

  #tell(event: Untimed<NodeEvent>): void {
    if (!this.#table) return;
    const nowMs = this.#nowMs();
    const actions = this.#table.handle({ ...event, nowMs } as NodeEvent);
    for (const action of actions) this.#perform(action);
  }

  #perform(action: NodeAction): void {
    switch (action.type) {
      case "publish_views":
        for (const { facts, state } of this.#table!.views()) {
          if (facts.isHead || state === "dead") continue;
          const { views } = action;
          this.#ports.to(facts.nodeId, { type: "views_changed", views });
        }
        return this.#take(action.views);
      case "declare_dead": {
        const { nodeId, reason } = action;
        this.#ports.to(nodeId, { type: "node_dead", nodeId });
        this.#take([{ ...this.#table!.view(nodeId)!, reason }]);
        return;
      }
      case "refuse":
        this.#refusal = action.reason;
        return;
      case "tell_dead":
        this.#refusal = deadText(action.nodeId);
    }
  }

  // -- Everywhere ------------------------------------------------------------

  /** The head's node is dead: by what this node sees, not by its word. */
  headGone(nodeId: NodeId, reason: string): void {
    const view = this.#views.get(nodeId);
    if (!view) return;
    const facts = { ...view.facts, isHead: false };
    this.#take([{ ...view, facts, state: "dead", reason }]);
  }

  receive(from: NodeId, message: ClusterMessage): void {
    if (message.type === "node_report") {
      const { report } = message;
      this.#tell({ type: "node_reported", nodeId: from, report });
    } else if (message.type === "views_changed") this.#take(message.views);
    else if (message.type === "node_welcome") this.#take(message.views ?? []);
  }

  #take(views: readonly NodeView[]): void {
    const died: NodeView[] = [];
    let hasStateNews = false;
    for (const view of views) {
      const { nodeId } = view.facts;
      const known = this.#views.get(nodeId);
      this.#views.set(nodeId, view);
      const isOwn = nodeId === this.#node.start.nodeId;
      hasStateNews ||= view.state !== known?.state;
      const isNews = view.state === "dead" && known?.state !== "dead";
      if (isNews && known && !isOwn) died.push(view);
    }
    this.#keepTicking();
    this.#ports.changed(views);
    if (hasStateNews) this.#ports.statesChanged();
    for (const { facts, reason } of died) {
      this.#ports.died(facts.nodeId, reason ?? "the head has said so");
    }
  }

  #tick(): void {
    const nowMs = this.#nowMs();
    const report = this.#reports.due(ownCondition(this.#node), nowMs);
    if (this.#table) {
      const { nodeId } = this.#node.start;
      if (report) this.#tell({ type: "node_reported", nodeId, report });
      this.#tell({ type: "clock_ticked" });
    } else if (report) this.#ports.toHead({ type: "node_report", report });
    this.#ports.flush();
    if (!this.#reports.isDraining) return;
    const { scheduler } = this.#node;
    const running = scheduler.leases().length + scheduler.actors().length;
    const held = running + this.#ports.countKept();
    if (this.#reports.mayLeave(held, nowMs)) this.#ports.drained();
  }
}

function deadText(nodeId: NodeId): string {
  return `Cannot join as ${nodeId}: that node is dead`;
}

const LOSSES: Partial<Readonly<Record<RemoteSessionEnd, string>>> = {
  peer_died: "its process is gone",
  peer_silent: "it was not heard of for too long",
  peer_restarted: "it has begun anew",
  protocol_broken: "it has sent what no node sends",
  left: "it was refused",
};

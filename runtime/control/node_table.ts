// The head's knowledge of nodes: which there are, what they have and whether
// they live. Pure: `handle(event)` gives the actions; the wiring performs them.
// Clocks of two machines are never compared: all times are the head's own.

import { InvariantError, unreachable } from "../base/errors.ts";
import type { NodeId } from "../base/ids.ts";
import {
  DEAD_NODES_MAX,
  NODE_SILENCE_MS_MAX,
  NODE_TICK_GAP_MS_MAX,
  NODE_VIEWS_MS,
  NODE_VIEWS_MS_MAX,
  NODE_VIEWS_PER_MS,
} from "../base/limits.ts";
import type {
  NodeFacts,
  NodeReport,
  NodeView,
} from "../protocol/cluster_messages.ts";
import type { NodeAction, NodeEvent } from "./node_events.ts";
import { isSameReport } from "./node_reports.ts";

/** Which state can follow which; docs/states.md is made from this table. */
export const NODE_TRANSITIONS = {
  alive: ["draining", "dead"],
  draining: ["dead"],
  dead: [],
} as const satisfies Record<NodeView["state"], readonly NodeView["state"][]>;

interface NodeRecord {
  readonly facts: NodeFacts;
  view: NodeView;
  /** On the clock of `#awakeMs`. */
  heardAtMs: number;
}

/** See the head of the file. */
export class NodeTable {
  /** Dead ones, too; those that joined first are first. */
  readonly #records = new Map<NodeId, NodeRecord>();
  /** In the order of their deaths. */
  readonly #dead = new Set<NodeId>();
  /** Those whose views were not published yet as they are now. */
  readonly #changed = new Set<NodeId>();
  #actions: NodeAction[] = [];
  #publishedAtMs = -Infinity;
  /** A clock that stands still while this process does, as when suspended. */
  #awakeMs = 0;
  #tickedAtMs: number | undefined;

  /** How many are in the cluster. */
  get livingCount(): number {
    return this.#records.size - this.#dead.size;
  }

  /** Of a node that is known, be it dead. */
  view(nodeId: NodeId): NodeView | undefined {
    return this.#records.get(nodeId)?.view;
  }

  /** All that are known, those that died lately included. */
  views(): NodeView[] {
    return [...this.#records.values()].map(({ view }) => view);
  }

  handle(event: NodeEvent): NodeAction[] {
    this.#actions = [];
    switch (event.type) {
      case "node_joined":
        this.#joined(event.facts, event.report);
        break;
      case "clock_ticked":
        this.#ticked(event.nowMs);
        break;
      default:
        this.#known(event);
    }
    this.#publishIfDue(event.nowMs);
    return this.#actions;
  }

  #known(
    event: Exclude<NodeEvent, { type: "node_joined" | "clock_ticked" }>,
  ): void {
    const { type, nodeId } = event;
    const record = this.#records.get(nodeId);
    const isLiving = record !== undefined && record.view.state !== "dead";
    switch (type) {
      case "node_reported":
      case "node_heard":
        if (!isLiving) return this.#act({ type: "tell_dead", nodeId });
        record.heardAtMs = this.#awakeMs;
        if (type === "node_reported") this.#reported(record, event.report);
        return;
      case "node_left":
        if (isLiving) this.#die(record, "it has left the cluster");
        return;
      case "node_lost":
        if (isLiving) this.#die(record, event.reason);
        return;
      default:
        unreachable(type);
    }
  }

  #joined(facts: NodeFacts, report: NodeReport): void {
    const { nodeId } = facts;
    const present = this.#records.get(nodeId);
    if (present?.view.state === "dead") {
      return this.#act({ type: "tell_dead", nodeId });
    }
    if (present) {
      const reason = twiceText(present.facts);
      return this.#act({ type: "refuse", nodeId, reason });
    }
    const view: NodeView = { facts, report, state: "alive" };
    const record = { facts, view, heardAtMs: this.#awakeMs };
    this.#records.set(nodeId, record);
    this.#changed.add(nodeId);
    if (report.isDraining) this.#drain(record);
  }

  #reported(record: NodeRecord, report: NodeReport): void {
    if (report.isDraining) this.#drain(record);
    if (isSameReport(record.view.report, report)) return;
    record.view = { ...record.view, report };
    this.#changed.add(record.facts.nodeId);
  }

  #drain(record: NodeRecord): void {
    if (record.view.state === "alive") this.#become(record, "draining");
  }

  #die(record: NodeRecord, reason: string): void {
    const { nodeId } = record.facts;
    record.view = { ...record.view, reason };
    this.#become(record, "dead");
    this.#dead.add(nodeId);
    this.#act({ type: "declare_dead", nodeId, reason });
  }

  #become(record: NodeRecord, next: NodeView["state"]): void {
    const { facts: { nodeId }, view: { state } } = record;
    const following: readonly NodeView["state"][] = NODE_TRANSITIONS[state];
    if (!following.includes(next)) {
      throw new InvariantError(`Node ${nodeId} went from ${state} to ${next}`);
    }
    record.view = { ...record.view, state: next };
    this.#changed.add(nodeId);
  }

  #ticked(nowMs: number): void {
    // After a pause of this process nobody was silent: nobody was listened to.
    const gapMs = nowMs - (this.#tickedAtMs ?? nowMs);
    this.#awakeMs += Math.min(Math.max(gapMs, 0), NODE_TICK_GAP_MS_MAX);
    this.#tickedAtMs = nowMs;
    for (const record of this.#records.values()) {
      const { facts, view, heardAtMs } = record;
      const silentMs = this.#awakeMs - heardAtMs;
      if (silentMs < NODE_SILENCE_MS_MAX) continue;
      if (facts.isHead || view.state === "dead") continue;
      this.#die(
        record,
        `nothing was heard of it for ${NODE_SILENCE_MS_MAX / 1_000} s`,
      );
    }
  }

  /** At once after a quiet time, else all that has changed by then. */
  #publishIfDue(nowMs: number): void {
    if (this.#changed.size === 0) return;
    if (nowMs < this.#publishedAtMs + this.#paceMs()) return;
    this.#publishedAtMs = nowMs;
    const views = [...this.#changed].map((id) => this.#records.get(id)!.view);
    this.#changed.clear();
    this.#act({ type: "publish_views", views });
    this.#forgetDead();
  }

  /** Each view goes to each node: the more there are, the more seldom. */
  #paceMs(): number {
    const sent = this.#changed.size * this.livingCount;
    const paceMs = Math.max(NODE_VIEWS_MS, sent / NODE_VIEWS_PER_MS);
    return Math.min(paceMs, NODE_VIEWS_MS_MAX);
  }

  /** Only those go of whose death all have been told. */
  #forgetDead(): void {
    for (const nodeId of this.#dead) {
      if (this.#dead.size <= DEAD_NODES_MAX) return;
      this.#dead.delete(nodeId);
      this.#records.delete(nodeId);
    }
  }

  #act(action: NodeAction): void {
    this.#actions.push(action);
  }
}

function twiceText({ nodeId, hostname, pid }: NodeFacts): string {
  return `Cannot join as ${nodeId}: process ${pid} on ${hostname} is that node ` +
    "already. Each start makes an id of its own, so this is a copy of a " +
    "running process, or it has joined twice: end it, and start it again";
}

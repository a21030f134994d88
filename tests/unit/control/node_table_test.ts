// The head's table of nodes: who lives, what is told to whom, and when.

import { assert, assertEquals, describe, it } from "../../support/harness.ts";
import { newId, type NodeId } from "../../../runtime/base/ids.ts";
import {
  DEAD_NODES_MAX,
  NODE_SILENCE_MS_MAX,
  NODE_TICK_GAP_MS_MAX,
  NODE_VIEWS_MS,
  NODE_VIEWS_MS_MAX,
} from "../../../runtime/base/limits.ts";
import type {
  NodeAction,
  NodeEvent,
} from "../../../runtime/control/node_events.ts";
import { NodeTable } from "../../../runtime/control/node_table.ts";
import type {
  NodeFacts,
  NodeReport,
} from "../../../runtime/protocol/cluster_messages.ts";

const TICK_MS = 50;

function newFacts(given: Partial<NodeFacts> = {}): NodeFacts {
  return {
    nodeId: newId("node"),
    address: "10.0.0.7:6380",
    hostname: "worker",
    isHead: false,
    total: { CPU: 20_000 },
    labels: {},
    storeBytes: 1_000,
    pid: 123,
    version: "1",
    startedAtMs: 0,
    ...given,
  };
}

function newReport(given: Partial<NodeReport> = {}): NodeReport {
  return {
    available: { CPU: 20_000 },
    storeUsedBytes: 0,
    storeSpilledBytes: 0,
    waiting: 0,
    isDraining: false,
    ...given,
  };
}

type Told = NodeEvent extends infer Event
  ? Event extends NodeEvent ? Omit<Event, "nowMs"> : never
  : never;

/** A table with a clock, and all that it has said. */
class Head {
  readonly table = new NodeTable();
  readonly said: NodeAction[] = [];
  nowMs = 1e9;

  tell(event: Told): NodeAction[] {
    const actions = this.table.handle(
      { ...event, nowMs: this.nowMs } as NodeEvent,
    );
    this.said.push(...actions);
    return actions;
  }

  join(given: Partial<NodeFacts> = {}, report = newReport()): NodeId {
    const facts = newFacts(given);
    this.tell({ type: "node_joined", facts, report });
    return facts.nodeId;
  }

  /** Time passes as for a head that is not kept from ticking. */
  pass(ms: number, each: () => void = () => {}): void {
    for (let at = 0; at < ms; at += TICK_MS) {
      this.nowMs += TICK_MS;
      each();
      this.tell({ type: "clock_ticked" });
    }
  }

  deaths(): [NodeId, string][] {
    return this.said.flatMap((action) =>
      action.type === "declare_dead" ? [[action.nodeId, action.reason]] : []
    );
  }
}

describe("NodeTable", () => {
  // -- Life -------------------------------------------------------------------

  it("declares a silent node dead once", () => {
    const head = new Head();
    const nodeId = head.join();
    head.pass(NODE_SILENCE_MS_MAX - TICK_MS);
    assertEquals(head.deaths(), []);
    head.pass(3 * NODE_SILENCE_MS_MAX);
    assertEquals(head.deaths(), [[nodeId, "nothing was heard of it for 4 s"]]);
    const view = head.table.view(nodeId);
    assertEquals(view?.state, "dead");
    assertEquals(view?.reason, "nothing was heard of it for 4 s");
    assertEquals(head.table.livingCount, 0);
  });

  it("holds for alive who says anything at all", () => {
    const head = new Head();
    const [reporting, speaking] = [head.join(), head.join()];
    const report = newReport();
    let ticks = 0;
    head.pass(5 * NODE_SILENCE_MS_MAX, () => {
      if (ticks++ % 20 !== 0) return;
      head.tell({ type: "node_reported", nodeId: reporting, report });
      head.tell({ type: "node_heard", nodeId: speaking });
    });
    assertEquals(head.deaths(), []);
  });

  it("never holds its own node for dead", () => {
    const head = new Head();
    head.join({ isHead: true });
    head.pass(5 * NODE_SILENCE_MS_MAX);
    assertEquals(head.deaths(), []);
  });

  it("does not count the time that it was asleep itself", () => {
    const head = new Head();
    const nodeId = head.join();
    head.pass(TICK_MS);
    head.nowMs += 3_600_000;
    head.tell({ type: "clock_ticked" });
    assertEquals(head.deaths(), []);
    head.pass(NODE_SILENCE_MS_MAX - NODE_TICK_GAP_MS_MAX - 2 * TICK_MS);
    assertEquals(head.deaths(), []);
    head.pass(2 * TICK_MS);
    assertEquals(head.deaths().map(([id]) => id), [nodeId]);
  });

  it("survives a clock that goes backwards", () => {
    const head = new Head();
    head.join();
    head.pass(TICK_MS);
    head.nowMs -= 1e6;
    head.pass(NODE_SILENCE_MS_MAX / 2);
    assertEquals(head.deaths(), []);
  });

  it("answers every word of a dead node, and lets it not join again", () => {
    const head = new Head();
    const facts = newFacts();
    const { nodeId } = facts;
    const report = newReport();
    head.tell({ type: "node_joined", facts, report });
    head.tell({ type: "node_lost", nodeId, reason: "its process is gone" });
    assertEquals(head.deaths(), [[nodeId, "its process is gone"]]);
    const told = [{ type: "tell_dead", nodeId }];
    assertEquals(head.tell({ type: "node_heard", nodeId }), told);
    assertEquals(head.tell({ type: "node_reported", nodeId, report }), told);
    assertEquals(head.tell({ type: "node_joined", facts, report }), told);
    assertEquals(head.tell({ type: "node_left", nodeId }), []);
    assertEquals(head.deaths().length, 1);
    assertEquals(head.table.view(nodeId)?.state, "dead");
  });

  it("answers who was never there as one that is dead", () => {
    const nodeId = newId("node");
    const actions = new Head().tell({ type: "node_heard", nodeId });
    assertEquals(actions, [{ type: "tell_dead", nodeId }]);
  });

  it("refuses a second node of the same id, and keeps the first", () => {
    const head = new Head();
    const nodeId = head.join({ hostname: "first", pid: 7 });
    const facts = newFacts({ nodeId, hostname: "second" });
    const [action] = head.tell({
      type: "node_joined",
      facts,
      report: newReport(),
    });
    assertEquals(action, {
      type: "refuse",
      nodeId,
      reason: `Cannot join as ${nodeId}: process 7 on first is that node ` +
        "already. Each start makes an id of its own, so this is a copy of a " +
        "running process, or it has joined twice: end it, and start it again",
    });
    assertEquals(head.table.view(nodeId)?.facts.hostname, "first");
  });

  it("drains for good", () => {
    const head = new Head();
    const nodeId = head.join();
    const leaving = newReport({ isDraining: true });
    head.tell({ type: "node_reported", nodeId, report: leaving });
    head.tell({ type: "node_reported", nodeId, report: newReport() });
    assertEquals(head.table.view(nodeId)?.state, "draining");
    head.tell({ type: "node_left", nodeId });
    assertEquals(head.deaths(), [[nodeId, "it has left the cluster"]]);
  });

  it("joins as draining what is so from the first", () => {
    const head = new Head();
    const nodeId = head.join({}, newReport({ isDraining: true }));
    assertEquals(head.table.view(nodeId)?.state, "draining");
  });

  // -- Views ------------------------------------------------------------------

  it("publishes what has changed, and nothing else", () => {
    const head = new Head();
    const [first, second] = [head.join(), head.join()];
    head.pass(NODE_VIEWS_MS);
    head.said.length = 0;
    const report = newReport();
    head.tell({ type: "node_reported", nodeId: first, report });
    head.pass(NODE_VIEWS_MS);
    assertEquals(head.said, []);
    const busy = newReport({ available: { CPU: 0 } });
    const actions = head.tell({
      type: "node_reported",
      nodeId: second,
      report: busy,
    });
    assertEquals(actions.length, 1);
    assert(actions[0]?.type === "publish_views");
    const told = actions[0].views.map((
      { facts, report },
    ) => [facts.nodeId, report]);
    assertEquals(told, [[second, busy]]);
  });

  it("publishes at most every 100 ms, and then the latest", () => {
    const head = new Head();
    const nodeId = head.join();
    head.pass(1_000);
    head.said.length = 0;
    let waiting = 0;
    head.pass(1_000, () => {
      const report = newReport({ waiting: ++waiting });
      head.tell({ type: "node_reported", nodeId, report });
    });
    const published = head.said.flatMap((action) =>
      action.type === "publish_views" ? [action.views[0]?.report.waiting] : []
    );
    assertEquals(published.length, 10);
    assertEquals(head.table.view(nodeId)?.report.waiting, waiting);
  });

  it("publishes more seldom the more there is, but each second", () => {
    const head = new Head();
    const ids = Array.from({ length: 1_000 }, () => head.join());
    head.pass(2 * NODE_VIEWS_MS_MAX);
    head.said.length = 0;
    let waiting = 0;
    head.pass(3_000, () => {
      const report = newReport({ waiting: ++waiting });
      for (const nodeId of ids) {
        head.tell({ type: "node_reported", nodeId, report });
      }
    });
    assertEquals(head.said.length, 3);
  });

  it("lists dead nodes, the latest thousand", () => {
    const head = new Head();
    const alive = head.join();
    for (let n = 0; n < DEAD_NODES_MAX + 100; n++) {
      const nodeId = head.join();
      head.tell({ type: "node_left", nodeId });
      head.pass(TICK_MS, () => {
        head.tell({ type: "node_heard", nodeId: alive });
      });
    }
    head.pass(NODE_VIEWS_MS);
    const views = head.table.views();
    assertEquals(views.length, DEAD_NODES_MAX + 1);
    assertEquals(views[0]?.facts.nodeId, alive);
    assertEquals(head.table.livingCount, 1);
  });
});

// When a node tells the head how it is.

import { assert, assertEquals, describe, it } from "../../support/harness.ts";
import {
  NODE_DRAIN_MS_MAX,
  NODE_REPORT_MS,
  NODE_REPORT_MS_MAX,
  NODE_SILENCE_MS_MAX,
} from "../../../runtime/base/limits.ts";
import {
  type NodeCondition,
  NodeReports,
} from "../../../runtime/control/node_reports.ts";

function condition(waiting = 0): NodeCondition {
  return {
    available: { CPU: 10_000 },
    storeUsedBytes: 0,
    storeSpilledBytes: 0,
    waiting,
  };
}

describe("NodeReports", () => {
  it("tells the same each second", () => {
    const reports = new NodeReports();
    reports.first(condition(), 0);
    const sentAtMs: number[] = [];
    for (let nowMs = 0; nowMs <= 5_000; nowMs += 50) {
      if (reports.due(condition(), nowMs)) sentAtMs.push(nowMs);
    }
    assertEquals(sentAtMs, [1_000, 2_000, 3_000, 4_000, 5_000]);
    assert(3 * NODE_REPORT_MS_MAX < NODE_SILENCE_MS_MAX);
  });

  it("tells news soon, at most every 100 ms, and the latest then", () => {
    const reports = new NodeReports();
    reports.first(condition(), 0);
    const sent: [number, number][] = [];
    for (let nowMs = 10; nowMs <= 300; nowMs += 10) {
      const report = reports.due(condition(nowMs), nowMs);
      if (report) sent.push([nowMs, report.waiting]);
    }
    assertEquals(sent, [[100, 100], [200, 200], [300, 300]]);
  });

  it("tells that it drains, and leaves when nothing runs", () => {
    const reports = new NodeReports();
    reports.first(condition(), 0);
    assertEquals(reports.mayLeave(0, 0), false);
    reports.drain(0);
    assertEquals(reports.isDraining, true);
    assertEquals(reports.due(condition(), NODE_REPORT_MS)?.isDraining, true);
    assertEquals(reports.mayLeave(1, 1), false);
    assertEquals(reports.mayLeave(0, 1), true);
  });

  it("leaves in the end whatever runs, counted from the first request", () => {
    const reports = new NodeReports();
    reports.drain(0);
    reports.drain(10_000);
    assertEquals(reports.mayLeave(1, NODE_DRAIN_MS_MAX - 1), false);
    assertEquals(reports.mayLeave(1, NODE_DRAIN_MS_MAX), true);
  });
});

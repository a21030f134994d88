// How the benchmark times a loop and says what it found.

import {
  formatResult,
  jsonReport,
  type Result,
} from "../../../bench/report.ts";
import { rate, type Row, summarize } from "../../../bench/row.ts";
import {
  assert,
  assertEquals,
  assertStrictEquals,
  describe,
  it,
} from "../../support/harness.ts";

const ROW: Row = {
  name: "1:1 actor calls, sync",
  unit: "per second",
  target: { value: 1_000, ratios: { "an echo": 0.5 } },
  measure: () => Promise.resolve(summarize([0])),
};

function measured(row: Row, mean: number, ratio: number): Result {
  return {
    type: "measured",
    name: row.name,
    row,
    measured: { mean, deviation: 1.236 },
    ratios: [{ name: "an echo", ratio, least: 0.5 }],
  };
}

describe("formatResult", () => {
  it("prints the figure as Ray does, then how it compares", () => {
    assertEquals(
      formatResult(measured(ROW, 1_234.567, 0.6)),
      "1:1 actor calls, sync per second 1234.57 +- 1.24  " +
        "(reached at least 1,000; 0.60 x an echo, reached 0.5)",
    );
  });

  it("says which of the two was missed", () => {
    assertEquals(
      formatResult(measured(ROW, 1_234, 0.4)),
      "1:1 actor calls, sync per second 1234 +- 1.24  " +
        "(reached at least 1,000; 0.40 x an echo, MISSED 0.5)",
    );
  });

  it("wants little of what takes time", () => {
    const row: Row = { ...ROW, unit: "seconds", target: { value: 2 } };
    const result: Result = {
      type: "measured",
      name: row.name,
      row,
      measured: { mean: 3, deviation: 0 },
      ratios: [],
    };

    assertEquals(
      formatResult(result),
      "1:1 actor calls, sync seconds 3 +- 0  (MISSED at most 2)",
    );
  });

  it("names what was skipped or failed, with the reason", () => {
    const name = "a row";

    assertEquals(
      formatResult({ type: "skipped", name, reason: "there is none" }),
      "a row skipped: there is none",
    );
  });
});

describe("jsonReport", () => {
  it("uses Ray's names of metrics", () => {
    const machine = { cpuModel: "x", cpus: 2, memoryBytes: 1, runtime: "y" };

    const report = jsonReport(machine, [measured(ROW, 999, 0.6)]);

    assertEquals(report, {
      machine,
      rows: [{
        name: "1:1 actor calls, sync",
        metric: "1_1_actor_calls_sync",
        unit: "per second",
        mean: 999,
        deviation: 1.236,
        target: 1_000,
        ratios: [{ name: "an echo", ratio: 0.6, least: 0.5 }],
        isReached: false,
      }],
    });
  });
});

describe("rate", () => {
  it("counts each turn as often as the multiplier says, and cleans up", async () => {
    let turns = 0;
    let ends = 0;
    const row = rate("row", 10, () => ({
      once: () => void turns++,
      end: () => void ends++,
    }));

    const pace = { isQuick: true, warmUpMs: 0, runs: 3, runMs: 0.1 };
    const { mean } = await row.measure(pace);

    // One turn warms up, each run has at least one.
    assert(turns >= 4);
    assertStrictEquals(ends, 1);
    assert(mean > 0);
  });

  it("cleans up after a turn that fails", async () => {
    let ends = 0;
    const row = rate("row", 1, () => ({
      once: () => Promise.reject(new Error("no")),
      end: () => void ends++,
    }));

    const pace = { isQuick: true, warmUpMs: 0, runs: 1, runMs: 1 };
    const outcome = await row.measure(pace).catch((error: Error) => error);

    assertEquals([(outcome as Error).message, ends], ["no", 1]);
  });
});

describe("summarize", () => {
  it("gives the mean and the standard deviation", () => {
    assertEquals(summarize([2, 4, 4, 4, 5, 5, 7, 9]), {
      mean: 5,
      deviation: 2,
    });
  });
});

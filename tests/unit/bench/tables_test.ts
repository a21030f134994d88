// How the side-by-side benchmark writes what it found: tables, a picture, and
// the guard's report.

import { guardLines, ratiosOf } from "../../../bench/guard_report.ts";
import { drawChart } from "../../../bench/side_by_side/chart.ts";
import { compare } from "../../../bench/side_by_side/comparison.ts";
import type { Outcome } from "../../../bench/side_by_side/outcome.ts";
import type { SideReport } from "../../../bench/side_by_side/report_file.ts";
import { SECTIONS } from "../../../bench/side_by_side/sections.ts";
import {
  formatFigure,
  formatRatio,
  markdownReport,
  terminalReport,
} from "../../../bench/side_by_side/tables.ts";
import {
  assert,
  assertEquals,
  assertStringIncludes,
  describe,
  it,
} from "../../support/harness.ts";

function outcome(peer: string, value: number): Outcome {
  const figures = [{
    row: "calls | <sync>",
    value,
    unit: "per second",
  }] as const;
  return { peer, section: SECTIONS.ray, round: 0, figures, gaps: [] };
}

const REPORT: SideReport = {
  startedAt: "2026-01-02T03:04Z",
  rounds: 1,
  quick: false,
  machine: {
    cpuModel: "a processor",
    cpus: 2,
    memoryGigabytes: 25,
    system: "a system",
  },
  versions: ["Manta 1.2.3", "ray 4.5.6"],
  busyByOthers: { median: 0.25, least: 0, most: 0.5 },
  outcomes: [outcome("Manta", 12_345.6), outcome("Ray", 2_469.12)],
  gaps: [
    { what: "Erlang", reason: "erl is not installed" },
    { what: "Erlang", reason: "erl is not installed" },
  ],
};
const SECTIONS_FOUND = compare(REPORT.outcomes);

describe("formatFigure", () => {
  it("has three digits that mean something, and the unit", () => {
    assertEquals(formatFigure(1_234_567.8, "per second"), "1,234,568/s");
    assertEquals(formatFigure(12.345, "milliseconds"), "12.3 ms");
    assertEquals(formatFigure(0.012345, "seconds"), "0.0123 s");
  });
});

describe("formatRatio", () => {
  it("has two digits until it is large", () => {
    assertEquals(
      [0.456, 9.87, 123.4, 12_345].map(formatRatio),
      ["0.46 x", "9.9 x", "123 x", "12,345 x"],
    );
  });
});

describe("markdownReport", () => {
  it("says where and how, and has a line for each peer of a row", () => {
    const text = markdownReport(REPORT, SECTIONS_FOUND);
    assertStringIncludes(text, "2 cores of a processor, 25 GB, a system");
    assertStringIncludes(
      text,
      "25 % of the machine in the median, 0 % to 50 %",
    );
    assertStringIncludes(text, "Manta 1.2.3, ray 4.5.6");
    assertStringIncludes(text, `### ${SECTIONS.ray}`);
    assertStringIncludes(text, "| calls \\| <sync> | Manta | 12,346/s (");
    assertStringIncludes(text, "5 x (5 x to 5 x), wanted 10 x |");
  });

  it("names each gap once", () => {
    const text = markdownReport(REPORT, SECTIONS_FOUND);
    assertEquals(text.split("- Erlang: erl is not installed").length, 2);
  });
});

describe("terminalReport", () => {
  it("has the same lines in columns", () => {
    const text = terminalReport(REPORT, SECTIONS_FOUND);
    const lines = text.split("\n");
    const at = lines.findIndex((line) => line.startsWith("row"));
    assertEquals(
      lines[at]!.indexOf("who"),
      lines[at + 3]!.indexOf("Ray"),
    );
  });
});

describe("drawChart", () => {
  it("is one document with a bar and its range for each ratio", () => {
    const svg = drawChart(SECTIONS_FOUND, "a < b");
    assert(svg.startsWith("<svg ") && svg.endsWith("</svg>\n"));
    assertStringIncludes(svg, "calls | &lt;sync&gt;: Ray");
    assertStringIncludes(svg, "a &lt; b");
    assertStringIncludes(svg, 'fill="#e0b050"');
    assert(!svg.includes("NaN"));
  });

  it("can be empty", () => {
    assert(!drawChart([], "").includes("NaN"));
  });
});

describe("guardLines", () => {
  const limits = { tasks: "echo", puts: "memcpy" };
  const figure = (row: string, value: number) =>
    ({ row, value, unit: "per second" }) as const;

  it("compares ratios of one run with recorded ones", () => {
    const found = ratiosOf([figure("tasks", 10), figure("echo", 20)], limits);
    assertEquals(found, [{ row: "tasks", limit: "echo", ratio: 0.5 }]);
    const recorded = (ratio: number) => ({
      recordedOn: "a machine",
      ratios: [{ row: "tasks", limit: "echo", ratio }],
    });
    assertEquals(guardLines(recorded(0.5), found), [
      "tasks: 0.5 x echo, recorded 0.5: 1 of it, ok",
    ]);
    assertEquals(guardLines(recorded(2), found), [
      "tasks: 0.5 x echo, recorded 2: 0.25 of it, LOWER",
    ]);
  });

  it("names rows that are gone, and new ones", () => {
    const recorded = {
      recordedOn: "a machine",
      ratios: [{ row: "tasks", limit: "echo", ratio: 2 }],
    };
    const found = [{ row: "puts", limit: "memcpy", ratio: 3 }];
    assertEquals(guardLines(recorded, found), [
      "tasks: GONE, recorded 2",
      "puts: 3, not recorded yet",
    ]);
  });
});

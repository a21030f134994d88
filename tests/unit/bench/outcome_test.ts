// How the side-by-side benchmark reads its command line, and what the programs
// of peers print, crash and all.

import { isWanted, parseOptions } from "../../../bench/side_by_side/options.ts";
import {
  parseLines,
  parseMicrobenchmark,
  whyFailed,
} from "../../../bench/side_by_side/outcome.ts";
import {
  assert,
  assertEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";

const ENDING = { timeoutMs: 60_000, printed: "" };

describe("parseLines", () => {
  it("takes rows and leaves whatever else a peer prints", () => {
    const { figures, gaps } = parseLines([
      "(raylet) a warning",
      '{"row": "tasks", "value": 12.5, "unit": "per second"}',
      '{"level": "info"}',
      "{ not JSON",
      "[1, 2]",
    ].join("\n"));
    assertEquals(figures, [{ row: "tasks", value: 12.5, unit: "per second" }]);
    assertEquals(gaps, []);
  });

  it("names rows that were skipped, or whose figure is none", () => {
    const { figures, gaps } = parseLines([
      '{"row": "a", "skipped": "too large"}',
      '{"row": "b", "value": null, "unit": "per second"}',
      '{"row": "c", "value": 1, "unit": "bananas"}',
    ].join("\n"));
    assertEquals(figures, []);
    assertEquals(gaps, [
      { what: "a", reason: "too large" },
      { what: "b", reason: "no figure came" },
      { what: "c", reason: "no figure came" },
    ]);
  });
});

describe("parseMicrobenchmark", () => {
  it("reads the rows of the file, skipped and failed ones, too", () => {
    const { figures, gaps } = parseMicrobenchmark(JSON.stringify({
      rows: [
        { name: "echo", unit: "per second", mean: 3, deviation: 1 },
        { name: "piscina echo", skipped: "not there" },
        { name: "tasks", failed: "not done" },
      ],
    }));
    assertEquals(figures, [{ row: "echo", value: 3, unit: "per second" }]);
    assertEquals(gaps.map(({ reason }) => reason), ["not there", "not done"]);
  });

  it("gives nothing for a file that was not finished", () => {
    assertEquals(parseMicrobenchmark('{"rows": ['), { figures: [], gaps: [] });
  });
});

describe("whyFailed", () => {
  it("has nothing to say of a program that ended well", () => {
    const ending = { ...ENDING, exitCode: 0, complained: "a warning" };
    assertEquals(whyFailed(ending), undefined);
  });

  it("names the limit of time", () => {
    assertEquals(
      whyFailed({ ...ENDING, complained: "" }),
      "not done after 60 s",
    );
  });

  it("finds the error among the lines of a stack", () => {
    const complained = "file.mjs:1\n  throw it;\n\n" +
      "RangeError: too far\n    at run (file.mjs:1:1)\n\nNode.js v20\n";
    assertEquals(
      whyFailed({ ...ENDING, exitCode: 1, complained }),
      "exit code 1: RangeError: too far",
    );
  });

  it("takes the last line where no error has a name, and cuts it", () => {
    const complained = `first\n${"x".repeat(1_000)}\n`;
    const why = whyFailed({ ...ENDING, exitCode: 2, complained });
    assert(why!.startsWith("exit code 2: xxx"));
    assert(why!.length < 200);
  });
});

describe("parseOptions", () => {
  it("has defaults for everything", () => {
    assertEquals(parseOptions([]), {
      only: [],
      rounds: 3,
      quick: false,
      out: ".bench/results",
      runtimes: ["node"],
    });
  });

  it("takes lists and numbers", () => {
    const words = ["--only", "ray, dask", "--rounds", "5", "--quick"];
    const { only, rounds, quick } = parseOptions(words);
    assertEquals({ only, rounds, quick }, {
      only: ["ray", "dask"],
      rounds: 5,
      quick: true,
    });
  });

  it("refuses what it does not know", () => {
    assertThrows(() => parseOptions(["--rounds", "none"]), TypeError);
    assertThrows(() => parseOptions(["--fast"]), TypeError);
  });
});

describe("isWanted", () => {
  it("looks for parts of the names of peers and sections", () => {
    assert(isWanted([], "Ray", "Tasks"));
    assert(isWanted(["pisc"], "piscina on node", "A pool"));
    assert(isWanted(["pool"], "piscina on node", "A pool"));
    assert(!isWanted(["dask"], "piscina on node", "A pool"));
  });
});

// Folding of output: fed lines with made-up times, compared with what a
// terminal would show.

import { OUTPUT_FOLD_LINES_MAX } from "../../../runtime/base/limits.ts";
import {
  OutputFolding,
  type PrintedLine,
  type ShownLine,
} from "../../../runtime/observe/output_folding.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

function line(text: string, printer: string, source = "work"): PrintedLine {
  return { stream: "stdout", prefix: `(${printer}) `, text, source, printer };
}

function texts(lines: readonly ShownLine[]): string[] {
  return lines.map(({ text }) => text);
}

describe("OutputFolding", () => {
  it("shows lines that differ at once", () => {
    const folding = new OutputFolding();

    assertEquals(texts(folding.add(line("one", "a"), 0)), ["(a) one"]);
    assertEquals(texts(folding.add(line("two", "b"), 0)), ["(b) two"]);
    assertEquals(folding.dueAtMs, undefined);
    assertEquals(folding.end(), []);
  });

  it("counts what others print after the first", () => {
    const folding = new OutputFolding();

    assertEquals(texts(folding.add(line("hello", "a"), 0)), ["(a) hello"]);
    for (const printer of ["b", "c", "a"]) {
      assertEquals(folding.add(line("hello", printer), 10), []);
    }
    assertEquals(folding.due(4_999), []);
    assertEquals(folding.dueAtMs, 5_000);
    assertEquals(
      texts(folding.due(5_000)),
      ["(a) hello [repeated 3x across cluster]"],
    );
    assertEquals(folding.end(), []);
  });

  it("goes on counting after it has shown a count", () => {
    const folding = new OutputFolding();
    folding.add(line("hello", "a"), 0);
    folding.add(line("hello", "b"), 0);
    folding.due(5_000);

    assertEquals(folding.add(line("hello", "c"), 5_001), []);
    assertEquals(
      texts(folding.due(10_000)),
      ["(c) hello [repeated 1x across cluster]"],
    );
    assertEquals(folding.due(15_000), []);
    assertEquals(texts(folding.add(line("hello", "d"), 15_001)), ["(d) hello"]);
  });

  it("shows what one printer repeats by itself", () => {
    const folding = new OutputFolding();

    for (let count = 0; count < 3; count++) {
      assertEquals(texts(folding.add(line("tick", "a"), 0)), ["(a) tick"]);
    }
  });

  it("keeps streams and sources apart, and empty lines as they are", () => {
    const folding = new OutputFolding();
    folding.add(line("hello", "a"), 0);

    const other = { ...line("hello", "b"), stream: "stderr" } as const;
    assertEquals(folding.add(other, 0).length, 1);
    assertEquals(folding.add(line("hello", "b", "rest"), 0).length, 1);
    assertEquals(folding.add(line("", "a"), 0).length, 1);
    assertEquals(folding.add(line("", "b"), 0).length, 1);
  });

  it("shows all counts at the end, in the order of first lines", () => {
    const folding = new OutputFolding();
    for (const printer of ["a", "b"]) {
      folding.add(line("one", printer), 0);
      folding.add(line("two", printer), 0);
    }

    assertEquals(texts(folding.end()), [
      "(b) one [repeated 1x across cluster]",
      "(b) two [repeated 1x across cluster]",
    ]);
    assertEquals(folding.end(), []);
  });

  it("remembers a bounded number of lines", () => {
    const folding = new OutputFolding();
    folding.add(line("first", "a"), 0);
    folding.add(line("first", "b"), 0);
    for (let count = 1; count < OUTPUT_FOLD_LINES_MAX; count++) {
      folding.add(line(`line ${count}`, "a"), 0);
    }

    assertEquals(texts(folding.add(line("one more", "a"), 0)), [
      "(b) first [repeated 1x across cluster]",
      "(a) one more",
    ]);
  });
});

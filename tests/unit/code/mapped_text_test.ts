import { MappedText } from "../../../runtime/code/mapped_text.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

describe("MappedText", () => {
  const source = "one two\nthree four\nfive";

  /** Where the text has a word, and where the source is said to have it. */
  function trace(text: MappedText, word: string) {
    const before = text.text.slice(0, text.text.indexOf(word)).split("\n");
    return text.sourcePosition(before.length - 1, before.at(-1)!.length);
  }

  it("leads copied ranges back to the source", () => {
    const text = new MappedText(source);
    text.add("own ");
    text.copy({ start: 14, end: 23 });
    text.add("\nown ");
    text.copy({ start: 4, end: 7 });

    assertEquals(text.text, "own four\nfive\nown two");
    assertEquals(trace(text, "four"), { line: 1, column: 6 });
    assertEquals(trace(text, "five"), { line: 2, column: 0 });
    assertEquals(trace(text, "two"), { line: 0, column: 4 });
    assertEquals(trace(text, "own"), undefined);
  });

  it("applies edits wherever their range is copied", () => {
    const text = new MappedText(source, [
      { start: 8, end: 13, text: "a longer text" },
      { start: 4, end: 4, text: "(" },
    ]);
    text.copy({ start: 0, end: source.length });
    text.copy({ start: 19, end: 23 });

    assertEquals(text.text, "one (two\na longer text four\nfivefive");
    assertEquals(trace(text, "two"), { line: 0, column: 4 });
    assertEquals(trace(text, "four"), { line: 1, column: 6 });
    assertEquals(trace(text, "longer"), undefined);
    assertEquals(text.sourcePosition(2, 5), { line: 2, column: 1 });
  });

  it("knows nothing of places that it does not have", () => {
    const text = new MappedText(source);
    text.copy({ start: 0, end: 3 });

    assertEquals(text.sourcePosition(5, 0), undefined);
  });
});

// docs/walkthrough.md quotes examples/monte_carlo.ts from its first class to
// its last line: no quote may drift from the file, and no line may be missing.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";

const example = lines(read("../../../examples/monte_carlo.ts"));
const quotes = [
  ...read("../../../docs/walkthrough.md").matchAll(/```ts\n(.*?)```/gs),
].map(([, quote]) => lines(quote!));

describe("the walkthrough", () => {
  it("quotes the example as it is, in its order", () => {
    let from = 0;
    for (const quote of quotes) {
      const at = example.findIndex((_, i) =>
        i >= from && quote.every((line, k) => line === example[i + k])
      );
      assert(at !== -1, `not in the example, or not here: ${quote[0]}`);
      from = at + quote.length;
    }
    assertEquals(from, example.length);
  });
});

/** The lines with code, without their indentation. */
function lines(text: string): string[] {
  return text.split("\n").map((line) => line.trim()).filter((line) => line);
}

function read(path: string): string {
  const url = new URL(path, import.meta.url);
  return readFileSync(fileURLToPath(url.href), "utf8");
}

// The parts under examples/support/ that a run of an example cannot show well:
// the progress bar in a terminal, the table's sides, the PNG's checksums.

import { inflateSync } from "node:zlib";
import { Canvas } from "../../../examples/support/canvas.ts";
import { Progress } from "../../../examples/support/progress.ts";
import { accuracyOf, fit } from "../../../examples/support/softmax.ts";
import { table } from "../../../examples/support/table.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";

describe("Progress", () => {
  it("prints a plain line at every tenth where there is no terminal", () => {
    const { output, text } = fakeOutput(false);
    const clock = fakeClock();
    const progress = new Progress(40, "models", output, clock.now);

    for (let i = 0; i < 40; i++) {
      clock.advance(500);
      progress.step();
    }

    const lines = text().split("\n");
    assertEquals(lines.length, 11);
    assertEquals(lines[0], " 10%  4/40 models  2.0/s  0:18 left");
    assertEquals(lines[9], "100%  40/40 models  2.0/s  0:20 in all");
  });

  it("redraws one line in a terminal, and ends it when done", () => {
    const { output, text } = fakeOutput(true);
    const clock = fakeClock();
    const progress = new Progress(2, "models", output, clock.now);

    clock.advance(1000);
    progress.step();
    clock.advance(1000);
    progress.step();

    const half = "█".repeat(14) + "░".repeat(14);
    assertEquals(
      text(),
      `\r${half}   50%  1/2 models  1.0/s  0:01 left\x1b[K` +
        `\r${"█".repeat(28)}  100%  2/2 models  1.0/s  0:02 in all\x1b[K\n`,
    );
  });

  it("does not flood a terminal, but always draws the last step", () => {
    const { output, text } = fakeOutput(true);
    const clock = fakeClock();
    const progress = new Progress(1000, "models", output, clock.now);

    for (let i = 0; i < 1000; i++) {
      clock.advance(1);
      progress.step();
    }

    assertEquals(text().split("\r").length - 1, 14);
    assertEquals(text().endsWith("1000/s  0:01 in all\x1b[K\n"), true);
  });
});

describe("table", () => {
  it("puts numbers to the right and words to the left", () => {
    const text = table(["name", "n"], [["a", 5], ["longer", 12]]);

    assertEquals(
      text,
      ["name     n", "──────  ──", "a        5", "longer  12"].join("\n"),
    );
  });

  it("shows its headings when there are no rows", () => {
    assertEquals(table(["a", "bc"], []), "a  bc\n─  ──");
  });
});

describe("Canvas", () => {
  it("writes the pixels drawn into a PNG", () => {
    const canvas = new Canvas(2, 2);
    canvas.rectangle(1, 0, 5, 1, [10, 20, 30]);

    const png = canvas.toPng();

    const view = new DataView(png.buffer, png.byteOffset, png.length);
    assertEquals([view.getUint32(16), view.getUint32(20)], [2, 2]);
    const sizeBytes = view.getUint32(33);
    const rows = inflateSync(png.subarray(41, 41 + sizeBytes));
    assertEquals(
      [...rows],
      [0, 255, 255, 255, 10, 20, 30, 0, 255, 255, 255, 255, 255, 255],
    );
  });
});

describe("fit", () => {
  it("tells apart what differs", () => {
    const digits = twoStrokes();

    assertEquals(accuracyOf(fit(digits, 0), digits), 1);
  });

  it("keeps the weights small under a large penalty", () => {
    const { weights } = fit(twoStrokes(), 1e6);

    const largest = weights.reduce((max, w) => Math.max(max, Math.abs(w)), 0);
    assert(largest > 0 && largest < 1e-5, `largest is ${largest}`);
  });
});

/** Ones with ink in the top half, sevens with ink in the bottom half. */
function twoStrokes() {
  const count = 40;
  const pixels = new Uint8Array(count * 784);
  const labels = new Uint8Array(count);
  for (let i = 0; i < count; i++) {
    labels[i] = i % 2 === 0 ? 1 : 7;
    pixels.fill(255, i * 784 + (i % 2) * 392, i * 784 + (i % 2) * 392 + 20);
  }
  return { pixels, labels };
}

function fakeOutput(isTTY: boolean) {
  const written: string[] = [];
  return {
    output: { isTTY, write: (text: string) => written.push(text) },
    text: () => written.join(""),
  };
}

function fakeClock() {
  let nowMs = 1000;
  return { now: () => nowMs, advance: (ms: number) => nowMs += ms };
}

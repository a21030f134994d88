import { OUTPUT_LINE_CHARS_MAX } from "../../../runtime/base/limits.ts";
import { LineBuffer } from "../../../runtime/platform/line_buffer.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

function collect(): { buffer: LineBuffer; lines: string[] } {
  const lines: string[] = [];
  return { buffer: new LineBuffer((line) => lines.push(line)), lines };
}

describe("LineBuffer", () => {
  it("gives out whole lines and keeps the rest", () => {
    const { buffer, lines } = collect();

    buffer.write("one\ntwo\n\nth");
    buffer.write("ree\r\nfour");

    assertEquals(lines, ["one", "two", "", "three"]);
  });

  it("gives out the rest when flushed, once", () => {
    const { buffer, lines } = collect();

    buffer.write("rest");
    buffer.flush();
    buffer.flush();

    assertEquals(lines, ["rest"]);
  });

  it("knows whether there is anything to flush", () => {
    const { buffer } = collect();
    const states = ["one\n", "rest", Uint8Array.of(0xe2)].map((chunk) => {
      buffer.write(chunk);
      const { isEmpty } = buffer;
      buffer.flush();
      return [isEmpty, buffer.isEmpty];
    });

    assertEquals(states, [[true, true], [false, true], [false, true]]);
  });

  it("joins characters that were split between writes", () => {
    const { buffer, lines } = collect();

    for (const byte of new TextEncoder().encode("a€😀\n")) {
      buffer.write(Uint8Array.of(byte));
    }

    assertEquals(lines, ["a€😀"]);
  });

  it("shows a character that never got its end", () => {
    const { buffer, lines } = collect();

    buffer.write(Uint8Array.of(0xe2, 0x82));
    buffer.flush();

    assertEquals(lines, ["\ufffd"]);
  });

  it("cuts a line without end into pieces", () => {
    const { buffer, lines } = collect();
    const piece = "x".repeat(OUTPUT_LINE_CHARS_MAX / 2);

    for (let i = 0; i < 5; i++) buffer.write(piece);
    buffer.write("\n");

    assertEquals(lines.map((line) => line.length), [
      OUTPUT_LINE_CHARS_MAX,
      OUTPUT_LINE_CHARS_MAX,
      OUTPUT_LINE_CHARS_MAX / 2,
    ]);
  });

  it("cuts a long line that came in one write", () => {
    const { buffer, lines } = collect();

    buffer.write("x".repeat(OUTPUT_LINE_CHARS_MAX + 1) + "\n");

    assertEquals(lines.map((line) => line.length), [OUTPUT_LINE_CHARS_MAX, 1]);
  });
});

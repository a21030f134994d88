// Cuts what is written to a stream into lines. Pure: no I/O. Holds at most one
// unfinished line, and of that no more than `OUTPUT_LINE_CHARS_MAX`.

import { OUTPUT_LINE_CHARS_MAX } from "../base/limits.ts";

/** Collects text and bytes; gives out whole lines, without their ends. */
export class LineBuffer {
  readonly #emit: (line: string) => void;
  /** Keeps the first bytes of a character whose rest comes later. */
  readonly #decoder = new TextDecoder();
  /** Bytes have come since the last flush: the decoder may keep some. */
  #hasBytes = false;
  #rest = "";

  constructor(emit: (line: string) => void) {
    this.#emit = emit;
  }

  write(chunk: string | Uint8Array): void {
    if (typeof chunk === "string") return this.#append(chunk);
    this.#hasBytes = true;
    this.#append(this.#decoder.decode(chunk, { stream: true }));
  }

  /** Whether `flush` would give nothing out; to know costs next to nothing. */
  get isEmpty(): boolean {
    return this.#rest === "" && !this.#hasBytes;
  }

  /** Gives out the unfinished line, if there is one. */
  flush(): void {
    if (this.isEmpty) return;
    this.#append(this.#decoder.decode());
    this.#hasBytes = false;
    if (this.#rest) this.#emit(takeCarriageReturn(this.#rest));
    this.#rest = "";
  }

  #append(text: string): void {
    let start = 0;
    for (;;) {
      const end = text.indexOf("\n", start);
      if (end < 0) break;
      this.#emitLong(takeCarriageReturn(this.#rest + text.slice(start, end)));
      this.#rest = "";
      start = end + 1;
    }
    this.#rest += text.slice(start);
    while (this.#rest.length > OUTPUT_LINE_CHARS_MAX) {
      this.#emit(this.#rest.slice(0, OUTPUT_LINE_CHARS_MAX));
      this.#rest = this.#rest.slice(OUTPUT_LINE_CHARS_MAX);
    }
  }

  /** A line of any length comes out in pieces that each have a bound. */
  #emitLong(line: string): void {
    let rest = line;
    while (rest.length > OUTPUT_LINE_CHARS_MAX) {
      this.#emit(rest.slice(0, OUTPUT_LINE_CHARS_MAX));
      rest = rest.slice(OUTPUT_LINE_CHARS_MAX);
    }
    this.#emit(rest);
  }
}

function takeCarriageReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

// What a driver's terminal shows of its tasks: their output under a prefix,
// repeats folded, their errors that nobody asked for, and the node's warnings.
// The wiring of `observe/output_folding.ts` with the terminal and the clock.

import { clearTimeout, setTimeout } from "node:timers";
import {
  OutputFolding,
  type PrintedLine,
  type ShownLine,
} from "./observe/output_folding.ts";
import type { OutputLine, OutputOrigin } from "./protocol/node_messages.ts";

/** See the head of the file. */
export class DriverOutput {
  readonly #folding = new OutputFolding();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Shows lines that tasks and actors have printed. */
  show(lines: readonly OutputLine[], origin: OutputOrigin): void {
    const nowMs = performance.now();
    const shown: ShownLine[] = [...this.#folding.due(nowMs)];
    for (const line of lines) {
      shown.push(...this.#folding.add(printedLine(line, origin), nowMs));
    }
    print(shown);
    this.#setTimer();
  }

  /** Shows what was counted and not shown yet. */
  end(): void {
    print(this.#folding.end());
    clearTimeout(this.#timer);
  }

  #setTimer(): void {
    const { dueAtMs } = this.#folding;
    if (this.#timer !== undefined || dueAtMs === undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      print(this.#folding.due(performance.now()));
      this.#setTimer();
    }, Math.max(0, dueAtMs - performance.now()));
    this.#timer.unref();
  }
}

function printedLine(
  { stream, text, source, task }: OutputLine,
  { pid, thread, node }: OutputOrigin,
): PrintedLine {
  const name = source === "" ? "" : `${source} `;
  return {
    stream,
    text,
    source,
    prefix: `(${name}pid=${pid} thread=${thread} node=${node}) `,
    printer: task === undefined ? thread : `${thread} ${task}`,
  };
}

/** One call per run of lines of one stream: they come in bursts. */
function print(lines: readonly ShownLine[]): void {
  for (let start = 0; start < lines.length;) {
    const { stream } = lines[start]!;
    let end = start + 1;
    while (lines[end]?.stream === stream) end++;
    const text = lines.slice(start, end).map(({ text }) => text).join("\n");
    // Not `process.stdout`: its first use costs Bun 8 ms.
    console[stream === "stdout" ? "log" : "error"](text);
    start = end;
  }
}

/** Shows a failure whose ref nobody has read. */
export function printError(error: Error): void {
  console.error("Error of a task whose result nobody asked for:", error);
}

/** Shows something the user should know of. */
export function printWarning(text: string): void {
  console.error(`Warning: ${text}`);
}

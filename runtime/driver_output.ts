// What a driver's terminal shows of its tasks: their output under a prefix,
// their errors that nobody asked for, and the node's warnings.

import type { OutputLine, OutputOrigin } from "./protocol/node_messages.ts";

/** Shows lines that tasks and actors have printed. */
export function printOutput(
  lines: readonly OutputLine[],
  origin: OutputOrigin,
): void {
  for (const { stream, text, source } of lines) {
    const line = `(${source} pid=${origin.pid} thread=${origin.thread} ` +
      `node=${origin.node}) ${text}`;
    if (stream === "stdout") console.log(line);
    else console.error(line);
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

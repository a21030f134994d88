// The log files of one thread: what it prints, beside its being shown in the
// driver's terminal. Bounded: a file that is full takes the place of the one
// before. No failure to write hurts the task that prints.

import { appendFileSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { OUTPUT_LOG_BYTES_MAX } from "../base/limits.ts";

/** Where a session keeps the log files of its threads. */
export function logFolder(sessionPath: string): string {
  return join(sessionPath, "logs");
}

/** A line as it is logged. */
interface LoggedLine {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

const SUFFIXES = { stdout: "out", stderr: "err" } as const;
const PRIVATE = 0o600;
const STREAMS = ["stdout", "stderr"] as const;

/** Writes a thread's lines to `<thread>.out` and `<thread>.err`. */
export class OutputLog {
  readonly #folder: string;
  readonly #thread: string;
  readonly #sizesBytes = { stdout: 0, stderr: 0 };
  #state: "unopened" | "open" | "broken" = "unopened";

  constructor(folder: string, thread: string) {
    this.#folder = folder;
    this.#thread = thread;
  }

  write(lines: readonly LoggedLine[]): void {
    if (this.#state === "broken") return;
    try {
      if (this.#state === "unopened") {
        mkdirSync(this.#folder, { recursive: true });
      }
      this.#state = "open";
      for (const stream of STREAMS) this.#append(stream, lines);
    } catch {
      // A full disk, say, or a session that ends: the terminal has the lines.
      this.#state = "broken";
    }
  }

  #append(stream: LoggedLine["stream"], lines: readonly LoggedLine[]): void {
    let text = "";
    for (const line of lines) {
      if (line.stream === stream) text += line.text + "\n";
    }
    if (text === "") return;
    const path = join(this.#folder, `${this.#thread}.${SUFFIXES[stream]}`);
    if (this.#sizesBytes[stream] > OUTPUT_LOG_BYTES_MAX) {
      renameSync(path, `${path}.1`);
      this.#sizesBytes[stream] = 0;
    }
    // Kept closed: a thread that is stopped would leave its files open.
    appendFileSync(path, text, { mode: PRIVATE });
    // In UTF-8 a UTF-16 unit takes three bytes at most; mostly it is one.
    this.#sizesBytes[stream] += text.length;
  }
}

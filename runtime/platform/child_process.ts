// A child process of ours: the same runtime or binary, with its output as lines
// and its end told once, in the words of the system. Knows nothing of what the
// child does.

import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import process from "node:process";
import { CHILD_OUTPUT_MS_MAX } from "../base/limits.ts";
import { LineBuffer } from "./line_buffer.ts";
import type { OutputStream, ScriptCommand } from "./platform.ts";

/** Half of what there is; everybody may raise his own. */
const OOM_SCORE = "500";

/** How a process has ended. */
export interface ChildEnd {
  /** The exit code, if it ended by itself. */
  readonly code: number | null;
  /** The signal that ended it, such as `SIGSEGV`. */
  readonly signal: string | null;
  /** It was never there: why. */
  readonly failure?: string;
}

export interface StartChildOptions extends ScriptCommand {
  /** A line that went past what captures the output of user code. */
  onLine(stream: OutputStream, line: string): void;
  /** Called exactly once, after its last line. */
  onEnded(end: ChildEnd): void;
}

/** A running child; it ends with this process or by `kill`. */
export interface PlatformChild {
  /** Undefined when it could not be started. */
  readonly pid: number | undefined;
  /** Ends it at once, whatever it does. */
  kill(): void;
}

/** Starts a process; what goes wrong is told by `onEnded`. */
export function startChild(options: StartChildOptions): PlatformChild {
  try {
    return watchChild(spawnChild(options), options);
  } catch (error) {
    // Without the permission to run programs, Deno throws.
    const failure = error instanceof Error ? error.message : String(error);
    queueMicrotask(() =>
      options.onEnded({ code: null, signal: null, failure })
    );
    return { pid: undefined, kill: () => {} };
  }
}

function spawnChild({ command, args, env }: StartChildOptions): ChildProcess {
  return spawn(command, [...args], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    // The terminal's Ctrl-C is for the driver, who then ends its children.
    detached: true,
  });
}

function watchChild(
  child: ChildProcess,
  options: StartChildOptions,
): PlatformChild {
  let hasEnded = false;
  const flush = [
    forwardLines(child, "stdout", options),
    forwardLines(child, "stderr", options),
  ];
  const end = (how: ChildEnd) => {
    if (hasEnded) return;
    hasEnded = true;
    for (const flushLines of flush) flushLines();
    options.onEnded(how);
  };
  child.on("error", ({ message }) => {
    if (child.pid === undefined) {
      end({ code: null, signal: null, failure: message });
    }
  });
  child.on("exit", (code, signal) => {
    // Processes of its own may hold its output open after it.
    const timer = setTimeout(() => end({ code, signal }), CHILD_OUTPUT_MS_MAX);
    child.on("close", () => {
      clearTimeout(timer);
      end({ code, signal });
    });
  });
  return {
    pid: child.pid,
    kill: () => {
      if (!hasEnded) child.kill("SIGKILL");
    },
  };
}

/** Has the system, when it is out of memory, end this process before others. */
export function preferForOom(): void {
  try {
    writeFileSync("/proc/self/oom_score_adj", OOM_SCORE);
  } catch {
    // Not Linux.
  }
}

function forwardLines(
  child: ChildProcess,
  stream: OutputStream,
  { onLine }: StartChildOptions,
): () => void {
  const lines = new LineBuffer((line) => onLine(stream, line));
  child[stream]?.on("data", (chunk: Uint8Array) => lines.write(chunk));
  return () => lines.flush();
}

// Runs one program of one peer, a fresh process that is bounded in time, and
// reads what it printed. Whatever it started ends with it.

import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import process from "node:process";
import {
  type Figure,
  type Gap,
  type Outcome,
  parseLines,
  parseMicrobenchmark,
  whyFailed,
} from "./outcome.ts";

/** One program: what it is for, and how it is run. */
export interface Program {
  readonly peer: string;
  readonly section: string;
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly environment?: Readonly<Record<string, string>>;
  /** The file that it writes its rows to, instead of printing them. */
  readonly resultFile?: string;
  /** If it joins a head that is another process: how many CPUs that has. */
  readonly headCpus?: number;
  readonly timeoutMs: number;
}

/** Only the end of what is printed to stderr is looked at. */
const COMPLAINT_LENGTH = 8_000;
/** How long the groups of processes have to end by themselves. */
const GRACE_MS = 2_000;
const STOP_SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Never rejects: what went wrong is one of the gaps. */
export async function runProgram(
  program: Program,
  round: number,
  environment: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const { peer, section, resultFile, timeoutMs } = program;
  if (resultFile !== undefined) rmSync(resultFile, { force: true });
  const ended = await runToEnd(program, environment);
  const { figures, gaps } = resultFile === undefined
    ? parseLines(ended.printed)
    : readResults(resultFile);
  const reason = whyFailed({ ...ended, timeoutMs });
  const failure: Gap[] = reason === undefined
    ? []
    : [{ what: program.name, reason }];
  return { peer, section, round, figures, gaps: [...gaps, ...failure] };
}

function readResults(path: string): { figures: Figure[]; gaps: Gap[] } {
  try {
    return parseMicrobenchmark(readFileSync(path, "utf8"));
  } catch {
    return { figures: [], gaps: [] };
  }
}

interface Ended {
  readonly exitCode?: number | undefined;
  readonly printed: string;
  readonly complained: string;
}

function runToEnd(
  program: Program,
  environment: Readonly<Record<string, string>>,
): Promise<Ended> {
  const [file, ...args] = program.command;
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment, ...program.environment },
    // A group of its own, so that what it started can be ended with it.
    detached: true,
  });
  let [printed, complained] = ["", ""];
  child.stdout.on("data", (text) => printed += String(text));
  child.stderr.on("data", (text) => {
    complained = (complained + String(text)).slice(-COMPLAINT_LENGTH);
  });
  return new Promise((resolve) => {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      endGroup(child);
    }, program.timeoutMs);
    // It has a group of its own, which a terminal's Ctrl-C does not reach.
    const stop = () => {
      endGroup(child);
      process.exit(130);
    };
    for (const signal of STOP_SIGNALS) process.once(signal, stop);
    const finish = (exitCode: number | undefined) => {
      clearTimeout(timer);
      for (const signal of STOP_SIGNALS) process.off(signal, stop);
      endGroup(child);
      resolve({ exitCode: isLate ? undefined : exitCode, printed, complained });
    };
    child.once("error", (error) => {
      complained += `\n${error.name}: ${error.message}`;
      finish(1);
    });
    child.once("exit", (code) => {
      // What is left of the output is not waited for longer than this.
      const done = () => finish(code ?? 1);
      const grace = setTimeout(done, GRACE_MS);
      child.once("close", () => {
        clearTimeout(grace);
        done();
      });
    });
  });
}

/** The program and what it started, none of which is needed any more. */
function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // All of them have ended.
  }
}

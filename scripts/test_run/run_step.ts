// Runs one step as a child process with a limit of time, shows what it prints,
// and counts its tests.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import process from "node:process";

import { NO_TESTS, readJunit, type Tally } from "./tally.ts";

/** One child process of the test run. */
export interface Step {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  /** The JUnit file that it writes; without one the step is one test. */
  readonly junitPath?: string;
  /** Variables beside those of this process. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A step that takes longer is killed and counts as failed. */
  readonly timeoutMs: number;
}

/** Runs a step to its end; never rejects. */
export async function runStep(step: Step): Promise<Tally> {
  const startedAtMs = performance.now();
  const exit = await runCommand(step);
  const seconds = (performance.now() - startedAtMs) / 1000;
  console.log(`--- ${step.name}: ${exit} after ${seconds.toFixed(1)} s`);
  return tallyStep(step, exit === "exit 0");
}

function tallyStep(step: Step, isDone: boolean): Tally {
  const bare: Tally = isDone
    ? { ...NO_TESTS, passed: 1 }
    : { ...NO_TESTS, failed: 1 };
  if (step.junitPath === undefined) return bare;
  if (!existsSync(step.junitPath)) return { ...NO_TESTS, failed: 1 };
  const tally = readJunit(readFileSync(step.junitPath, "utf8"));
  // A runner that failed outside its tests must not pass for a good one.
  return isDone || tally.failed > 0 ? tally : { ...tally, failed: 1 };
}

function runCommand(step: Step): Promise<string> {
  const [program, ...args] = step.command;
  const { promise, resolve } = Promise.withResolvers<string>();
  const child = spawn(program, args, {
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, NO_COLOR: "1", ...step.environment },
    timeout: step.timeoutMs,
    killSignal: "SIGKILL",
  });
  child.on("error", (error) => resolve(error.message));
  child.on("close", (code, signal) => {
    resolve(signal === null ? `exit ${code}` : `ended by ${signal}`);
  });
  return promise;
}

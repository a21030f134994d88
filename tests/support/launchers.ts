// The ways to run a user's file: Deno, Bun, and the binary where it is built.
// For system tests, which start child processes and look at what they print.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** One way to run a file. */
export interface Launcher {
  readonly name: "deno" | "bun" | "manta";
  /** Runs `file` with `args`; the promise settles when it has ended. */
  run(file: string, args?: readonly string[]): Promise<Outcome>;
}

/** What a child process left. */
export interface Outcome {
  /** The exit code, or the name of the signal that ended it. */
  readonly exit: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** The repository's root folder. */
export const ROOT = fileURLToPath(new URL("../../", import.meta.url).href);

/** The launchers that this checkout has: the binary only once it is built. */
export function launchers(): Launcher[] {
  const binary = join(ROOT, "dist", "manta");
  return [
    launcher("deno", programPath("deno"), ["run", "-A"], []),
    launcher("bun", programPath("bun"), ["run"], []),
    ...(existsSync(binary) ? [launcher("manta", binary, ["run"], ["--"])] : []),
  ];
}

/** Long enough for a slow machine; a child that hangs is killed then. */
const TIMEOUT_MS = 120_000;

function launcher(
  name: Launcher["name"],
  program: string,
  before: readonly string[],
  after: readonly string[],
): Launcher {
  return {
    name,
    run: (file, args = []) =>
      run(program, [
        ...before,
        file,
        ...(args.length > 0 ? after : []),
        ...args,
      ]),
  };
}

function run(program: string, args: readonly string[]): Promise<Outcome> {
  const { promise, resolve, reject } = Promise.withResolvers<Outcome>();
  const child = spawn(program, args, {
    cwd: ROOT,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => stdout += text);
  child.stderr.setEncoding("utf8").on("data", (text) => stderr += text);
  child.on("error", reject);
  child.on("close", (code, signal) => {
    resolve({ exit: code ?? signal ?? "unknown", stdout, stderr });
  });
  return promise;
}

/** The pinned program, as the setup script or the packages provide it. */
export function programPath(name: string): string {
  const folders = [
    join(ROOT, ".tools", "bin"),
    join(ROOT, "node_modules", ".bin"),
    ...(process.env["PATH"] ?? "").split(delimiter),
  ];
  const found = folders
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
  if (found === undefined) throw new Error(`${name} was not found`);
  return found;
}

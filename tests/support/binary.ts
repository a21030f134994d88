// Starts the built binary, and throws when it was not built: a system test that
// found nothing to test must not pass.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const BINARY = fileURLToPath(new URL("../../dist/manta", import.meta.url).href);
/** Long enough for a slow machine; a binary that hangs is killed then. */
const TIMEOUT_MS = 60_000;

/** What the binary left behind. */
export interface BinaryOutcome {
  /** The exit code, or the name of the signal that ended it. */
  readonly exit: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `manta` with `args` in `folder`, to its end. */
export function runBinary(
  args: readonly string[],
  folder?: string,
): Promise<BinaryOutcome> {
  if (!existsSync(BINARY)) {
    throw new Error("dist/manta is not there: run scripts/build first");
  }
  const { promise, resolve, reject } = Promise.withResolvers<BinaryOutcome>();
  const child = spawn(BINARY, args, {
    ...(folder === undefined ? {} : { cwd: folder }),
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

// Runs a user's script in this process, as if the runtime had been given it:
// `process.argv` as a script expects it, "manta" from this program. It must not
// end the process, since the script goes on after its last top-level line.

import { statSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";

import { hostScript } from "../../runtime/platform/script_host.ts";
import { BUNDLED_MODULES } from "../bundled_modules.ts";
import { EXIT_FAILED, EXIT_USAGE } from "../exit_code.ts";
import { endOnLateErrors, printFailure } from "../script_errors.ts";

/** Imports `script`; the exit code is 1 when that fails, 2 without a file. */
export async function runScript(
  script: string,
  args: readonly string[],
): Promise<void> {
  const path = resolve(script);
  const problem = findProblem(path);
  if (problem !== undefined) {
    console.error(`Cannot run "${script}": ${problem}`);
    process.exitCode = EXIT_USAGE;
    return;
  }
  hostScript(path, args, BUNDLED_MODULES);
  endOnLateErrors();
  try {
    await import(pathToFileURL(path).href);
  } catch (error) {
    printFailure(error);
    process.exitCode = EXIT_FAILED;
  }
}

function findProblem(path: string): string | undefined {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return "there is no such file";
    if (!found.isFile()) return "it is not a file";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

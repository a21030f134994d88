// The table of commands and how they are shown. The code of a command is loaded
// when that command is the one to run, so nothing here may import it statically.

import {
  type Application,
  buildApplication,
  buildRouteMap,
  type CommandContext,
  ExitCode,
  run,
  type StricliProcess,
  text_en,
} from "@stricli/core";
import process from "node:process";

import { MantaError } from "../runtime/base/errors.ts";
import { VERSION } from "../runtime/base/version.ts";
import {
  buildCompleteCommand,
  completionCommand,
} from "./commands/completion_command.ts";
import { listCommands, summaryCommands } from "./commands/listing_commands.ts";
import { microbenchmarkCommand } from "./commands/microbenchmark_command.ts";
import { runCommand } from "./commands/run_command.ts";
import { startCommand } from "./commands/start_command.ts";
import { statusCommand } from "./commands/status_command.ts";
import { stopCommand } from "./commands/stop_command.ts";
import { tokenCommand } from "./commands/token_command.ts";
import { versionCommand } from "./commands/version_command.ts";
import { EXIT_FAILED, EXIT_USAGE } from "./exit_code.ts";
import { UsageError } from "./usage_error.ts";

/** Parses the words after the program's name and runs the command they name. */
export async function runCli(words: readonly string[]): Promise<void> {
  // The first touch of a process stream costs Bun 8 ms: only who prints pays.
  const shell: StricliProcess = {
    stdout: { write: (text) => void process.stdout.write(text) },
    stderr: { write: (text) => void process.stderr.write(text) },
  };
  await run(buildCli(), words, { process: shell });
  // A script may have set the exit code itself: zero must not hide that.
  const exitCode = toExitCode(Number(shell.exitCode ?? 0));
  if (exitCode !== 0) process.exitCode = exitCode;
}

/** The command line as the parser wants it, for running and for completion. */
export function buildCli(): Application<CommandContext> {
  const routes = buildRouteMap({
    routes: {
      run: runCommand,
      start: startCommand,
      stop: stopCommand,
      status: statusCommand,
      list: listCommands,
      summary: summaryCommands,
      token: tokenCommand,
      microbenchmark: microbenchmarkCommand,
      completion: completionCommand,
      version: versionCommand,
      __complete: buildCompleteCommand(buildCli),
    },
    docs: {
      brief: "Runs TypeScript functions and classes on every core",
      hideRoute: { __complete: true },
    },
  });
  return buildApplication(routes, {
    name: "manta",
    versionInfo: { currentVersion: VERSION },
    scanner: {
      caseStyle: "allow-kebab-for-camel",
      allowArgumentEscapeSequence: true,
    },
    documentation: {
      caseStyle: "convert-camel-to-kebab",
      disableAnsiColor: true,
    },
    determineExitCode: (error) =>
      error instanceof UsageError ? EXIT_USAGE : EXIT_FAILED,
    localization: {
      text: {
        ...text_en,
        exceptionWhileRunningCommand: (error) => errorText(error),
      },
    },
  });
}

/** What is meant for people needs no stack; all else is a bug of ours. */
function errorText(error: unknown): string {
  const isExpected = error instanceof UsageError || error instanceof MantaError;
  if (isExpected) return error.message;
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

/** Maps the parser's own codes, which are negative, to ours. */
function toExitCode(code: number): number {
  switch (code) {
    case ExitCode.UnknownCommand:
    case ExitCode.InvalidArgument:
      return EXIT_USAGE;
    default:
      return code < 0 ? EXIT_FAILED : code;
  }
}

// What a user's script does not catch: told as the runtime tells it, but by the
// script's own lines. What the program itself has thrown would be shown by the
// program's source, which is not the user's.

import process from "node:process";
import { InvariantError, MantaError } from "../runtime/base/errors.ts";
import { mapStack } from "../runtime/code/map_stack.ts";
import { EXIT_FAILED } from "./exit_code.ts";

/** Prints what has ended the script. */
export function printFailure(error: unknown): void {
  showUserLines(error, new Set());
  console.error(error);
}

/** Has errors that come later end the process as the runtime would. */
export function endOnLateErrors(): void {
  const end = (error: unknown) => {
    printFailure(error);
    process.exit(EXIT_FAILED);
  };
  process.on("uncaughtException", (error) => {
    // The script has a listener of its own.
    if (process.listenerCount("uncaughtException") > 1) return;
    end(error);
  });
  process.on("unhandledRejection", (reason) => {
    if (process.listenerCount("unhandledRejection") > 1) return;
    if (process.listenerCount("uncaughtException") === 1) return end(reason);
    process.emit("uncaughtException", reason as Error, "unhandledRejection");
  });
}

function showUserLines(error: unknown, seen: Set<unknown>): void {
  if (!(error instanceof Error) || seen.has(error)) return;
  seen.add(error);
  const { stack = "", cause } = error;
  // Bun does not read a frame without a name.
  const mapped = mapStack(stack)
    .replace(/^( +at )(\/[^()]+:\d+:\d+)$/gm, "$1<anonymous> ($2)");
  // What tells of a fault of ours is told in full.
  const isClear = error instanceof MantaError &&
    !(error instanceof InvariantError);
  const hasFrames = /\n\s+at /.test(mapped);
  if (mapped !== stack && (hasFrames || isClear)) {
    Reflect.set(error, "stack", mapped);
  }
  showUserLines(cause, seen);
  if (error instanceof AggregateError) {
    for (const each of error.errors) showUserLines(each, seen);
  }
}

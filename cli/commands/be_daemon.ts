// The daemon's side of daemon.ts: hears from its parent what to do, tells it
// what came of that, and lets go of it.

import { rmSync } from "node:fs";
import process from "node:process";

import { MantaError } from "../../runtime/base/errors.ts";
import { HANDSHAKE_MS_MAX } from "../../runtime/base/limits.ts";
import { EXIT_FAILED, EXIT_USAGE } from "../exit_code.ts";
import { UsageError } from "../usage_error.ts";
import type { DaemonReport } from "./daemon.ts";
import { runNode } from "./run_node.ts";
import type { StartRequest } from "./start_request.ts";
import { banner } from "./started_node.ts";

const CHANNEL_NAMES = ["NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE"];

/** Is a node until it is told to end. */
export async function beDaemon(): Promise<void> {
  if (!process.connected) {
    console.error("This is for `manta start`, which speaks to it");
    process.exitCode = EXIT_USAGE;
    return;
  }
  const request = await requestOfParent();
  // Processes that tasks start must not take the channel for theirs.
  for (const name of CHANNEL_NAMES) delete process.env[name];
  let hasStarted = false;
  // Who asked for it has given up before it was there.
  const abandoned = () => process.exit(EXIT_FAILED);
  process.once("disconnect", abandoned);
  try {
    await runNode(request, {
      waits: (problem) => {
        console.log(problem);
        if (!hasStarted) process.send?.(report("node_waits", problem));
      },
      started: (started) => {
        console.log(banner(started));
        if (hasStarted) return;
        hasStarted = true;
        process.off("disconnect", abandoned);
        void tell({ type: "node_started", started });
      },
    });
    if (request.logPath !== undefined) rmSync(request.logPath, { force: true });
  } catch (error) {
    process.exitCode = EXIT_FAILED;
    console.error(error);
    process.off("disconnect", abandoned);
    if (!hasStarted) await tell(report("node_failed", messageOf(error)));
  }
  process.exit();
}

function report(
  type: "node_waits" | "node_failed",
  message: string,
): DaemonReport {
  return { type, message };
}

function requestOfParent(): Promise<StartRequest> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error("The parent says nothing")),
      HANDSHAKE_MS_MAX,
    );
    process.once("message", (request) => {
      clearTimeout(timer);
      resolve(request as StartRequest);
    });
  });
}

/** Resolves when the parent has it, or is gone. */
function tell(report: DaemonReport): Promise<void> {
  return new Promise<void>((resolve) => {
    if (!process.connected) return resolve();
    process.once("disconnect", resolve);
    process.send!(report, undefined, undefined, () => resolve());
  }).then(() => {
    if (process.connected) process.disconnect?.();
  });
}

function messageOf(error: unknown): string {
  const isExpected = error instanceof MantaError ||
    error instanceof UsageError || error instanceof RangeError;
  if (isExpected) return error.message;
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

// The daemon's side of daemon.ts: hears from its parent what to do, tells it
// what came of that, and lets go of it.

import { rmSync } from "node:fs";
import process from "node:process";

import { MantaError } from "../../runtime/base/errors.ts";
import { HANDSHAKE_MS_MAX } from "../../runtime/base/limits.ts";
import { EXIT_FAILED, EXIT_USAGE } from "../exit_code.ts";
import type { DaemonReport } from "./daemon.ts";
import { banner, runHead } from "./head_process.ts";
import type { HeadRequest } from "./start_options.ts";

const CHANNEL_NAMES = ["NODE_CHANNEL_FD", "NODE_CHANNEL_SERIALIZATION_MODE"];

/** Is a head until it is told to end. */
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
    await runHead(request, (started) => {
      hasStarted = true;
      process.off("disconnect", abandoned);
      console.log(banner(started));
      void tell({ type: "head_started", started });
    });
    if (request.logPath !== undefined) rmSync(request.logPath, { force: true });
  } catch (error) {
    process.exitCode = EXIT_FAILED;
    console.error(error);
    process.off("disconnect", abandoned);
    if (!hasStarted) {
      await tell({ type: "head_failed", message: messageOf(error) });
    }
  }
  process.exit();
}

function requestOfParent(): Promise<HeadRequest> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error("The parent says nothing")),
      HANDSHAKE_MS_MAX,
    );
    process.once("message", (request) => {
      clearTimeout(timer);
      resolve(request as HeadRequest);
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
  if (error instanceof MantaError || error instanceof RangeError) {
    return error.message;
  }
  return error instanceof Error ? error.stack ?? error.message : String(error);
}

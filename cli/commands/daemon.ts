// Starts a node as a process of its own that outlives this one: the leader of
// a new session, printing to a log. This side waits until that process listens or
// has failed. What it is to do, the token included, it is told by a channel
// between the two: arguments and the environment can be seen by others.

import { type ChildProcess, spawn } from "node:child_process";
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import process from "node:process";

import { ConnectionError, MantaError } from "../../runtime/base/errors.ts";
import {
  DAEMON_START_MS_MAX,
  DEAD_NODE_LOGS_MAX,
  LOG_TAIL_BYTES_MAX,
} from "../../runtime/base/limits.ts";
import {
  openClusterFolder,
  runningNodes,
} from "../../runtime/cluster_files.ts";
import { detectPlatform } from "../../runtime/platform/detect.ts";
import type { StartRequest } from "./start_request.ts";
import type { StartedNode } from "./started_node.ts";

/** The word that makes a process of this program a daemon; see `main.ts`. */
export const DAEMON_WORD = "__node";

/** What the daemon says. */
export type DaemonReport =
  /** It is not there yet, for this reason. */
  | { readonly type: "node_waits"; readonly message: string }
  /** The last that it says. */
  | { readonly type: "node_started"; readonly started: StartedNode }
  | { readonly type: "node_failed"; readonly message: string };

const LOG_NAME = /^(head|worker)-.*\.log$/;

/** Starts the daemon; rejects with why it did not start. */
export async function startDaemon(
  request: StartRequest,
  onWait: (problem: string) => void,
): Promise<StartedNode> {
  const folder = openClusterFolder();
  removeOldLogs(folder);
  const { role, port } = request;
  const name = `${role}-${port}-${randomBytes(4).toString("hex")}.log`;
  const logPath = join(folder, name);
  const child = spawnDaemon(request, logPath);
  try {
    child.send({ ...request, logPath });
    const report = await reportOf(child, { logPath, onWait });
    if (report.type === "node_failed") throw new MantaError(report.message);
    return report.started;
  } catch (error) {
    rmSync(logPath, { force: true });
    throw error;
  } finally {
    if (child.connected) child.disconnect();
    child.unref();
  }
}

function spawnDaemon(request: StartRequest, logPath: string): ChildProcess {
  const platform = detectPlatform();
  const { hostname = "", port } = request;
  // The rest is for people who look at the list of processes.
  const words = [DAEMON_WORD, request.role, `${hostname}:${port}`];
  const { command, args, env } = platform.isCompiled
    ? { command: process.execPath, args: words, env: {} }
    : platform.scriptCommand(process.argv[1]!, words);
  const inherited: Record<string, string | undefined> = { ...process.env };
  for (const name of ["MANTA_TOKEN", "MANTA_ADDRESS", "MANTA_STATE"]) {
    delete inherited[name];
  }
  const log = openSync(logPath, "ax", 0o600);
  try {
    return spawn(command, [...args], {
      detached: true,
      env: { ...inherited, ...env },
      stdio: ["ignore", log, log, "ipc"],
    });
  } finally {
    closeSync(log);
  }
}

function reportOf(
  child: ChildProcess,
  { logPath, onWait }: {
    readonly logPath: string;
    onWait(problem: string): void;
  },
): Promise<Exclude<DaemonReport, { type: "node_waits" }>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      fail(`it was not there within ${DAEMON_START_MS_MAX / 1_000} s`);
    }, DAEMON_START_MS_MAX);
    child.on("message", (message) => {
      const report = message as DaemonReport;
      if (report.type === "node_waits") return onWait(report.message);
      clearTimeout(timer);
      resolve(report);
    });
    child.on("error", ({ message }) => fail(message));
    child.on("exit", (code, signal) => {
      fail(`its process ended with ${signal ?? `code ${code}`}`);
    });

    function fail(reason: string): void {
      clearTimeout(timer);
      const tail = tailOf(logPath);
      const printed = tail === "" ? "" : `. It printed:\n${tail}`;
      reject(new ConnectionError(`Cannot start the node: ${reason}${printed}`));
    }
  });
}

function tailOf(path: string): string {
  try {
    return readFileSync(path, "utf8").slice(-LOG_TAIL_BYTES_MAX).trim();
  } catch {
    return "";
  }
}

/** Logs go with their nodes; those of killed ones may tell why. */
function removeOldLogs(folder: string): void {
  const inUse = new Set(runningNodes().map(({ logPath }) => logPath));
  const left = readdirSync(folder)
    .filter((name) => LOG_NAME.test(name))
    .map((name) => join(folder, name))
    .filter((path) => !inUse.has(path))
    .map((path) => ({ path, changedMs: changedMs(path) }))
    .sort((a, b) => b.changedMs - a.changedMs);
  for (const { path } of left.slice(DEAD_NODE_LOGS_MAX)) {
    rmSync(path, { force: true });
  }
}

function changedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

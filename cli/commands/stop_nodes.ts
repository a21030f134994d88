// Ends nodes of this user by the numbers of their processes, which are looked
// at again before each signal: another process may have the number by then.

import process from "node:process";

import { MantaError } from "../../runtime/base/errors.ts";
import {
  DAEMON_STOP_MS_MAX,
  NODE_DRAIN_MS_MAX,
} from "../../runtime/base/limits.ts";
import {
  openClusterFolder,
  type RunningNode,
  runningNodes,
} from "../../runtime/cluster_files.ts";
import { sweepProcessFolders } from "../../runtime/platform/process_folder.ts";
import { isAlive } from "../../runtime/platform/process_life.ts";

/** How often a process that should end is looked at. */
const LOOK_EVERY_MS = 20;

/** Stops the nodes; rejects when one of them cannot be stopped. */
export async function stopNodes(
  { port, force = false }: {
    readonly port?: number;
    readonly force?: boolean;
  },
): Promise<void> {
  const nodes = runningNodes().filter(({ address }) =>
    port === undefined || address.endsWith(`:${port}`)
  );
  if (nodes.length === 0) {
    const where = port === undefined ? "" : ` on port ${port}`;
    process.stdout.write(`No node of yours runs on this machine${where}\n`);
    return;
  }
  await Promise.all(nodes.map((node) => stopNode(node, force)));
}

async function stopNode(node: RunningNode, isForced: boolean): Promise<void> {
  const { address, pid } = node;
  const name = `the node at ${address} (process ${pid})`;
  if (!isForced) {
    // A head may keep its cluster if a service ends it; this is the end of it.
    signal(node, node.head === undefined ? "SIGINT" : "SIGTERM");
    if (await hasEnded(node)) {
      process.stdout.write(`Stopped ${name}\n`);
      return;
    }
  }
  signal(node, "SIGKILL");
  if (!await hasEnded(node)) {
    throw new MantaError(`Cannot stop ${name}: the system does not end it`);
  }
  const why = isForced
    ? ""
    : `: it has not ended within ${endMsMax(node) / 1_000} s`;
  process.stdout.write(`Killed ${name}${why}\n`);
  runningNodes(); // Its record goes when it is looked for.
  sweepProcessFolders(openClusterFolder(), "session");
}

function signal(
  { pid, start }: RunningNode,
  name: "SIGTERM" | "SIGINT" | "SIGKILL",
) {
  if (!isAlive(pid, start)) return;
  try {
    process.kill(pid, name);
  } catch {
    // It has ended just now.
  }
}

/** A worker lets its tasks end. */
function endMsMax({ head }: RunningNode): number {
  return DAEMON_STOP_MS_MAX + (head === undefined ? 0 : NODE_DRAIN_MS_MAX);
}

async function hasEnded(node: RunningNode): Promise<boolean> {
  const { pid, start } = node;
  const untilMs = performance.now() + endMsMax(node);
  while (isAlive(pid, start)) {
    if (performance.now() > untilMs) return false;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
  return true;
}

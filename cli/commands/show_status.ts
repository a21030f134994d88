// Asks a cluster how it is and prints the answer: what it has, what is in use,
// what waits.

import process from "node:process";

import { askCluster } from "./ask_cluster.ts";
import type { AskFlags } from "./ask_flags.ts";
import { clusterStatus, statusText } from "./cluster_status.ts";
import { formatValue } from "./formats.ts";

/** Prints the status of the cluster; rejects when it cannot be asked. */
export async function showStatus(flags: AskFlags): Promise<void> {
  const status = await askCluster(flags, async (calls, address) => {
    const [nodes, pending, jobs] = await Promise.all([
      calls.nodes(),
      calls.pending(),
      calls.jobs(),
    ]);
    const nowMs = Date.now();
    return clusterStatus({ address, nowMs, nodes, pending, jobs });
  });
  process.stdout.write(
    flags.format === "table"
      ? statusText(status)
      : await formatValue(status, flags.format),
  );
}

// Asks a cluster how it is and prints the answer. It does so as somebody who
// only looks: it is no driver, and no job is made for it.

import process from "node:process";

import { AuthenticationError } from "../../runtime/base/errors.ts";
import {
  readToken,
  runningCluster,
  type RunningNode,
} from "../../runtime/cluster_files.ts";
import { observeNode } from "../../runtime/observe_node.ts";
import { UsageError } from "../usage_error.ts";
import { clusterStatus, statusText } from "./cluster_status.ts";
import { type Format, formatValue } from "./formats.ts";
import { isAddress } from "./start_values.ts";

/** The options of `manta status`. */
export interface StatusFlags {
  readonly address?: string;
  readonly token?: string;
  readonly format: Format;
}

/** Prints the status of the cluster; rejects when it cannot be asked. */
export async function showStatus(flags: StatusFlags): Promise<void> {
  const target = findTarget(flags);
  const node = observeNode(target);
  try {
    const { calls } = node;
    const [nodes, pending, jobs] = await Promise.all([
      calls.nodes(),
      calls.pending(),
      calls.jobs(),
    ]);
    const { address } = target;
    const nowMs = Date.now();
    const status = clusterStatus({ address, nowMs, nodes, pending, jobs });
    process.stdout.write(
      flags.format === "table"
        ? statusText(status)
        : await formatValue(status, flags.format),
    );
  } finally {
    await node.close();
  }
}

function findTarget(flags: StatusFlags) {
  const given = flags.address ?? process.env["MANTA_ADDRESS"];
  const isNamed = given !== undefined && given !== "" && given !== "auto" &&
    given !== "local";
  const address = isNamed ? given : headAddress(runningCluster());
  if (!isAddress(address)) {
    throw new UsageError(
      `Cannot ask "${address}": write the address as host:port`,
    );
  }
  const token = readToken(
    address,
    flags.token ?? (process.env["MANTA_TOKEN"] || undefined),
  );
  if (token === undefined) {
    throw new AuthenticationError(
      `Cannot ask ${address}: there is no token. Set MANTA_TOKEN to what ` +
        "`manta token --show` prints on its machine",
    );
  }
  return { address, token };
}

/** Of what waits elsewhere a worker knows nothing. */
function headAddress({ head, address }: RunningNode): string {
  return (head ?? { address }).address;
}

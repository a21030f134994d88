// Asks a cluster something as somebody who only looks: it is no driver, and no
// job is made for it. Finds out where the cluster is, and its token.

import process from "node:process";

import {
  AuthenticationError,
  ConnectionError,
} from "../../runtime/base/errors.ts";
import { ANSWER_MS_MAX } from "../../runtime/base/limits.ts";
import {
  readToken,
  runningCluster,
  type RunningNode,
} from "../../runtime/cluster_files.ts";
import { type ObservedNode, observeNode } from "../../runtime/observe_node.ts";
import { UsageError } from "../usage_error.ts";
import type { AskFlags } from "./ask_flags.ts";
import { isAddress } from "./start_values.ts";

/** Gives what the cluster answers; rejects when it cannot be asked. */
export async function askCluster<Answer>(
  flags: AskFlags,
  ask: (calls: ObservedNode["calls"], address: string) => Promise<Answer>,
): Promise<Answer> {
  const target = findTarget(flags);
  const node = observeNode(target);
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    late.reject(
      new ConnectionError(
        `Cannot ask ${target.address}: nobody answers there within ` +
          `${
            ANSWER_MS_MAX / 1_000
          } s. The node may hang: look at its log, or ` +
          "end its process and start it again",
      ),
    );
  }, ANSWER_MS_MAX);
  try {
    return await Promise.race([
      ask(node.calls, target.address),
      late.promise,
    ]);
  } finally {
    clearTimeout(timer);
    await node.close();
  }
}

function findTarget(flags: AskFlags) {
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

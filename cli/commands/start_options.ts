// What `manta start` was asked for, checked as a whole: what is left is plain,
// so that it can be handed to the process that becomes the node.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";

import type { InitOptions } from "../../mod.ts";
import { resolveInitOptions } from "../../runtime/api/init_options.ts";
import { isLoopback } from "../../runtime/protocol/handshake.ts";
import { splitToken } from "../../runtime/protocol/token.ts";
import { UsageError } from "../usage_error.ts";
import { isHostname } from "./start_values.ts";

/** The options of `manta start`, as they are parsed. */
export interface StartFlags {
  readonly head?: boolean;
  readonly address?: string;
  readonly host: string;
  readonly port: number;
  readonly names?: readonly string[];
  readonly token?: string;
  readonly tls?: boolean;
  readonly insecure?: boolean;
  readonly numCpus?: number;
  readonly numGpus?: number;
  readonly resources?: Record<string, number>;
  readonly labels?: Record<string, string>;
  readonly memory?: number;
  readonly objectStoreMemory?: number;
  readonly spillDirectory?: string;
  readonly block?: boolean;
}

/** What a head is started with. */
export interface HeadRequest {
  readonly hostname: string;
  readonly port: number;
  /** What the user said; the user's own from the file without. */
  readonly token?: string;
  readonly tls: boolean;
  /** By which drivers reach it, beside its own addresses. */
  readonly names: readonly string[];
  readonly node: InitOptions;
  /** Where the node's process prints to, if it is a daemon. */
  readonly logPath?: string;
}

/** Checks what belongs together; throws a `UsageError`. */
export function checkStart(flags: StartFlags): HeadRequest {
  checkRole(flags);
  checkReach(flags);
  const node = nodeOptions(flags);
  try {
    resolveInitOptions({ address: "local", ...node });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const token = tokenOf(flags);
  return {
    hostname: flags.host,
    port: flags.port,
    tls: flags.tls ?? false,
    names: flags.names ?? [],
    node,
    ...(token === undefined ? {} : { token }),
  };
}

function checkRole({ head, address }: StartFlags): void {
  if (head && address !== undefined) {
    throw new UsageError(
      "Cannot start a head that joins another one: give --head or --address",
    );
  }
  if (address !== undefined) {
    throw new UsageError(
      "Cannot join a cluster as a node: a cluster has one node in this " +
        "release. Start it with --head, and have drivers join it with " +
        `MANTA_ADDRESS=${address}`,
    );
  }
  if (!head) {
    throw new UsageError("Cannot start without a role: add --head");
  }
}

function checkReach({ host, tls, insecure }: StartFlags): void {
  if (!isHostname(host)) {
    throw new UsageError(
      `Cannot listen on "${host}": give an address of this machine, without ` +
        "a port or brackets",
    );
  }
  if (tls && insecure) {
    throw new UsageError("Cannot be both: give --tls or --insecure");
  }
  if (isLoopback(host) || tls || insecure) return;
  throw new UsageError(
    `Cannot listen on ${host} in plain text: whoever sees the traffic has the ` +
      "token. Add --tls, or --insecure if the network itself is safe",
  );
}

function nodeOptions(flags: StartFlags): InitOptions {
  const { numCpus, numGpus, resources, labels, memory } = flags;
  const { objectStoreMemory, spillDirectory } = flags;
  return {
    numCpus,
    numGpus,
    resources,
    labels,
    memory,
    objectStoreMemory,
    spillDirectory: spillDirectory && resolve(spillDirectory),
  };
}

function tokenOf({ token, tls }: StartFlags): string | undefined {
  // Unset and empty are the same in an environment.
  const given = token === "-"
    ? readFileSync(0, "utf8").trim()
    : token ?? (process.env["MANTA_TOKEN"] || undefined);
  if (given === undefined) return undefined;
  const where = token === undefined ? "MANTA_TOKEN" : "--token";
  const parts = splitToken(given);
  if (!parts) {
    throw new UsageError(
      `Cannot use ${where}: a token has 1 to 1,024 letters, digits and signs ` +
        "of ._~+/=-",
    );
  }
  if (parts.pin !== undefined && !tls) {
    throw new UsageError(
      `Cannot use ${where} without --tls: it names a certificate, so drivers ` +
        "that have it speak nothing else",
    );
  }
  return parts.secret;
}

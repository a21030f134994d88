// What `manta start` was asked for, checked as a whole: what is left is plain,
// so that it can be handed to the process that becomes the node.

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import process from "node:process";

import type { InitOptions } from "../../mod.ts";
import { resolveInitOptions } from "../../runtime/api/init_options.ts";
import type { StatePlace } from "../../runtime/head.ts";
import {
  isRedisUrl,
  readRedisUrl,
} from "../../runtime/platform/redis_server.ts";
import { isLoopback } from "../../runtime/protocol/handshake.ts";
import { splitToken, type TokenParts } from "../../runtime/protocol/token.ts";
import { UsageError } from "../usage_error.ts";
import { checkJoin } from "./join_options.ts";
import type { HeadRequest, StartFlags, StartRequest } from "./start_request.ts";
import { isHostname } from "./start_values.ts";

/** The port of a head that is not told another one. */
const HEAD_PORT = 6_380;

/** Checks what belongs together; throws a `UsageError`. */
export function checkStart(flags: StartFlags): StartRequest {
  const { head, address, host } = flags;
  if (head && address !== undefined) {
    throw new UsageError(
      "Cannot start a head that joins another one: give --head or --address",
    );
  }
  if (flags.tls && flags.insecure) {
    throw new UsageError("Cannot be both: give --tls or --insecure");
  }
  if (host !== undefined && !isHostname(host)) {
    throw new UsageError(
      `Cannot listen on "${host}": give an address of this machine, without ` +
        "a port or brackets",
    );
  }
  const node = checkNode(flags);
  if (address !== undefined && flags.state !== undefined) {
    throw new UsageError(
      "Cannot use --state with --address: the head keeps the cluster's state",
    );
  }
  if (address !== undefined) {
    return checkJoin({ ...flags, address }, node, givenToken(flags));
  }
  if (!head) {
    throw new UsageError(
      "Cannot start without a role: add --head, or --address with the head " +
        "to join",
    );
  }
  return checkHead(flags, node);
}

function checkHead(flags: StartFlags, node: InitOptions): HeadRequest {
  const { host = "127.0.0.1", port = HEAD_PORT, tls = false } = flags;
  if (!isLoopback(host) && !tls && !flags.insecure) {
    throw new UsageError(
      `Cannot listen on ${host} in plain text: whoever sees the traffic has ` +
        "the token. Add --tls, or --insecure if the network itself is safe",
    );
  }
  const token = givenToken(flags);
  if (token?.pin !== undefined && !tls) {
    throw new UsageError(
      `Cannot use ${sourceOf(flags)} without --tls: it names a certificate, ` +
        "so drivers that have it speak nothing else",
    );
  }
  return {
    role: "head",
    hostname: host,
    ...{ port, tls, node },
    names: flags.names ?? [],
    ...statePlace(flags, port),
    ...(token === undefined ? {} : { token: token.secret }),
  };
}

function statePlace(
  { state = process.env["MANTA_STATE"] || undefined }: StartFlags,
  port: number,
): { readonly state?: StatePlace } {
  if (state === undefined) return {};
  if (!isRedisUrl(state)) return { state: { folder: resolve(state) } };
  try {
    return { state: { redis: readRedisUrl(state, port) } };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`Cannot keep the state at that address: ${why}`);
  }
}

function checkNode(flags: StartFlags): InitOptions {
  const { numCpus, numGpus, resources, labels, memory } = flags;
  const { objectStoreMemory, spillDirectory } = flags;
  const node = {
    numCpus,
    numGpus,
    resources,
    labels,
    memory,
    objectStoreMemory,
    spillDirectory: spillDirectory && resolve(spillDirectory),
  };
  try {
    resolveInitOptions({ address: "local", ...node });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  return node;
}

/** The token that the user said. */
function givenToken(flags: StartFlags): TokenParts | undefined {
  const { token } = flags;
  // Unset and empty are the same in an environment.
  const given = token === "-"
    ? readFileSync(0, "utf8").trim()
    : token ?? (process.env["MANTA_TOKEN"] || undefined);
  if (given === undefined) return undefined;
  const parts = splitToken(given);
  if (parts) return parts;
  throw new UsageError(
    `Cannot use ${sourceOf(flags)}: a token has 1 to 1,024 letters, digits ` +
      "and signs of ._~+/=-",
  );
}

function sourceOf({ token }: StartFlags): string {
  return token === undefined ? "MANTA_TOKEN" : "--token";
}

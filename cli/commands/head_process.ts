// The process that is a head: starts the node, tells the user's other processes
// of it, and ends it in an orderly way when it is asked to. What it prints may
// be kept in logs, so it never prints the token.

import { accessSync, constants, mkdirSync } from "node:fs";
import process from "node:process";

import { resolveInitOptions } from "../../runtime/api/init_options.ts";
import { ConnectionError } from "../../runtime/base/errors.ts";
import { NODE_REJOIN_MS_MAX } from "../../runtime/base/limits.ts";
import { openClusterFolder } from "../../runtime/cluster_files.ts";
import { type Head, startHead, type StatePlace } from "../../runtime/head.ts";
import { hostAndPort } from "../../runtime/protocol/address.ts";
import { isLoopback } from "../../runtime/protocol/handshake.ts";
import { joinToken } from "../../runtime/protocol/token.ts";
import { keepToken, stateFolder } from "../../runtime/token_file.ts";
import { offerEmbeddedEsbuild } from "../embedded_esbuild.ts";
import { EXIT_FAILED } from "../exit_code.ts";
import { listenToEndSignals } from "./end_signals.ts";
import type { HeadRequest } from "./start_request.ts";
import {
  announceNode,
  describeNode,
  namesFor,
  type StartedNode,
} from "./started_node.ts";

/**
 * Is a head until it is told to end; `onStarted` is called when it listens.
 * Rejects if it cannot be started.
 */
export async function runHead(
  request: HeadRequest,
  onStarted: (started: StartedNode) => void,
): Promise<void> {
  offerEmbeddedEsbuild();
  // Fails here with what to do, if it cannot be had.
  openClusterFolder();
  // From the first moment on: a node that is half there is ended, too.
  const signals = listenToEndSignals();
  void signals.second.then(() => process.exit(EXIT_FAILED));
  const { token, tls, warnings } = await findSecrets(request);
  const names = namesFor(request.hostname, request.names);
  const head = await startHead({
    hostname: request.hostname,
    port: request.port,
    token: token.secret,
    names,
    ...(tls ? { tls } : {}),
    ...findState(request, warnings),
    node: resolveInitOptions({ address: "local", ...request.node }),
  });
  const started = describe(
    head,
    { ...request, names },
    joinToken(token),
    warnings,
  );
  const forget = announceNode(started, warnings);
  let keepsCluster = false;
  try {
    onStarted(started);
    const asked = await Promise.race([
      signals.first,
      head.ended.then((error) => error ?? undefined),
    ]);
    if (typeof asked !== "string") process.exitCode = EXIT_FAILED;
    // So services and machines end: who names a place wants it kept till then.
    keepsCluster = asked === "SIGTERM" && request.state !== undefined;
    const reason = typeof asked === "object" ? asked.message : asked;
    console.log(`The node ends: ${reason ?? "it has stopped by itself"}`);
    if (keepsCluster) {
      console.log(
        "Its cluster waits until the head is started again, for " +
          `${NODE_REJOIN_MS_MAX / 1_000} s`,
      );
    }
  } finally {
    forget();
    await head.end({ keepsCluster });
  }
}

/** A folder that was named must do; without the other one, nothing is kept. */
function findState(
  { state: named }: HeadRequest,
  warnings: string[],
): { readonly state?: StatePlace } {
  if (named && "redis" in named) return { state: named };
  const folder = named?.folder ?? stateFolder();
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.W_OK);
    return { state: { folder } };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const text = `Cannot keep the state of the head in ${folder}: ${why}`;
    if (named !== undefined) throw new ConnectionError(text);
    warnings.push(`${text}. The cluster ends with this node`);
    return {};
  }
}

async function findSecrets({ token, tls }: HeadRequest) {
  const warnings: string[] = [];
  let secret = token;
  if (secret === undefined) {
    const { value, path, problem } = keepToken();
    secret = value;
    if (problem !== undefined) {
      warnings.push(
        `Cannot keep the token in ${path}: ${problem}. It ends with this node; ` +
          "set MANTA_TOKEN to keep one",
      );
    }
  }
  if (!tls) return { token: { secret }, tls: undefined, warnings };
  const { findCertificate } = await import("./find_certificate.ts");
  const tlsPair = findCertificate(warnings);
  return { token: { secret, pin: tlsPair.pin }, tls: tlsPair, warnings };
}

function describe(
  { address, nodeId }: Head,
  { hostname, names, logPath, tls }: HeadRequest,
  token: string,
  warnings: readonly string[],
): StartedNode {
  const { port } = hostAndPort(address);
  const isInsecure = !tls && !isLoopback(hostname);
  return describeNode({
    ...{ hostname, port, names, token, nodeId, isInsecure, warnings, logPath },
  });
}

// The process that is a head: starts the node, tells the user's other processes
// of it, and ends it in an orderly way when it is asked to. What it prints may
// be kept in logs, so it never prints the token.

import { networkInterfaces, tmpdir } from "node:os";
import process from "node:process";

import { resolveInitOptions } from "../../runtime/api/init_options.ts";
import { VERSION } from "../../runtime/base/version.ts";
import {
  openClusterFolder,
  recordNode,
  runningNodes,
} from "../../runtime/cluster_files.ts";
import { type Head, startHead } from "../../runtime/head.ts";
import { isLoopback } from "../../runtime/protocol/handshake.ts";
import { joinToken } from "../../runtime/protocol/token.ts";
import { keepToken } from "../../runtime/token_file.ts";
import { offerEmbeddedEsbuild } from "../embedded_esbuild.ts";
import { EXIT_FAILED } from "../exit_code.ts";
import type { HeadRequest } from "./start_options.ts";

/** A head that listens, as its user is told. */
export interface StartedHead {
  /** Where drivers of this machine reach it. */
  readonly address: string;
  /** Where those of other machines do, if they can. */
  readonly publicAddress?: string;
  readonly token: string;
  readonly nodeId: string;
  readonly pid: number;
  readonly logPath?: string;
  /** What could not be done as it should be. */
  readonly warnings: readonly string[];
}

/**
 * Is a head until it is told to end; `onStarted` is called when it listens.
 * Rejects if it cannot be started.
 */
export async function runHead(
  request: HeadRequest,
  onStarted: (started: StartedHead) => void,
): Promise<void> {
  offerEmbeddedEsbuild();
  // Fails here with what to do, if it cannot be had.
  openClusterFolder();
  // From the first moment on: a node that is half there is ended, too.
  const asked = signalToEnd();
  const { token, tls, warnings } = await findSecrets(request);
  const head = await startHead({
    hostname: request.hostname,
    port: request.port,
    token: token.secret,
    names: request.names,
    ...(tls ? { tls } : {}),
    node: resolveInitOptions({ address: "local", ...request.node }),
  });
  const started = describe(head, request, joinToken(token), warnings);
  const forget = recordNode(started);
  if (!runningNodes().some(({ pid }) => pid === process.pid)) {
    warnings.push(
      `Other commands cannot find this node: the folder for that in ${tmpdir()} ` +
        "is another user's. Set TMPDIR, or give them its address and token",
    );
  }
  try {
    onStarted(started);
    const reason = await Promise.race([asked, head.ended]);
    if (reason === undefined) process.exitCode = EXIT_FAILED;
    console.log(`The node ends: ${reason ?? "it has stopped by itself"}`);
  } finally {
    forget();
    await head.end();
  }
}

/** Resolves to why the process was asked to end; a second time kills it. */
function signalToEnd(): Promise<string> {
  return new Promise((resolve) => {
    const signals = ["SIGTERM", "SIGINT"] as const;
    const listeners = signals.map((name) => {
      const listener = () => {
        for (const [n, it] of signals.entries()) process.off(it, listeners[n]!);
        resolve(name);
      };
      process.on(name, listener);
      return listener;
    });
  });
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
  const { keepCertificate } = await import("../node_certificate.ts");
  const { value: { pin, ...pair }, path, problem } = keepCertificate();
  if (problem !== undefined) {
    warnings.push(
      `Cannot keep the certificate in ${path}: ${problem}. It ends with this ` +
        "node, and drivers will need the token of the next one",
    );
  }
  return { token: { secret, pin }, tls: pair, warnings };
}

function describe(
  head: Head,
  { hostname, names, logPath }: HeadRequest,
  token: string,
  warnings: readonly string[],
): StartedHead {
  const port = /:(\d+)$/.exec(head.address)?.[1] ?? "";
  const isEverywhere = hostname === "0.0.0.0" || hostname === "::";
  const near = isEverywhere ? "127.0.0.1" : hostname;
  const far = names[0] ?? (isEverywhere ? networkAddress() : hostname);
  return {
    address: `${bracketed(near)}:${port}`,
    ...(far === undefined || isLoopback(far)
      ? {}
      : { publicAddress: `${bracketed(far)}:${port}` }),
    token,
    nodeId: head.nodeId,
    pid: process.pid,
    ...(logPath === undefined ? {} : { logPath }),
    warnings,
  };
}

function bracketed(hostname: string): string {
  return hostname.includes(":") ? `[${hostname}]` : hostname;
}

/** The first address that other machines may reach this one by. */
function networkAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((it) => it ?? []);
  const usable = all.filter(({ internal, scopeid }) => !internal && !scopeid);
  const first = usable.find(({ family }) => family === "IPv4") ?? usable[0];
  return first?.address;
}

/** What a head prints first, wherever that goes. */
export function banner({ nodeId, address, publicAddress }: StartedHead) {
  return `Manta ${VERSION}: node ${nodeId} listens on ${
    publicAddress ?? address
  }`;
}

// The process that is a worker: joins a head, and does so again when that was
// gone for a while; lets its tasks end when it is asked to leave. What it
// prints may be kept in logs, so it never prints the token.

import process from "node:process";

import { resolveInitOptions } from "../../runtime/api/init_options.ts";
import {
  ConnectionError,
  type MantaError,
  NodeDiedError,
} from "../../runtime/base/errors.ts";
import {
  DAEMON_STOP_MS_MAX,
  NODE_DRAIN_MS_MAX,
  NODE_JOIN_MS_MAX,
  NODE_REJOIN_MS_MAX,
} from "../../runtime/base/limits.ts";
import { openClusterFolder } from "../../runtime/cluster_files.ts";
import { hostAndPort } from "../../runtime/protocol/address.ts";
import { isLoopback } from "../../runtime/protocol/handshake.ts";
import { joinToken } from "../../runtime/protocol/token.ts";
import { startWorker, type Worker } from "../../runtime/worker.ts";
import { offerEmbeddedEsbuild } from "../embedded_esbuild.ts";
import { EXIT_FAILED } from "../exit_code.ts";
import { type EndSignals, listenToEndSignals } from "./end_signals.ts";
import { checkReach } from "./join_options.ts";
import { type ReachedHead, reachHead } from "./reach_head.ts";
import type { WorkerRequest } from "./start_request.ts";
import {
  announceNode,
  describeNode,
  namesFor,
  type StartedNode,
} from "./started_node.ts";

/** Who wants to know how it goes. */
export interface WorkerNews {
  /** The head is not there yet. */
  waits(problem: string): void;
  /** Called each time that it has joined. */
  started(started: StartedNode): void;
}

/** Is a worker until it is told to end. Rejects if it cannot join. */
export async function runWorker(
  request: WorkerRequest,
  news: WorkerNews,
): Promise<void> {
  offerEmbeddedEsbuild();
  // Fails here with what to do, if it cannot be had.
  openClusterFolder();
  const signals = listenToEndSignals();
  let isAsked = false;
  void signals.first.then(() => isAsked = true);
  let isKnown = false;
  while (!isAsked) {
    const head = await reachHead(request.head, {
      isKnown,
      msMax: isKnown ? NODE_REJOIN_MS_MAX : NODE_JOIN_MS_MAX,
      onWait: (problem) => news.waits(problem),
      isOver: () => isAsked,
    });
    if (!head) return;
    const ended = await beWorker(request, head, { news, signals });
    if (!ended || isAsked) return;
    console.log(ended.message);
    if (!canJoinAgain(ended)) throw ended;
    isKnown = true;
  }
}

/** Whether a node under another id may go on in its place. */
function canJoinAgain(error: MantaError): boolean {
  return error instanceof ConnectionError || error instanceof NodeDiedError;
}

/** One life of a node; resolves to why it could not go on. */
async function beWorker(
  request: WorkerRequest,
  head: ReachedHead,
  { news, signals }: {
    readonly news: WorkerNews;
    readonly signals: EndSignals;
  },
): Promise<MantaError | undefined> {
  const hostname = request.hostname ?? head.localHost;
  checkReach(hostname, request);
  const warnings: string[] = [];
  const certificate = await findTls(request, warnings);
  const names = namesFor(hostname, request.names);
  const { head: { address, token }, port } = request;
  const worker = await startWorker({
    head: { address, ...(token.pin === undefined ? {} : { pin: token.pin }) },
    ...{ hostname, port, token: token.secret, names },
    ...(certificate ? { tls: certificate } : {}),
    node: resolveInitOptions({ address: "local", ...request.node }),
  });
  const started = describeNode({
    hostname,
    port: hostAndPort(worker.address).port,
    names,
    token: joinToken({
      secret: token.secret,
      ...(certificate ? { pin: certificate.pin } : {}),
    }),
    nodeId: worker.nodeId,
    isInsecure: request.isInsecure && !isLoopback(hostname),
    logPath: request.logPath,
    head: { nodeId: head.nodeId, address, token: joinToken(token) },
    warnings,
  });
  const forget = announceNode(started, warnings);
  try {
    news.started(started);
    return await endOf(worker, signals);
  } finally {
    forget();
    await worker.end();
  }
}

async function findTls({ head }: WorkerRequest, warnings: string[]) {
  if (head.token.pin === undefined) return undefined;
  const { findCertificate } = await import("./find_certificate.ts");
  return findCertificate(warnings);
}

/** Why it has ended by itself; undefined when it was asked to. */
async function endOf(
  worker: Worker,
  { first, second }: EndSignals,
): Promise<MantaError | undefined> {
  const reason = await Promise.race([first, worker.ended]);
  if (typeof reason !== "string") {
    if (reason === undefined) {
      console.log("The node ends: its cluster has asked it to leave");
    }
    return reason;
  }
  console.log(`The node ends when its tasks have: ${reason}`);
  worker.drain();
  const { promise: late, resolve } = Promise.withResolvers<string>();
  const msMax = NODE_DRAIN_MS_MAX + DAEMON_STOP_MS_MAX / 2;
  const timer = setTimeout(() => resolve("they take too long"), msMax);
  const hurry = await Promise.race([second, late, worker.ended]);
  clearTimeout(timer);
  if (typeof hurry === "string") {
    console.log(`The node ends without waiting: ${hurry}`);
    process.exitCode = EXIT_FAILED;
  }
  return undefined;
}

// The wiring of a head: a process without a driver, whose node listens for
// drivers of other processes. This thread starts and stops the others, and does
// nothing else.

import { hostname } from "node:os";
import { clearInterval, setInterval } from "node:timers";
import { nodeResources, type ResolvedInitOptions } from "./api/init_options.ts";
import { newId, type NodeId } from "./base/ids.ts";
import { fromUnits } from "./base/resources.ts";
import { VERSION } from "./base/version.ts";
import { ThreadHost } from "./host.ts";
import { detectPlatform } from "./platform/detect.ts";
import { cpuCount, memoryBytes } from "./platform/machine.ts";
import { openSessionDirectory } from "./platform/session_directory.ts";
import { openSpillDirectory } from "./platform/spill_directory.ts";
import { newMailboxBuffer } from "./transport/mailbox.ts";

/** What a head is started with. */
export interface HeadOptions {
  /** Where it listens, such as "127.0.0.1". */
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  readonly token: string;
  /** The certificate and its key, in PEM; plain text without. */
  readonly tls?: { readonly cert: string; readonly key: string };
  /** Names beside its addresses that drivers may call it by. */
  readonly names?: readonly string[];
  /** What the node has. */
  readonly node: Pick<
    ResolvedInitOptions,
    | "numCpus"
    | "numGpus"
    | "resources"
    | "labels"
    | "memoryBytes"
    | "objectStoreBytes"
    | "spillDirectory"
  >;
}

/** A head that listens. */
export interface Head {
  /** `host:port`, for drivers. */
  readonly address: string;
  readonly nodeId: NodeId;
  readonly sessionPath: string;
  /** Resolves when it has ended. */
  readonly ended: Promise<void>;
  /** Says goodbye to its drivers and ends all that it runs. */
  end(): Promise<void>;
}

/** An interval that never fires keeps the process alive. */
const NEVER_MS = 2 ** 30;

/** Starts a head; rejects with a `ConnectionError` when it cannot listen. */
export async function startHead(options: HeadOptions): Promise<Head> {
  const platform = detectPlatform();
  const spillDirectory = openSpillDirectory(options.node.spillDirectory);
  const directory = openSessionDirectory();
  const nodeId = newId("node");
  const total = nodeResources(options.node, {
    cpus: cpuCount(),
    memoryBytes: memoryBytes(),
  });
  const { hostname: host, port, token, tls, names } = options;
  const threads = new ThreadHost(platform, {
    type: "node_start",
    nodeId,
    nodeMailbox: newMailboxBuffer(),
    total,
    labels: options.node.labels,
    storeBytes: fromUnits(total["objectStoreMemory"] ?? 0),
    sessionPath: directory.path,
    spillPath: spillDirectory?.path,
    hostname: hostname(),
    version: VERSION,
    startedAtMs: Date.now(),
    listen: {
      ...{ hostname: host, port, token },
      ...(tls ? { tls } : {}),
      ...(names ? { names } : {}),
    },
  });
  const removeDirectories = () => {
    directory.remove();
    spillDirectory?.remove();
  };
  const forgetEnd = platform.onProcessEnd(removeDirectories);
  const alive = setInterval(() => {}, NEVER_MS);
  const ended = Promise.withResolvers<void>();
  let ending: Promise<void> | undefined;
  const end = async () => {
    await threads.end();
    clearInterval(alive);
    forgetEnd();
    removeDirectories();
    ended.resolve();
  };
  const endOnce = () => ending ??= end();
  try {
    const listening = await threads.listening;
    return {
      address: `${host.includes(":") ? `[${host}]` : host}:${listening}`,
      nodeId,
      sessionPath: directory.path,
      ended: ended.promise,
      end: endOnce,
    };
  } catch (error) {
    await endOnce();
    throw error;
  }
}

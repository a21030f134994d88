// The session of a driver as users see it: beginning it, ending it, and
// asking what the cluster has.

import { writeFile } from "node:fs/promises";
import process from "node:process";
import { ConnectionError } from "../base/errors.ts";
import { resolveInitOptions } from "./init_options.ts";
import { shown } from "./option_checks.ts";
import {
  activeSession,
  apiWiring,
  type Session,
  setSession,
} from "./session_port.ts";
import type {
  ClusterInfo,
  InitOptions,
  NodeInfo,
  RuntimeContext,
} from "./session_types.ts";

/** The session of this thread; started with the defaults if there is none. */
export function currentSession(): Session {
  return activeSession() ?? startSession({});
}

function startSession(options: InitOptions): Session {
  const resolved = resolveInitOptions(options, {
    address: process.env["MANTA_ADDRESS"],
    token: process.env["MANTA_TOKEN"],
  });
  const session = apiWiring().startSession(resolved);
  setSession(session);
  return session;
}

/**
 * Starts the session of this driver: an embedded node on this machine, unless
 * `address` or `MANTA_ADDRESS` names a running cluster. Calls made without it
 * start a session with the defaults.
 *
 * @param options How the session is to be; unknown keys are refused.
 * @returns Where the session runs and what the cluster has.
 * @throws {TypeError} If an option is unknown or has the wrong type.
 * @throws {RangeError} If an option is out of range.
 * @throws {Error} If there is a session already and `ignoreReinit` is not set.
 * @throws {ConnectionError} If no cluster can be reached at the address.
 *
 * @example An embedded node with two CPUs
 * ```ts ignore
 * import { init } from "manta";
 *
 * await using cluster = await init({ numCpus: 2 });
 * console.log(cluster.resources.CPU); // 2
 * ```
 */
export async function init(options: InitOptions = {}): Promise<ClusterInfo> {
  const { ignoreReinit } = resolveInitOptions(options);
  const running = activeSession();
  if (running && !ignoreReinit) {
    throw new Error(
      "Cannot start a session: this driver has one already. Call shutdown() " +
        "first, or pass ignoreReinit: true to go on with it",
    );
  }
  const session = running ?? startSession(options);
  const resources = await totalsOf(session);
  const { namespace, jobId, nodeId } = session.identity;
  return {
    address: session.address,
    namespace,
    jobId,
    nodeId,
    numCpus: resources["CPU"] ?? 0,
    resources,
    [Symbol.dispose]: () => void shutdown(),
    [Symbol.asyncDispose]: () => shutdown(),
  };
}

/** A session that cannot reach its cluster is none. */
async function totalsOf(session: Session): Promise<Record<string, number>> {
  try {
    return await session.totals();
  } catch (error) {
    if (activeSession() === session) await shutdown();
    throw error;
  }
}

/**
 * Ends the session: its tasks, objects and actors go, but for detached ones
 * of a running cluster. Without a session it does nothing.
 *
 * @example
 * ```ts ignore
 * import { init, isInitialized, shutdown } from "manta";
 *
 * await init();
 * await shutdown();
 * console.log(isInitialized()); // false
 * ```
 */
export async function shutdown(): Promise<void> {
  const session = activeSession();
  if (!session) return;
  setSession(undefined);
  await session.end();
}

/**
 * Whether this thread has a session.
 *
 * @example
 * ```ts ignore
 * import { isInitialized } from "manta";
 *
 * console.log(isInitialized());
 * ```
 */
export function isInitialized(): boolean {
  return activeSession() !== undefined;
}

/**
 * The nodes of the cluster, dead ones included.
 *
 * @example
 * ```ts ignore
 * import { nodes } from "manta";
 *
 * for (const node of await nodes()) console.log(node.nodeId, node.state);
 * ```
 */
export function nodes(): Promise<NodeInfo[]> {
  return currentSession().nodes();
}

/**
 * All resources of the living nodes, by name: `CPU`, `GPU`, `memory` and
 * `objectStoreMemory` (bytes), and custom ones.
 *
 * @example
 * ```ts ignore
 * import { clusterResources } from "manta";
 *
 * console.log((await clusterResources()).CPU);
 * ```
 */
export function clusterResources(): Promise<Record<string, number>> {
  return currentSession().totals();
}

/**
 * What nothing holds at the moment of {@linkcode clusterResources}.
 *
 * @example
 * ```ts ignore
 * import { availableResources } from "manta";
 *
 * console.log((await availableResources()).CPU);
 * ```
 */
export function availableResources(): Promise<Record<string, number>> {
  return currentSession().available();
}

/**
 * Where this code runs: its job, node, thread, task and actor.
 *
 * @throws {Error} If there is no session.
 *
 * @example Stopping early when the task is cancelled
 * ```ts ignore
 * import { context, remote } from "manta";
 *
 * const poll = remote(async function poll(url: string) {
 *   const { signal } = context();
 *   return await (await fetch(url, { signal })).text();
 * });
 * ```
 */
export function context(): RuntimeContext {
  const session = activeSession();
  if (session) return session.context();
  throw new ConnectionError(
    "Cannot tell the context: there is no session. Call init(), or run this " +
      "in a task",
  );
}

/**
 * The task events of the session as a Chrome trace, to be opened in
 * `chrome://tracing` or Perfetto.
 *
 * @param path Where to write it as JSON; nothing is written without it.
 * @returns The events.
 *
 * @example
 * ```ts ignore
 * import { timeline } from "manta";
 *
 * await timeline("trace.json");
 * ```
 */
export async function timeline(path?: string): Promise<unknown[]> {
  if (path !== undefined && typeof path !== "string") {
    throw new TypeError(`timeline() takes a path, got ${shown(path)}`);
  }
  const events = await currentSession().timeline();
  if (path !== undefined) await writeFile(path, JSON.stringify(events));
  return events;
}

// The types of a session: how it is started and what it tells about itself and
// its cluster. Types only; checks and defaults are in `init_options.ts`.

import type { RuntimeEnv } from "./option_types.ts";
import type { SystemConfig } from "./system_config.ts";

/**
 * Options of {@linkcode init}.
 *
 * @example A cluster inside this process, with two CPUs
 * ```ts ignore
 * import { init } from "manta";
 *
 * await init({ numCpus: 2, objectStoreMemory: 512 * 1024 ** 2 });
 * ```
 */
export interface InitOptions {
  /**
   * The cluster to use: `"local"` for a node inside this process, `"auto"` for
   * the cluster that runs on this machine, or the `host:port` of its head.
   *
   * @default {undefined} the environment's `MANTA_ADDRESS`, else `"local"`
   */
  readonly address?: string | undefined;
  /**
   * The token of the cluster.
   *
   * @default {undefined} the environment's `MANTA_TOKEN`
   */
  readonly token?: string | undefined;
  /**
   * Logical CPUs of the embedded node.
   *
   * @default {undefined} the machine's
   */
  readonly numCpus?: number | undefined;
  /**
   * GPUs of the embedded node.
   *
   * @default {0}
   */
  readonly numGpus?: number | undefined;
  /**
   * Custom resources of the embedded node, by name. `CPU`, `GPU`, `memory`
   * and `objectStoreMemory` have options of their own.
   *
   * @default {{}}
   */
  readonly resources?: Readonly<Record<string, number>> | undefined;
  /**
   * Labels of the embedded node.
   *
   * @default {{}}
   */
  readonly labels?: Readonly<Record<string, string>> | undefined;
  /**
   * Bytes of memory that tasks and actors of the embedded node may ask for.
   *
   * @default {undefined} what the object store leaves of the machine's
   */
  readonly memory?: number | undefined;
  /**
   * Bytes of the embedded node's object store.
   *
   * @default {undefined} 30 % of the machine's memory
   */
  readonly objectStoreMemory?: number | undefined;
  /**
   * The folder on disk where objects go for which the store has no room; it is
   * made where it is missing. Each session has a folder of its own in it, which
   * goes with the session.
   *
   * @default {undefined} the user's own in the machine's temporary one
   */
  readonly spillDirectory?: string | undefined;
  /**
   * The namespace of the names of actors.
   *
   * @default {undefined} one of this session alone
   */
  readonly namespace?: string | undefined;
  /** The environment of the session's tasks and actors. */
  readonly runtimeEnv?: RuntimeEnv | undefined;
  /**
   * Whether what tasks and actors print is shown in this terminal.
   *
   * @default {true}
   */
  readonly logToDriver?: boolean | undefined;
  /**
   * Whether to serve the dashboard.
   *
   * @default {undefined} not for an embedded node, else as the cluster does
   */
  readonly dashboard?: boolean | undefined;
  /** Settings of the system's insides; not stable. */
  readonly systemConfig?: SystemConfig | undefined;
  /**
   * Whether `init` gives the session that runs already, instead of rejecting.
   *
   * @default {false}
   */
  readonly ignoreReinit?: boolean | undefined;
}

/**
 * What {@linkcode init} gives: where the session runs. `await using` ends the
 * session with the scope.
 */
export interface ClusterInfo {
  /** The head's `host:port`; `"local"` for an embedded node. */
  readonly address: string;
  /** The namespace of the names of actors. */
  readonly namespace: string;
  /** The id of this driver's job, such as `j-x4k2…`. */
  readonly jobId: string;
  /** The id of the node that this driver uses, such as `n-x4k2…`. */
  readonly nodeId: string;
  /** The dashboard, where it is served. */
  readonly dashboardUrl?: string;
  /** Logical CPUs of the whole cluster. */
  readonly numCpus: number;
  /** All resources of the whole cluster, as `clusterResources()` has them. */
  readonly resources: Readonly<Record<string, number>>;
  /** As `shutdown()`, without waiting. */
  [Symbol.dispose](): void;
  /** As `shutdown()`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** One node of the cluster, as `nodes()` lists it. */
export interface NodeInfo {
  /** The id of the node, such as `n-x4k2…`. */
  readonly nodeId: string;
  /** The node's `host:port`; `"local"` for an embedded node. */
  readonly address: string;
  /** The name of its machine. */
  readonly hostname: string;
  /** Whether it can be reached; dead nodes stay listed. */
  readonly alive: boolean;
  /** Whether it runs the control plane. */
  readonly isHead: boolean;
  /** `"draining"` nodes finish what they run and take nothing new. */
  readonly state: "alive" | "draining" | "dead";
  /** All its resources, by name. */
  readonly resources: Readonly<Record<string, number>>;
  /** What nothing holds of its resources, by name. */
  readonly available: Readonly<Record<string, number>>;
  /** Its labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** The state of its object store. */
  readonly objectStore: ObjectStoreUse;
  /** The id of its process. */
  readonly pid: number;
  /** The version of Manta that it runs. */
  readonly version: string;
  /** When it started, in milliseconds since 1970. */
  readonly startedAtMs: number;
}

/** How full an object store is. */
export interface ObjectStoreUse {
  /** How much it can hold, in bytes. */
  readonly capacityBytes: number;
  /** How much it holds, in bytes. */
  readonly usedBytes: number;
  /** How much is on disk, in bytes; some of it may be in memory, too. */
  readonly spilledBytes: number;
}

/** Where code runs, as {@linkcode context} tells it. */
export interface RuntimeContext {
  /** The id of the job, such as `j-x4k2…`. */
  readonly jobId: string;
  /** The id of the node, such as `n-x4k2…`. */
  readonly nodeId: string;
  /** The id of the thread, such as `w-x4k2…`. */
  readonly workerId: string;
  /** The id of the task; none in a driver. */
  readonly taskId?: string;
  /** The id of the actor, in its methods and constructor. */
  readonly actorId?: string;
  /** The name of the actor, if it has one. */
  readonly actorName?: string;
  /** The namespace of the names of actors. */
  readonly namespace: string;
  /** What the task or actor holds, by resource name. */
  readonly assignedResources: Readonly<Record<string, number>>;
  /** The accelerators it may use, by resource name: `{ GPU: ["0"] }`. */
  readonly acceleratorIds: Readonly<Record<string, readonly string[]>>;
  /** How often the task was tried before, counted from 0. */
  readonly attempt: number;
  /** Whether the actor was made again after a failure. */
  readonly wasRestarted: boolean;
  /** Aborts when the task is cancelled. */
  readonly signal: AbortSignal;
}

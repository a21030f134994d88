// The types of the options that tasks, actors and methods take. Types only;
// what is checked and which defaults hold is in `options.ts`, and the two must
// name the same keys.

import type { PlacementGroup } from "./placement_group_types.ts";

/**
 * Which nodes a task or actor may run on, by their labels: every entry must
 * hold. A value is one of `"value"`, `"!value"`, `"in(a, b)"`, `"!in(a, b)"`.
 * A node without the label meets the two negated forms only.
 *
 * @example Only nodes of two zones that are not spot instances
 * ```ts
 * import type { LabelSelector } from "manta";
 *
 * const selector: LabelSelector = { zone: "in(a, b)", market: "!spot" };
 * ```
 */
export type LabelSelector = Readonly<Record<string, string>>;

/** Runs on the node with this id; see {@linkcode SchedulingStrategy}. */
export interface NodeAffinityStrategy {
  /** The id of the node, from `nodes()` or `context().nodeId`. */
  readonly nodeId: string;
  /**
   * Whether another node will do when that one is gone or can never hold the
   * task. If not, the task fails with `TaskUnschedulableError`.
   *
   * @default {false}
   */
  readonly soft?: boolean | undefined;
}

/** Runs in a placement group; see {@linkcode SchedulingStrategy}. */
export interface PlacementGroupStrategy {
  /** The group whose reserved resources are used. */
  readonly placementGroup: PlacementGroup;
  /**
   * The bundle of the group, counted from 0; `-1` is any that has room.
   *
   * @default {-1}
   */
  readonly bundleIndex?: number | undefined;
  /**
   * Whether the tasks that the task starts run in the group, too.
   *
   * @default {false}
   */
  readonly captureChildTasks?: boolean | undefined;
}

/**
 * Where a task or actor is placed.
 *
 * * `"default"`: on this node and packed while it is less than half full, then
 *   spread; near large arguments.
 * * `"spread"`: evenly over the nodes.
 * * `{ nodeId, soft }`: on one node.
 * * `{ placementGroup, bundleIndex, captureChildTasks }`: in a group.
 */
export type SchedulingStrategy =
  | "default"
  | "spread"
  | NodeAffinityStrategy
  | PlacementGroupStrategy;

/** What code may do: everything, nothing, or the listed things. */
export type Permissions = "inherit" | "none" | PermissionSet;

/**
 * Permissions by kind: `true` allows all, `false` (the default) nothing, a list
 * only what it names (paths, hosts, variables, commands).
 */
export interface PermissionSet {
  /** Reading files. */
  readonly read?: boolean | readonly string[] | undefined;
  /** Writing files. */
  readonly write?: boolean | readonly string[] | undefined;
  /** Network hosts, such as `"example.org:443"`. */
  readonly net?: boolean | readonly string[] | undefined;
  /** Environment variables. */
  readonly env?: boolean | readonly string[] | undefined;
  /** Starting programs. */
  readonly run?: boolean | readonly string[] | undefined;
  /** Loading native libraries. */
  readonly ffi?: boolean | readonly string[] | undefined;
  /** Facts about the machine, such as `"hostname"`. */
  readonly sys?: boolean | readonly string[] | undefined;
  /** Importing code from other hosts. */
  readonly import?: boolean | readonly string[] | undefined;
}

/**
 * The environment that a job, task or actor runs in. What a task or actor
 * starts has the same, where it does not say otherwise. When it cannot be
 * made, the work fails with `RuntimeEnvError`, which has the installer's
 * output.
 *
 * @example A variable and a package that the driver does not have
 * ```ts
 * import type { RuntimeEnv } from "manta";
 *
 * const runtimeEnv: RuntimeEnv = {
 *   npm: ["ml-matrix@6.12.1"],
 *   envVars: { LOG_LEVEL: "debug" },
 * };
 * ```
 */
export interface RuntimeEnv {
  /**
   * A folder of this machine that is the current one: what `process.cwd()` and
   * `Deno.cwd()` give, and where `Deno.Command` and `Bun.spawn` start programs.
   * Threads of a process share its real current folder, so file functions and
   * `node:child_process` still start from the driver's: give them
   * `join(process.cwd(), "file.csv")` and `cwd: process.cwd()`.
   *
   * @default {undefined} the caller's, in the end the driver's
   */
  readonly workingDirectory?: string | undefined;
  /**
   * npm packages to install, each `name` or `name@version`, for
   * `await import("name")` in the code. They go before the driver's own, are
   * installed once per list and machine with the npm, Bun or Deno that is
   * there, and are bundled with the code. One with machine code is installed
   * on each node that runs the code.
   *
   * @default {undefined} the caller's
   */
  readonly npm?: readonly string[] | undefined;
  /**
   * Environment variables, over those of the caller, in `process.env`,
   * `Deno.env`, `Bun.env` and in programs that are started; `${NAME}` in a
   * value is what the caller has there. What the code writes there itself
   * stays with the task or actor. Native libraries see the driver's.
   */
  readonly envVars?: Readonly<Record<string, string>> | undefined;
  /**
   * What the code may do. All threads share the permissions of their process,
   * so that anything but `"inherit"` fails with `RuntimeEnvError` for now:
   * start the driver itself with fewer permissions.
   *
   * @default {"inherit"}
   */
  readonly permissions?: Permissions | undefined;
}

/** An error class, as `retryExceptions` takes it. */
export type ErrorClass = abstract new (...args: never[]) => Error;

/** What a task or actor needs and where it may run. */
export interface PlacementOptions {
  /**
   * Logical CPUs, in steps of 0.0001. Below 1, tasks share their thread.
   *
   * @default {1} for tasks; an actor takes 1 to be placed and holds 0
   */
  readonly numCpus?: number | undefined;
  /**
   * GPUs, in steps of 0.0001; more than 1 must be a whole number.
   *
   * @default {0}
   */
  readonly numGpus?: number | undefined;
  /**
   * Memory in bytes that is set aside on the node. It is a limit as well: with
   * isolation "process" on Linux, and on Deno for threads that return to their
   * event loop. What holds more is stopped with an `OutOfMemoryError`.
   *
   * @default {0}
   */
  readonly memory?: number | undefined;
  /**
   * Amounts of custom resources by name, in steps of 0.0001. `CPU`, `GPU`,
   * `memory` and `objectStoreMemory` have options of their own.
   *
   * @default {{}}
   */
  readonly resources?: Readonly<Record<string, number>> | undefined;
  /**
   * Where to place it.
   *
   * @default {"default"} or the placement group that captures child tasks
   */
  readonly schedulingStrategy?: SchedulingStrategy | undefined;
  /** Labels that the node must have. */
  readonly labelSelector?: LabelSelector | undefined;
  /** The environment to run in, over that of the job. */
  readonly runtimeEnv?: RuntimeEnv | undefined;
}

/** What tasks and the calls of methods have in common. */
export interface CallOptions<N extends number = number> {
  /**
   * How many refs a call gives. With `n > 1` the function returns an array of
   * exactly `n` values, and the call gives a tuple of `n` refs; with `0` the
   * call gives `undefined`. Not for generators.
   *
   * @default {1}
   */
  readonly numReturns?: N | undefined;
  /**
   * Which errors of user code are retried: none, all, or the listed classes.
   *
   * @default {false}
   */
  readonly retryExceptions?: boolean | readonly ErrorClass[] | undefined;
  /**
   * How long one run may take, in milliseconds, before it fails with
   * `TaskTimeoutError`.
   *
   * @default {undefined} no limit
   */
  readonly timeout?: number | undefined;
  /**
   * For generators: how many items may be unread before the task pauses.
   *
   * @default {undefined} no limit
   */
  readonly backpressure?: number | undefined;
  /**
   * The name that logs and listings show.
   *
   * @default {undefined} the name of the function or method
   */
  readonly name?: string | undefined;
}

/**
 * Options of a remote function.
 *
 * @typeParam N The literal type of `numReturns`, which decides what
 * `.remote()` gives.
 *
 * @example Half a CPU, and a retry when the network fails
 * ```ts ignore
 * import { remote } from "manta";
 *
 * const fetchText = remote(
 *   { numCpus: 0.5, retryExceptions: [TypeError], timeout: 10_000 },
 *   async function fetchText(url: string) {
 *     return await (await fetch(url)).text();
 *   },
 * );
 * ```
 */
export interface TaskOptions<N extends number = number>
  extends PlacementOptions, CallOptions<N> {
  /**
   * How often the task is run again after a failure of the system (a thread,
   * process or node that died); `-1` is without limit.
   *
   * @default {3}
   */
  readonly maxRetries?: number | undefined;
  /**
   * What the task runs in: a thread of the node, or a child process, which
   * it has to itself while it runs: a crash ends nothing else.
   *
   * @default {"thread"}
   */
  readonly isolation?: "thread" | "process" | undefined;
}

/**
 * Options of a method of an actor, as defaults in the `methods` of a class or
 * for one call by `handle.method.options()`.
 *
 * @typeParam N The literal type of `numReturns`.
 */
export interface MethodOptions<N extends number = number>
  extends CallOptions<N> {
  /**
   * How often an unfinished call is sent again after the actor restarted;
   * `-1` is without limit.
   *
   * @default {undefined} the actor's `maxTaskRetries`
   */
  readonly maxTaskRetries?: number | undefined;
  /**
   * The concurrency group that the call runs in.
   *
   * @default {undefined} the actor's own, of `maxConcurrency`
   */
  readonly concurrencyGroup?: string | undefined;
}

/** Options of several methods, by the methods' names. */
export type MethodOptionsByName = Readonly<
  Record<string, MethodOptions | undefined>
>;

/**
 * Options of a remote class.
 *
 * @typeParam M The type of `methods`, from which handles know `numReturns`.
 *
 * @example An actor that answers two calls at once and outlives its driver
 * ```ts ignore
 * import { remote } from "manta";
 *
 * const Cache = remote(
 *   { maxConcurrency: 2, name: "cache", lifetime: "detached" },
 *   class Cache {
 *     #entries = new Map<string, string>();
 *     set(key: string, value: string) {
 *       this.#entries.set(key, value);
 *     }
 *   },
 * );
 * ```
 */
export interface ActorOptions<M = MethodOptionsByName>
  extends PlacementOptions {
  /**
   * How many calls may be under way at once; they interleave at `await`.
   *
   * @default {1}
   */
  readonly maxConcurrency?: number | undefined;
  /**
   * Named groups of methods, each with its own limit of calls under way.
   *
   * @default {{}}
   */
  readonly concurrencyGroups?: Readonly<Record<string, number>> | undefined;
  /** Defaults for single methods, by name. */
  readonly methods?: M | undefined;
  /**
   * A name for `getActor()`, unique among the live actors of the namespace.
   *
   * @default {undefined} no name
   */
  readonly name?: string | undefined;
  /**
   * The namespace of the name.
   *
   * @default {undefined} the session's
   */
  readonly namespace?: string | undefined;
  /**
   * Whether an actor that has the name already is taken instead of a new one.
   *
   * @default {false}
   */
  readonly getIfExists?: boolean | undefined;
  /**
   * `"detached"`: lives until it is killed, whatever becomes of its handles
   * and its creator.
   *
   * @default {undefined} ends with its last handle, or its creator
   */
  readonly lifetime?: "detached" | undefined;
  /**
   * How often the actor is made again after it died of a failure; `-1` is
   * without limit.
   *
   * @default {0}
   */
  readonly maxRestarts?: number | undefined;
  /**
   * How often an unfinished call is sent again after a restart; `-1` is
   * without limit.
   *
   * @default {0}
   */
  readonly maxTaskRetries?: number | undefined;
  /**
   * How many calls one handle may have unfinished; `-1` is without limit. One
   * more throws `PendingCallsLimitError`.
   *
   * @default {-1}
   */
  readonly maxPendingCalls?: number | undefined;
  /**
   * What the actor runs in: a thread, a child process of its own, or a thread
   * that it shares with many light actors.
   *
   * @default {"thread"}
   */
  readonly isolation?: "thread" | "process" | "shared" | undefined;
}

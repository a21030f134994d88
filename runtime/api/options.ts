// From the options that users give to the ones that the system works with:
// checked, merged, defaults applied, amounts in units, frozen. The single
// options are in `option_rules.ts`; here is what must hold between them.

import type { NodeId, PlacementGroupId } from "../base/ids.ts";
import { type ResourceSet, toUnits } from "../base/resources.ts";
import type { WireStrategy } from "../protocol/messages.ts";
import type { FunctionKind } from "./function_kind.ts";
import { inWords, shown, unknownKey } from "./option_checks.ts";
import { checkOptions } from "./option_rules.ts";
import type {
  ActorOptions,
  CallOptions,
  ErrorClass,
  LabelSelector,
  MethodOptions,
  PlacementOptions,
  RuntimeEnv,
  SchedulingStrategy,
  TaskOptions,
} from "./option_types.ts";

/** How often a task is tried again by default, after system faults. */
export const TASK_RETRIES_DEFAULT = 3;

/** What tasks and the calls of methods have in common. */
export interface ResolvedCallOptions {
  /** Refs per call; 1 for a generator. */
  readonly numReturns: number;
  /** Whether each call gives a stream of refs. */
  readonly streaming: boolean;
  readonly retryExceptions: boolean | readonly ErrorClass[];
  /** `undefined`: no limit. */
  readonly timeoutMs: number | undefined;
  /** Items that may be unread; `undefined`: no limit. */
  readonly backpressure: number | undefined;
  /** `undefined`: the function's or method's own. */
  readonly name: string | undefined;
}

/** What is needed to place a task or actor. */
export interface ResolvedPlacement {
  /** `undefined`: the group that captures child tasks, else the default. */
  readonly strategy: WireStrategy | undefined;
  /** `undefined`: any labels. */
  readonly labelSelector: LabelSelector | undefined;
  /** `undefined`: that of the job. */
  readonly runtimeEnv: RuntimeEnv | undefined;
}

/** Options of a task, with all defaults. */
export interface ResolvedTaskOptions
  extends ResolvedCallOptions, ResolvedPlacement {
  /** What a running task holds, in units. */
  readonly resources: ResourceSet;
  /** `Infinity`: no limit. */
  readonly maxRetries: number;
  readonly isolation: "thread" | "process";
}

/** Options of an actor's method, with all defaults. */
export interface ResolvedMethodOptions extends ResolvedCallOptions {
  /** `undefined`: the actor's; `Infinity`: no limit. */
  readonly maxTaskRetries: number | undefined;
  /** `undefined`: the actor's own group. */
  readonly concurrencyGroup: string | undefined;
}

/** Options of an actor, with all defaults. */
export interface ResolvedActorOptions extends ResolvedPlacement {
  /** What must be free to place the actor, in units. */
  readonly placementResources: ResourceSet;
  /** What it holds while it lives, in units. */
  readonly heldResources: ResourceSet;
  readonly maxConcurrency: number;
  readonly concurrencyGroups: Readonly<Record<string, number>>;
  /** Every method of the class that has options or streams. */
  readonly methods: Readonly<Record<string, ResolvedMethodOptions>>;
  readonly name: string | undefined;
  readonly namespace: string | undefined;
  readonly getIfExists: boolean;
  readonly detached: boolean;
  /** `Infinity`: no limit. */
  readonly maxRestarts: number;
  /** `Infinity`: no limit. */
  readonly maxTaskRetries: number;
  /** `Infinity`: no limit. */
  readonly maxPendingCalls: number;
  readonly isolation: "thread" | "process" | "shared";
}

/** `overrides` over `defaults`; what is `undefined` is not given. */
export function mergeOptions<T extends object>(
  defaults: T,
  overrides: T | undefined,
): T {
  const given = Object.entries(overrides ?? {}).filter(([, value]) =>
    value !== undefined
  );
  return { ...defaults, ...Object.fromEntries(given) };
}

/**
 * Options of a task of a function of this kind.
 *
 * @throws {TypeError} If a key is unknown or a value has the wrong type.
 * @throws {RangeError} If a value is out of range.
 */
export function resolveTaskOptions(
  defaults: TaskOptions,
  overrides?: TaskOptions,
  kind: FunctionKind = "plain",
): ResolvedTaskOptions {
  checkGiven("task", defaults, overrides);
  const options = mergeOptions(defaults, overrides);
  return Object.freeze({
    ...resolveCall(options, kind, ""),
    ...resolvePlacement(options),
    resources: resourcesOf(options, 1),
    maxRetries: limitOf(options.maxRetries, TASK_RETRIES_DEFAULT),
    isolation: options.isolation ?? "thread",
  });
}

/**
 * Options of the calls of a method of this kind.
 *
 * @throws {TypeError} If a key is unknown or a value has the wrong type.
 * @throws {RangeError} If a value is out of range.
 */
export function resolveMethodOptions(
  defaults: MethodOptions,
  overrides?: MethodOptions,
  kind: FunctionKind = "plain",
): ResolvedMethodOptions {
  checkGiven("method", defaults, overrides);
  return resolveMethod(mergeOptions(defaults, overrides), kind, "");
}

/**
 * Options of an actor whose class has these methods. What a later
 * `.options()` can still complete is not checked here, see
 * {@linkcode checkActorCreation}.
 *
 * @throws {TypeError} If a key is unknown or a value has the wrong type.
 * @throws {RangeError} If a value is out of range.
 */
export function resolveActorOptions(
  defaults: ActorOptions,
  overrides?: ActorOptions,
  methodKinds: ReadonlyMap<string, FunctionKind> = new Map(),
): ResolvedActorOptions {
  checkGiven("actor", defaults, overrides);
  const options = mergeOptions(defaults, overrides);
  return Object.freeze({
    ...resolvePlacement(options),
    placementResources: resourcesOf(options, 1),
    heldResources: resourcesOf(options, 0),
    maxConcurrency: options.maxConcurrency ?? 1,
    concurrencyGroups: Object.freeze({ ...options.concurrencyGroups }),
    methods: resolveMethods(options, methodKinds),
    name: options.name,
    namespace: options.namespace,
    getIfExists: options.getIfExists ?? false,
    detached: options.lifetime === "detached",
    maxRestarts: limitOf(options.maxRestarts, 0),
    maxTaskRetries: limitOf(options.maxTaskRetries, 0),
    maxPendingCalls: limitOf(options.maxPendingCalls, Infinity),
    isolation: options.isolation ?? "thread",
  });
}

/**
 * What must hold when an actor is made: its name is there if it is asked
 * for, and its methods' groups exist.
 *
 * @throws {TypeError} If `getIfExists` is given without a name.
 * @throws {RangeError} If a method's concurrency group does not exist.
 */
export function checkActorCreation(options: ResolvedActorOptions): void {
  if (options.getIfExists && options.name === undefined) {
    throw new TypeError(
      'Option "getIfExists" needs the option "name": without a name there ' +
        "is no actor to take",
    );
  }
  for (const [name, method] of Object.entries(options.methods)) {
    checkConcurrencyGroup(
      method.concurrencyGroup,
      Object.keys(options.concurrencyGroups),
      `methods.${name}.concurrencyGroup`,
    );
  }
}

/** Throws a `RangeError` unless the group is one of the actor's. */
export function checkConcurrencyGroup(
  group: string | undefined,
  groups: readonly string[],
  path = "concurrencyGroup",
): void {
  if (group === undefined || groups.includes(group)) return;
  const names = groups.map((name) => `"${name}"`);
  throw new RangeError(
    `Option "${path}" must be one of the actor's concurrencyGroups ` +
      `(${inWords(names, "and") || "it has none"}), got ${shown(group)}`,
  );
}

function checkGiven(
  kind: "task" | "actor" | "method",
  defaults: unknown,
  overrides: unknown,
): void {
  // Both apart: merging something that is no object would hide it.
  checkOptions(kind, defaults);
  if (overrides !== undefined) checkOptions(kind, overrides);
}

function resolveMethods(
  options: ActorOptions,
  methodKinds: ReadonlyMap<string, FunctionKind>,
): Readonly<Record<string, ResolvedMethodOptions>> {
  const given = options.methods ?? {};
  for (const name of Object.keys(given)) {
    if (!methodKinds.has(name)) {
      unknownKey(name, [...methodKinds.keys()], `method "${name}"`);
    }
  }
  const resolved: Record<string, ResolvedMethodOptions> = {};
  for (const [name, kind] of methodKinds) {
    const own = Object.hasOwn(given, name) ? given[name] : undefined;
    if (own === undefined && kind === "plain") continue;
    resolved[name] = resolveMethod(own ?? {}, kind, `methods.${name}.`);
  }
  return Object.freeze(resolved);
}

function resolveMethod(
  options: MethodOptions,
  kind: FunctionKind,
  prefix: string,
): ResolvedMethodOptions {
  const retries = options.maxTaskRetries;
  return Object.freeze({
    ...resolveCall(options, kind, prefix),
    maxTaskRetries: retries === undefined ? undefined : limitOf(retries, 0),
    concurrencyGroup: options.concurrencyGroup,
  });
}

function resolveCall(
  options: CallOptions,
  kind: FunctionKind,
  prefix: string,
): ResolvedCallOptions {
  const streaming = kind === "generator";
  const { numReturns = 1, backpressure, retryExceptions = false } = options;
  if (streaming && numReturns !== 1) {
    throw new TypeError(
      `Option "${prefix}numReturns" must not be given for a generator: ` +
        "it gives one ref per yield",
    );
  }
  if (!streaming && backpressure !== undefined) {
    throw new TypeError(
      `Option "${prefix}backpressure" is for generators: make the function ` +
        "a generator, or leave the option out",
    );
  }
  return {
    numReturns,
    streaming,
    retryExceptions: typeof retryExceptions === "boolean"
      ? retryExceptions
      : Object.freeze([...retryExceptions]),
    timeoutMs: options.timeout,
    backpressure,
    name: options.name,
  };
}

function resolvePlacement(options: PlacementOptions): ResolvedPlacement {
  const { schedulingStrategy, labelSelector, runtimeEnv } = options;
  return {
    strategy: schedulingStrategy && resolveStrategy(schedulingStrategy),
    labelSelector: labelSelector && Object.freeze({ ...labelSelector }),
    runtimeEnv: runtimeEnv && resolveRuntimeEnv(runtimeEnv),
  };
}

/** A frozen copy, so that later changes to the user's object do nothing. */
export function resolveRuntimeEnv(given: RuntimeEnv): RuntimeEnv {
  return Object.freeze(structuredClone(given));
}

function resolveStrategy(strategy: SchedulingStrategy): WireStrategy {
  if (typeof strategy === "string") return strategy;
  if ("nodeId" in strategy) {
    const nodeId = strategy.nodeId as NodeId;
    return Object.freeze({ nodeId, soft: strategy.soft ?? false });
  }
  const { bundleIndex = -1, captureChildTasks = false } = strategy;
  return Object.freeze({
    placementGroup: strategy.placementGroup.id as PlacementGroupId,
    ...(bundleIndex >= 0 && { bundleIndex }),
    captureChildTasks,
  });
}

/** All that the options ask for, in units, by resource name. */
function resourcesOf(
  options: PlacementOptions,
  cpuDefault: number,
): ResourceSet {
  const amounts: [string, number][] = [
    ["CPU", options.numCpus ?? cpuDefault],
    ["GPU", options.numGpus ?? 0],
    ["memory", options.memory ?? 0],
    ...Object.entries(options.resources ?? {}),
  ];
  const units = amounts.map(([name, amount]) =>
    [name, toUnits(amount) ?? 0] as const
  );
  return Object.freeze(
    Object.fromEntries(units.filter(([, amount]) => amount > 0)),
  );
}

/** `-1`, in options, is no limit. */
function limitOf(given: number | undefined, byDefault: number): number {
  return given === -1 ? Infinity : given ?? byDefault;
}

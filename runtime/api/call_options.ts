// Options of the calls that take few: get, wait, cancel, kill, getActor and
// placementGroup. Checked, with defaults; these are on hot paths, so that a
// call without options costs nothing here.

import { type ResourceSet, resourceSet } from "../base/resources.ts";
import type { GetActorOptions, KillOptions } from "./actor_types.ts";
import {
  aBoolean,
  anAmount,
  aText,
  aWait,
  type Check,
  checkRecord,
  checkShape,
  oneOf,
  shown,
  wholeFrom,
} from "./option_checks.ts";
import type {
  Bundle,
  PlacementGroupOptions,
  PlacementStrategy,
} from "./placement_group_types.ts";
import type { CancelOptions, GetOptions, WaitOptions } from "./ref_types.ts";

/** Options of `wait`, with defaults. */
export interface ResolvedWaitOptions {
  readonly numReturns: number;
  /** `undefined`: no limit. */
  readonly timeoutMs: number | undefined;
  readonly fetchLocal: boolean;
}

/** A placement group as the scheduler takes it. */
export interface ResolvedPlacementGroup {
  /** What each bundle reserves, in units. */
  readonly bundles: readonly ResourceSet[];
  readonly strategy: PlacementStrategy;
  readonly name: string | undefined;
  readonly detached: boolean;
}

const WAIT_DEFAULTS: ResolvedWaitOptions = Object.freeze({
  numReturns: 1,
  timeoutMs: undefined,
  fetchLocal: true,
});

/** The time limit of `get` in milliseconds; `undefined`: none. */
export function resolveGetOptions(
  options: GetOptions | undefined,
): number | undefined {
  if (options === undefined) return undefined;
  checkShape(options, GET_CHECKS, "get()");
  return limitMs(options.timeout);
}

/** Options of `wait` for so many refs, of which there is at least one. */
export function resolveWaitOptions(
  options: WaitOptions | undefined,
  refCount: number,
): ResolvedWaitOptions {
  if (options === undefined) return WAIT_DEFAULTS;
  checkShape(options, WAIT_CHECKS, "wait()");
  const { numReturns = 1, timeout, fetchLocal = true } = options;
  if (numReturns > refCount) {
    throw new RangeError(
      `Option "numReturns" must be at most ${refCount}, the number of refs, ` +
        `got ${numReturns}`,
    );
  }
  return { numReturns, timeoutMs: limitMs(timeout), fetchLocal };
}

/** Options of `cancel`, with defaults. */
export function resolveCancelOptions(
  options: CancelOptions = {},
): { readonly force: boolean; readonly recursive: boolean } {
  checkShape(options, CANCEL_CHECKS, "cancel()");
  return {
    force: options.force ?? false,
    recursive: options.recursive ?? true,
  };
}

/** Options of `kill`, with defaults. */
export function resolveKillOptions(
  options: KillOptions = {},
): { readonly noRestart: boolean } {
  checkShape(options, KILL_CHECKS, "kill()");
  return { noRestart: options.noRestart ?? true };
}

/** Arguments of `getActor`; a `namespace` of `undefined` is the session's. */
export function resolveGetActor(
  name: unknown,
  options: GetActorOptions = {},
): { readonly name: string; readonly namespace: string | undefined } {
  if (typeof name !== "string") {
    throw new TypeError(`An actor's name must be a string, got ${shown(name)}`);
  }
  if (name === "") throw new RangeError("An actor's name must not be empty");
  checkShape(options, GET_ACTOR_CHECKS, "getActor()");
  return { name, namespace: options.namespace };
}

/** Arguments of `placementGroup`. */
export function resolvePlacementGroup(
  bundles: readonly Bundle[],
  options: PlacementGroupOptions = {},
): ResolvedPlacementGroup {
  checkShape(options, GROUP_CHECKS, "placementGroup()");
  if (!Array.isArray(bundles)) {
    throw new TypeError(`Bundles must be an array, got ${shown(bundles)}`);
  }
  if (bundles.length === 0) {
    throw new RangeError("A placement group must have at least one bundle");
  }
  return Object.freeze({
    bundles: Object.freeze(bundles.map(resolveBundle)),
    strategy: options.strategy ?? "pack",
    name: options.name,
    detached: options.lifetime === "detached",
  });
}

const GET_CHECKS: Readonly<Record<keyof GetOptions, Check>> = {
  timeout: aWait,
};

const WAIT_CHECKS: Readonly<Record<keyof WaitOptions, Check>> = {
  numReturns: wholeFrom(1),
  timeout: aWait,
  fetchLocal: aBoolean,
};

const CANCEL_CHECKS: Readonly<Record<keyof CancelOptions, Check>> = {
  force: aBoolean,
  recursive: aBoolean,
};

const KILL_CHECKS: Readonly<Record<keyof KillOptions, Check>> = {
  noRestart: aBoolean,
};

const GET_ACTOR_CHECKS: Readonly<Record<keyof GetActorOptions, Check>> = {
  namespace: aText,
};

const GROUP_CHECKS: Readonly<Record<keyof PlacementGroupOptions, Check>> = {
  strategy: oneOf("pack", "spread", "strictPack", "strictSpread"),
  name: aText,
  lifetime: oneOf("detached"),
};

/** Other spellings in bundles, after the options of tasks. */
const BUNDLE_NAMES: ReadonlyMap<string, string> = new Map([
  ["numCpus", "CPU"],
  ["numGpus", "GPU"],
]);

function resolveBundle(bundle: unknown, index: number): ResourceSet {
  const path = `bundles[${index}]`;
  checkRecord(bundle, path, "an object of numbers");
  const amounts: Record<string, number> = {};
  for (const [key, amount] of Object.entries(bundle)) {
    if (key === "objectStoreMemory") {
      throw new RangeError(`Option "${path}" must not have "${key}"`);
    }
    anAmount(amount, `${path}.${key}`);
    const name = BUNDLE_NAMES.get(key) ?? key;
    if (Object.hasOwn(amounts, name)) {
      throw new RangeError(`Option "${path}" has "${name}" twice`);
    }
    amounts[name] = Number(amount);
  }
  const resolved = resourceSet(amounts);
  if (!resolved.ok || Object.keys(resolved.value).length === 0) {
    throw new RangeError(`Option "${path}" must ask for some resource`);
  }
  return resolved.value;
}

/** No limit is the same given as infinity and not given. */
function limitMs(timeout: number | undefined): number | undefined {
  return timeout === Infinity ? undefined : timeout;
}

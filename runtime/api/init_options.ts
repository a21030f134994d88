// Options of `init()`: checked, with the environment's and the fixed defaults
// applied. What depends on the machine stays open until the node is made.

import { type ResourceSet, resourceSet } from "../base/resources.ts";
import { STORE_MEMORY_FRACTION } from "../base/limits.ts";
import {
  aBoolean,
  aByteCount,
  anAmount,
  aText,
  type Check,
  checkRecord,
  checkShape,
  gpuAmount,
  outOfRange,
  wrongType,
} from "./option_checks.ts";
import {
  type ResolvedSystemConfig,
  resolveSystemConfig,
  systemConfig,
} from "./system_config.ts";
import { customResources, runtimeEnv } from "./option_rules.ts";
import type { RuntimeEnv } from "./option_types.ts";
import { resolveRuntimeEnv } from "./options.ts";
import type { InitOptions } from "./session_types.ts";

/** What the environment says about the cluster to use. */
export interface InitEnvironment {
  /** The value of `MANTA_ADDRESS`. */
  readonly address?: string | undefined;
  /** The value of `MANTA_TOKEN`. */
  readonly token?: string | undefined;
}

/** Options of a session, with all defaults that are the same everywhere. */
export interface ResolvedInitOptions {
  /** `"local"`, `"auto"` or the `host:port` of a head. */
  readonly address: string;
  readonly token: string | undefined;
  /** `undefined`: the machine's. */
  readonly numCpus: number | undefined;
  readonly numGpus: number;
  /** Custom resources of the embedded node, in units. */
  readonly resources: ResourceSet;
  readonly labels: Readonly<Record<string, string>>;
  /** `undefined`: what the object store leaves. */
  readonly memoryBytes: number | undefined;
  /** `undefined`: the usual share of the machine's. */
  readonly objectStoreBytes: number | undefined;
  readonly spillDirectory: string | undefined;
  /** `undefined`: one of this session alone. */
  readonly namespace: string | undefined;
  readonly runtimeEnv: RuntimeEnv | undefined;
  readonly logToDriver: boolean;
  /** `undefined`: no for an embedded node, else as the cluster does. */
  readonly dashboard: boolean | undefined;
  readonly systemConfig: ResolvedSystemConfig;
  readonly ignoreReinit: boolean;
}

/** What a machine has, as far as a node's resources follow from it. */
export interface MachineCapacity {
  readonly cpus: number;
  readonly memoryBytes: number;
}

/**
 * Checks the options and applies the defaults.
 *
 * @throws {TypeError} If a key is unknown, a value has the wrong type, or the
 * embedded node is described where another cluster is asked for.
 * @throws {RangeError} If a value is out of range.
 */
export function resolveInitOptions(
  options: InitOptions = {},
  environment: InitEnvironment = {},
): ResolvedInitOptions {
  checkShape(options, CHECKS, "init()");
  if (options.address !== undefined) checkForeignNode(options);
  // Unset and empty are the same in an environment.
  const fromEnvironment = environment.address || undefined;
  if (options.address === undefined && fromEnvironment !== undefined) {
    address(fromEnvironment, "MANTA_ADDRESS");
  }
  const custom = resourceSet(options.resources ?? {});
  return Object.freeze({
    address: options.address ?? fromEnvironment ?? "local",
    token: options.token ?? (environment.token || undefined),
    numCpus: options.numCpus,
    numGpus: options.numGpus ?? 0,
    resources: custom.ok ? custom.value : {},
    labels: Object.freeze({ ...options.labels }),
    memoryBytes: options.memory,
    objectStoreBytes: options.objectStoreMemory,
    spillDirectory: options.spillDirectory,
    namespace: options.namespace,
    runtimeEnv: options.runtimeEnv && resolveRuntimeEnv(options.runtimeEnv),
    logToDriver: options.logToDriver ?? true,
    dashboard: options.dashboard,
    systemConfig: resolveSystemConfig(options.systemConfig),
    ignoreReinit: options.ignoreReinit ?? false,
  });
}

/** All resources of a node that is made with these options, in units. */
export function nodeResources(
  options: Pick<
    ResolvedInitOptions,
    "numCpus" | "numGpus" | "resources" | "memoryBytes" | "objectStoreBytes"
  >,
  machine: MachineCapacity,
): ResourceSet {
  const store = options.objectStoreBytes ??
    Math.floor(machine.memoryBytes * STORE_MEMORY_FRACTION);
  const memory = options.memoryBytes ??
    Math.max(0, Math.floor(machine.memoryBytes) - store);
  const amounts = resourceSet({
    CPU: options.numCpus ?? machine.cpus,
    GPU: options.numGpus,
    memory,
    objectStoreMemory: store,
  });
  if (!amounts.ok) throw new RangeError(`Machine has no good ${amounts.name}`);
  return Object.freeze({ ...amounts.value, ...options.resources });
}

const CHECKS: Readonly<Record<keyof InitOptions, Check>> = {
  address,
  token: aText,
  numCpus: anAmount,
  numGpus: gpuAmount,
  resources: customResources,
  labels,
  memory: aByteCount,
  objectStoreMemory: storeSize,
  spillDirectory: aText,
  namespace: aText,
  runtimeEnv,
  logToDriver: aBoolean,
  dashboard: aBoolean,
  systemConfig,
  ignoreReinit: aBoolean,
};

/** Options that describe the embedded node. */
const NODE_OPTIONS = [
  "numCpus",
  "numGpus",
  "resources",
  "labels",
  "memory",
  "objectStoreMemory",
  "spillDirectory",
] as const satisfies readonly (keyof InitOptions)[];

/**
 * Only where the program names the cluster itself: with `MANTA_ADDRESS` the
 * same program must run unchanged, whatever its embedded node would be.
 */
function checkForeignNode(options: InitOptions): void {
  if (options.address === "local") return;
  for (const key of NODE_OPTIONS) {
    if (options[key] === undefined) continue;
    throw new TypeError(
      `Option "${key}" is for an embedded node, and the address is ` +
        `"${options.address}": leave it out, or give it to the node's start`,
    );
  }
}

function address(value: unknown, path: string): void {
  const wanted = '"local", "auto" or "host:port"';
  if (typeof value !== "string") wrongType(value, path, wanted);
  if (value === "local" || value === "auto") return;
  const port = /:(\d{1,5})$/.exec(value)?.[1];
  if (port === undefined || !URL.canParse(`ws://${value}`)) {
    outOfRange(value, path, wanted);
  }
  const { host, pathname } = new URL(`ws://${value}`);
  // A user's name, too, is part of a URL and of no address.
  const isPlain = host !== "" && pathname === "/" && !value.includes("@");
  if (!isPlain) outOfRange(value, path, wanted);
}

function storeSize(value: unknown, path: string): void {
  aByteCount(value, path);
  if (value === 0) outOfRange(value, path, "above 0");
}

const LABEL_NAME = /^[A-Za-z0-9](?:[\w.-]{0,61}[A-Za-z0-9])?$/;

function labels(value: unknown, path: string): void {
  const wanted = "an object of strings";
  checkRecord(value, path, wanted);
  for (const [key, label] of Object.entries(value)) {
    if (typeof label !== "string") {
      wrongType(label, `${path}.${key}`, "a string");
    }
    const name = key.includes("/") ? key.slice(key.indexOf("/") + 1) : key;
    for (const text of [name, label]) {
      if (LABEL_NAME.test(text)) continue;
      outOfRange(
        text,
        `${path}.${key}`,
        "1 to 63 letters, digits, -, _ or ., a letter or digit at both ends",
      );
    }
  }
}

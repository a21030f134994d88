// The one table of all options of tasks, actors and methods: who takes each,
// and what its value must be. Single options only; what must hold between
// them, and the defaults, are in `options.ts`.

import {
  aBoolean,
  aByteCount,
  aDuration,
  anAmount,
  aText,
  type Check,
  checkRecord,
  gpuAmount,
  inWords,
  listOf,
  oneOf,
  outOfRange,
  recordOf,
  shape,
  shown,
  unknownKey,
  wholeFrom,
  wholeOrUnlimited,
  wrongType,
} from "./option_checks.ts";
import type {
  ActorOptions,
  MethodOptions,
  TaskOptions,
} from "./option_types.ts";

/** What options are given for. */
export type OptionKind = "task" | "actor" | "method";

/** Throws unless every key is an option of the kind, with a good value. */
export function checkOptions(kind: OptionKind, options: unknown): void {
  checkOptionsAt(kind, options, "");
}

function checkOptionsAt(
  kind: OptionKind,
  options: unknown,
  prefix: string,
): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `The options of ${KIND_NAMES[kind]} must be an object, ` +
        `got ${shown(options)}`,
    );
  }
  for (const [key, value] of Object.entries(options)) {
    const rule = Object.hasOwn(RULES, key)
      ? RULES[key as keyof typeof RULES]
      : undefined;
    if (!rule) {
      const what = `option "${prefix}${key}" of ${KIND_NAMES[kind]}`;
      unknownKey(key, keysOf(kind), what);
    }
    if (!(kind in rule)) wrongKind(key, kind, rule);
    if (value !== undefined) rule[kind]?.(value, prefix + key);
  }
}

/** The checks of one option, by what it can be given for. */
type Rule = Readonly<Partial<Record<OptionKind, Check>>>;

type OptionName =
  | keyof TaskOptions
  | keyof ActorOptions
  | keyof MethodOptions;

const KIND_NAMES = {
  task: "a task",
  actor: "an actor",
  method: "an actor's method",
} as const satisfies Record<OptionKind, string>;

/** What to use instead of an option that is for something else. */
const COUNTERPARTS: Readonly<Partial<Record<OptionName, OptionName>>> = {
  maxRetries: "maxTaskRetries",
  maxTaskRetries: "maxRetries",
  timeout: "methods",
  retryExceptions: "methods",
  numReturns: "methods",
  backpressure: "methods",
  concurrencyGroup: "methods",
};

/** Resources that are options, and so are no names for custom ones. */
const RESERVED_RESOURCES: Readonly<Record<string, string>> = {
  CPU: "numCpus",
  GPU: "numGpus",
  memory: "memory",
  objectStoreMemory: "objectStoreMemory",
};

const RULES: Readonly<Record<OptionName, Rule>> = {
  numCpus: placed(anAmount),
  numGpus: placed(gpuAmount),
  memory: placed(aByteCount),
  resources: placed(customResources),
  schedulingStrategy: placed(schedulingStrategy),
  labelSelector: placed(recordOf(labelRequirement, "an object of strings")),
  runtimeEnv: placed(runtimeEnv),
  numReturns: called(wholeFrom(0)),
  retryExceptions: called(retryExceptions),
  timeout: called(aDuration),
  backpressure: called(wholeFrom(1)),
  name: { task: aText, actor: aText, method: aText },
  maxRetries: { task: wholeOrUnlimited(0) },
  isolation: {
    task: taskIsolation,
    actor: oneOf("thread", "process", "shared"),
  },
  maxTaskRetries: { actor: wholeOrUnlimited(0), method: wholeOrUnlimited(0) },
  concurrencyGroup: { method: aText },
  maxConcurrency: { actor: wholeFrom(1) },
  concurrencyGroups: {
    actor: recordOf(wholeFrom(1), "an object of numbers"),
  },
  methods: { actor: methodOptions },
  namespace: { actor: aText },
  getIfExists: { actor: aBoolean },
  lifetime: { actor: oneOf("detached") },
  maxRestarts: { actor: wholeOrUnlimited(0) },
  maxPendingCalls: { actor: wholeOrUnlimited(1) },
};

function placed(check: Check): Rule {
  return { task: check, actor: check };
}

function called(check: Check): Rule {
  return { task: check, method: check };
}

function keysOf(kind: OptionKind): string[] {
  return Object.entries(RULES).filter(([, rule]) => kind in rule)
    .map(([key]) => key);
}

function wrongKind(key: string, kind: OptionKind, rule: Rule): never {
  const takers = Object.keys(rule).map((taker) =>
    KIND_NAMES[taker as OptionKind]
  );
  const counterpart = COUNTERPARTS[key as OptionName];
  const hint = counterpart !== undefined && keysOf(kind).includes(counterpart)
    ? `: use "${counterpart}"`
    : "";
  throw new TypeError(
    `Option "${key}" is for ${inWords(takers, "or")}, ` +
      `not for ${KIND_NAMES[kind]}${hint}`,
  );
}

/** Amounts of custom resources by name; for `init()`, too. */
export function customResources(value: unknown, path: string): void {
  checkRecord(value, path, "an object of numbers");
  for (const [name, amount] of Object.entries(value)) {
    if (name === "") {
      throw new RangeError(`Option "${path}" must not have an empty name`);
    }
    const option = Object.hasOwn(RESERVED_RESOURCES, name)
      ? RESERVED_RESOURCES[name]
      : undefined;
    if (option !== undefined) {
      throw new RangeError(
        `Option "${path}" must not have "${name}": use the option ` +
          `"${option}"${option === "objectStoreMemory" ? " of init()" : ""}`,
      );
    }
    anAmount(amount, `${path}.${name}`);
  }
}

function taskIsolation(value: unknown, path: string): void {
  if (value === "shared") {
    throw new RangeError(
      `Option "${path}" must be "thread" or "process" for a task: ` +
        `"shared" is for actors`,
    );
  }
  oneOf("thread", "process")(value, path);
}

function labelRequirement(value: unknown, path: string): void {
  const wanted = '"value", "!value", "in(a, b)" or "!in(a, b)"';
  if (typeof value !== "string") wrongType(value, path, wanted);
  const positive = value.startsWith("!") ? value.slice(1) : value;
  const values = positive.startsWith("in(") && positive.endsWith(")")
    ? positive.slice(3, -1).split(",").map((part) => part.trim())
    : [positive.trim()];
  const isPlain = (text: string) => !/[!(),\s]/.test(text);
  if (!values.every((text) => text !== "" && isPlain(text))) {
    outOfRange(value, path, wanted);
  }
}

function schedulingStrategy(value: unknown, path: string): void {
  const wanted = '"default", "spread", { nodeId } or { placementGroup }';
  if (typeof value === "string") return oneOf("default", "spread")(value, path);
  checkRecord(value, path, wanted);
  if ("nodeId" in value) {
    aText(value.nodeId, `${path}.nodeId`);
    return shape({ nodeId: aText, soft: aBoolean })(value, path);
  }
  if (!("placementGroup" in value)) wrongType(value, path, wanted);
  shape({
    placementGroup,
    bundleIndex: wholeOrUnlimited(0),
    captureChildTasks: aBoolean,
  })(value, path);
  placementGroup(value.placementGroup, `${path}.placementGroup`);
  const { bundles } = value.placementGroup as { bundles: readonly unknown[] };
  if (Number(value.bundleIndex ?? -1) >= bundles.length) {
    outOfRange(
      value.bundleIndex,
      `${path}.bundleIndex`,
      `below ${bundles.length}, the number of the group's bundles`,
    );
  }
}

function placementGroup(value: unknown, path: string): void {
  const wanted = "what placementGroup() gave";
  checkRecord(value, path, wanted);
  if (typeof value.id !== "string" || !Array.isArray(value.bundles)) {
    wrongType(value, path, wanted);
  }
}

function permission(value: unknown, path: string): void {
  if (typeof value === "boolean") return;
  listOf(aText, "a boolean or an array of strings")(value, path);
}

/** The environment of a job, task or actor; for `init()`, too. */
export function runtimeEnv(value: unknown, path: string): void {
  shape({
    workingDirectory: aText,
    npm: listOf(aText, "an array of package names"),
    envVars: recordOf(aString, "an object of strings"),
    permissions,
  })(value, path);
}

function aString(value: unknown, path: string): void {
  if (typeof value !== "string") wrongType(value, path, "a string");
}

function permissions(value: unknown, path: string): void {
  if (typeof value === "string") return oneOf("inherit", "none")(value, path);
  shape({
    read: permission,
    write: permission,
    net: permission,
    env: permission,
    run: permission,
    ffi: permission,
    sys: permission,
    import: permission,
  })(value, path);
}

function retryExceptions(value: unknown, path: string): void {
  if (typeof value === "boolean") return;
  listOf(errorClass, "a boolean or an array of error classes")(value, path);
}

function errorClass(value: unknown, path: string): void {
  const isError = typeof value === "function" &&
    (value === Error || value.prototype instanceof Error);
  if (!isError) wrongType(value, path, "a class of errors");
}

function methodOptions(value: unknown, path: string): void {
  checkRecord(value, path, "an object of options by method name");
  for (const [name, options] of Object.entries(value)) {
    if (options === undefined) continue;
    checkRecord(options, `${path}.${name}`);
    checkOptionsAt("method", options, `${path}.${name}.`);
  }
}

// Options of tasks, actors and methods: what is refused and how the message
// names it, and what defaults and overrides come to.

import {
  assert,
  assertEquals,
  assertMatch,
  assertStrictEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";
import type {
  ActorOptions,
  MethodOptions,
  TaskOptions,
} from "../../../runtime/api/option_types.ts";
import {
  checkActorCreation,
  checkConcurrencyGroup,
  mergeOptions,
  resolveActorOptions,
  resolveMethodOptions,
  resolveTaskOptions,
} from "../../../runtime/api/options.ts";

const GROUP = { id: "p-1", bundles: [{ CPU: 1 }, { CPU: 1 }] };

/** Gives the options to the resolver as plain JavaScript could. */
function task(options: unknown) {
  return resolveTaskOptions(options as TaskOptions);
}
function actor(options: unknown, methods: string[] = []) {
  const kinds = new Map(methods.map((name) => [name, "plain" as const]));
  return resolveActorOptions(options as ActorOptions, undefined, kinds);
}
function method(options: unknown) {
  return resolveMethodOptions(options as MethodOptions);
}

/** Each is an options object and a part of the message it leads to. */
type Refusals = readonly (readonly [unknown, string])[];

function refuses(
  resolve: (options: unknown) => unknown,
  kind: typeof TypeError | typeof RangeError,
  refusals: Refusals,
) {
  for (const [options, part] of refusals) {
    assertThrows(() => resolve(options), kind, part);
  }
}

describe("resolveTaskOptions()", () => {
  it("applies the defaults of the contract", () => {
    assertEquals(resolveTaskOptions({}), {
      numReturns: 1,
      streaming: false,
      retryExceptions: false,
      timeoutMs: undefined,
      backpressure: undefined,
      name: undefined,
      strategy: undefined,
      labelSelector: undefined,
      runtimeEnv: undefined,
      resources: { CPU: 10_000 },
      maxRetries: 3,
      isolation: "thread",
    });
  });

  it("turns amounts into units and leaves zeros out", () => {
    const { resources } = task({
      numCpus: 0.1,
      numGpus: 2,
      memory: 1024,
      resources: { licence: 0.0001, none: 0, sum: 0.1 + 0.2 },
    });

    assertEquals(resources, {
      CPU: 1_000,
      GPU: 20_000,
      memory: 10_240_000,
      licence: 1,
      sum: 3_000,
    });
    assertEquals(task({ numCpus: 0 }).resources, {});
  });

  it("lets overrides win, and undefined be not given", () => {
    const defaults: TaskOptions = { numCpus: 2, name: "a", maxRetries: -1 };
    const resolved = resolveTaskOptions(defaults, {
      numCpus: 0.5,
      name: undefined,
    });

    assertEquals(resolved.resources, { CPU: 5_000 });
    assertStrictEquals(resolved.name, "a");
    assertStrictEquals(resolved.maxRetries, Infinity);
    assertEquals(defaults, { numCpus: 2, name: "a", maxRetries: -1 });
    assertEquals(mergeOptions({ a: 1, b: 2 }, { a: 3, b: 0 }), { a: 3, b: 0 });
  });

  it("gives frozen options that later changes do not reach", () => {
    const envVars: Record<string, string> = { LEVEL: "1" };
    const classes = [TypeError];
    const resolved = resolveTaskOptions({
      runtimeEnv: { envVars },
      retryExceptions: classes,
    });
    envVars["LEVEL"] = "2";
    classes.pop();

    assertEquals(resolved.runtimeEnv, { envVars: { LEVEL: "1" } });
    assertEquals(resolved.retryExceptions, [TypeError]);
    assert(Object.isFrozen(resolved) && Object.isFrozen(resolved.resources));
  });

  it("brings strategies into the form of the wire", () => {
    const of = (schedulingStrategy: unknown) =>
      task({ schedulingStrategy }).strategy;

    assertStrictEquals(of("default"), "default");
    assertStrictEquals(of("spread"), "spread");
    assertEquals(of({ nodeId: "n-1" }), { nodeId: "n-1", soft: false });
    assertEquals(of({ placementGroup: GROUP }), {
      placementGroup: "p-1",
      captureChildTasks: false,
    });
    assertEquals(
      of({ placementGroup: GROUP, bundleIndex: 1, captureChildTasks: true }),
      { placementGroup: "p-1", bundleIndex: 1, captureChildTasks: true },
    );
    assertEquals(of({ placementGroup: GROUP, bundleIndex: -1 }), {
      placementGroup: "p-1",
      captureChildTasks: false,
    });
  });

  it("streams the calls of a generator", () => {
    const resolved = resolveTaskOptions({ backpressure: 2 }, {}, "generator");

    assertStrictEquals(resolved.streaming, true);
    assertStrictEquals(resolved.numReturns, 1);
    assertStrictEquals(resolved.backpressure, 2);
  });

  it("names unknown keys, what they may mean and what there is", () => {
    const { message } = assertThrows(() => task({ numCPUs: 1 }), TypeError);
    assertMatch(message, /"numCPUs" of a task: did you mean "numCpus"\?/);
    assertMatch(message, /There are backpressure, isolation, .*timeout/);
    assert(!message.includes("maxConcurrency"));
    refuses(task, TypeError, [
      [{ num_cpus: 1 }, 'did you mean "numCpus"?'],
      [{ max_retries: 1 }, 'did you mean "maxRetries"?'],
      [{ maxRetires: 1 }, 'did you mean "maxRetries"?'],
      [{ xyz: undefined }, '"xyz"'],
      [{ toString: 1 }, '"toString"'],
      [{ ["__proto__x"]: 1 }, '"__proto__x"'],
      [{ runtimeEnv: { pip: [] } }, '"runtimeEnv.pip"'],
      [{ schedulingStrategy: { nodeId: "n", hard: true } }, "hard"],
      [{ runtimeEnv: { permissions: { reed: true } } }, 'mean "read"'],
    ]);
    const plain = assertThrows(() => task({ qqqqqqqqqqqq: 1 }), TypeError);
    assert(!plain.message.includes("did you mean"));
  });

  it("says for what an option is that is given to something else", () => {
    refuses(task, TypeError, [
      [{ maxConcurrency: 2 }, '"maxConcurrency" is for an actor, not'],
      [{ maxTaskRetries: 2 }, 'use "maxRetries"'],
      [{ lifetime: "detached" }, '"lifetime" is for an actor'],
      [{ concurrencyGroup: "io" }, "is for an actor's method"],
    ]);
    refuses(actor, TypeError, [
      [{ maxRetries: 2 }, 'use "maxTaskRetries"'],
      [{ numReturns: 2 }, 'use "methods"'],
      [{ timeout: 2 }, "for a task or an actor's method, not for an actor"],
    ]);
    refuses(method, TypeError, [
      [{ numCpus: 1 }, '"numCpus" is for a task or an actor, not'],
      [{ maxRetries: 1 }, 'use "maxTaskRetries"'],
    ]);
  });

  it("refuses values of the wrong type with a TypeError", () => {
    refuses(task, TypeError, [
      [null, "must be an object, got null"],
      ["spread", "must be an object"],
      [{ numCpus: "2" }, '"numCpus" must be a number'],
      [{ numCpus: null }, "got null"],
      [{ numGpus: 1n }, "got the bigint 1n"],
      [{ memory: "1G" }, '"memory" must be a whole number of bytes'],
      [{ resources: [1] }, '"resources" must be an object of numbers'],
      [{ resources: { a: "1" } }, '"resources.a"'],
      [{ numReturns: "2" }, '"numReturns"'],
      [{ maxRetries: true }, '"maxRetries"'],
      [{ retryExceptions: 1 }, '"retryExceptions"'],
      [{ retryExceptions: [Error, Map] }, '"retryExceptions[1]"'],
      [{ retryExceptions: ["TypeError"] }, '"retryExceptions[0]"'],
      [{ retryExceptions: [() => 1] }, '"retryExceptions[0]"'],
      [{ name: 5 }, '"name" must be a string'],
      [{ timeout: "1s" }, '"timeout" must be a number of milliseconds'],
      [{ isolation: 1 }, '"isolation" must be "thread" or "process"'],
      [{ labelSelector: "a" }, '"labelSelector" must be an object'],
      [{ labelSelector: { zone: 1 } }, '"labelSelector.zone"'],
      [{ schedulingStrategy: 1 }, '"schedulingStrategy"'],
      [{ schedulingStrategy: {} }, '"schedulingStrategy"'],
      [{ schedulingStrategy: { nodeId: 1 } }, '"schedulingStrategy.nodeId"'],
      [
        { schedulingStrategy: { nodeId: "n", soft: 1 } },
        '"schedulingStrategy.soft"',
      ],
      [
        { schedulingStrategy: { placementGroup: "p-1" } },
        '"schedulingStrategy.placementGroup" must be what placementGroup()',
      ],
      [{ runtimeEnv: "prod" }, '"runtimeEnv" must be an object'],
      [{ runtimeEnv: { npm: "hono" } }, '"runtimeEnv.npm" must be an array'],
      [{ runtimeEnv: { npm: [1] } }, '"runtimeEnv.npm[0]"'],
      [{ runtimeEnv: { envVars: { A: 1 } } }, '"runtimeEnv.envVars.A"'],
      [{ runtimeEnv: { permissions: 1 } }, '"runtimeEnv.permissions"'],
      [
        { runtimeEnv: { permissions: { read: 1 } } },
        '"runtimeEnv.permissions.read"',
      ],
    ]);
  });

  it("refuses values out of range with a RangeError", () => {
    refuses(task, RangeError, [
      [{ numCpus: -1 }, '"numCpus"'],
      [{ numCpus: NaN }, "got NaN"],
      [{ numCpus: Infinity }, '"numCpus"'],
      [{ numCpus: 0.00001 }, "steps of 0.0001"],
      [{ numCpus: 1.00005 }, "steps of 0.0001"],
      [{ numGpus: 1.5 }, "a whole number when it is above 1"],
      [{ memory: -1 }, '"memory"'],
      [{ memory: 0.5 }, "whole number of bytes"],
      [{ resources: { a: 0.00012 } }, '"resources.a"'],
      [{ resources: { "": 1 } }, '"resources" must not have an empty name'],
      [{ resources: { CPU: 1 } }, 'use the option "numCpus"'],
      [{ resources: { GPU: 0 } }, 'use the option "numGpus"'],
      [{ resources: { memory: 1 } }, 'use the option "memory"'],
      [{ resources: { objectStoreMemory: 1 } }, "of init()"],
      [{ numReturns: -1 }, '"numReturns"'],
      [{ numReturns: 1.5 }, '"numReturns"'],
      [{ maxRetries: -2 }, "-1 (no limit)"],
      [{ maxRetries: 0.5 }, '"maxRetries"'],
      [{ name: "" }, '"name"'],
      [{ timeout: 0 }, '"timeout"'],
      [{ timeout: -5 }, '"timeout"'],
      [{ timeout: Infinity }, '"timeout"'],
      [{ backpressure: 0 }, '"backpressure"'],
      [{ isolation: "fork" }, '"isolation"'],
      [{ isolation: "shared" }, '"shared" is for actors'],
      [{ labelSelector: { zone: "" } }, '"labelSelector.zone"'],
      [{ labelSelector: { zone: "!" } }, '"labelSelector.zone"'],
      [{ labelSelector: { zone: "in()" } }, '"labelSelector.zone"'],
      [{ labelSelector: { zone: "in(a" } }, '"labelSelector.zone"'],
      [{ labelSelector: { zone: "a b" } }, '"labelSelector.zone"'],
      [{ schedulingStrategy: "pack" }, '"default" or "spread"'],
      [
        { schedulingStrategy: { placementGroup: GROUP, bundleIndex: 2 } },
        "below 2",
      ],
      [
        { schedulingStrategy: { placementGroup: GROUP, bundleIndex: -2 } },
        '"schedulingStrategy.bundleIndex"',
      ],
      [{ runtimeEnv: { permissions: "all" } }, '"runtimeEnv.permissions"'],
    ]);
  });

  it("takes every form of a label requirement", () => {
    const labelSelector = { a: "x", b: "!x", c: "in(x, y)", d: "!in(x,y)" };

    assertEquals(task({ labelSelector }).labelSelector, labelSelector);
  });

  it("refuses what does not go with the kind of the function", () => {
    const options: TaskOptions = { numReturns: 2 };
    assertThrows(
      () => resolveTaskOptions(options, undefined, "generator"),
      TypeError,
      '"numReturns" must not be given for a generator',
    );
    assertThrows(
      () => resolveTaskOptions({ numReturns: 0 }, {}, "generator"),
      TypeError,
    );
    assertThrows(
      () => task({ backpressure: 1 }),
      TypeError,
      '"backpressure" is for generators',
    );
  });
});

describe("resolveActorOptions()", () => {
  it("applies the defaults of the contract", () => {
    assertEquals(resolveActorOptions({}), {
      strategy: undefined,
      labelSelector: undefined,
      runtimeEnv: undefined,
      placementResources: { CPU: 10_000 },
      heldResources: {},
      maxConcurrency: 1,
      concurrencyGroups: {},
      methods: {},
      name: undefined,
      namespace: undefined,
      getIfExists: false,
      detached: false,
      maxRestarts: 0,
      maxTaskRetries: 0,
      maxPendingCalls: Infinity,
      isolation: "thread",
    });
  });

  it("holds a CPU for life only when numCpus is given", () => {
    const placed = actor({ resources: { licence: 1 } });
    assertEquals(placed.placementResources, { CPU: 10_000, licence: 10_000 });
    assertEquals(placed.heldResources, { licence: 10_000 });

    const held = actor({ numCpus: 2 });
    assertEquals(held.placementResources, { CPU: 20_000 });
    assertEquals(held.heldResources, { CPU: 20_000 });
    assertEquals(actor({ numCpus: 0 }).placementResources, {});
  });

  it("reads -1 as no limit", () => {
    const unlimited = actor({
      maxRestarts: -1,
      maxTaskRetries: -1,
      maxPendingCalls: -1,
    });

    assertStrictEquals(unlimited.maxRestarts, Infinity);
    assertStrictEquals(unlimited.maxTaskRetries, Infinity);
    assertStrictEquals(unlimited.maxPendingCalls, Infinity);
  });

  it("resolves the options of methods, and which of them stream", () => {
    const { methods } = resolveActorOptions(
      { methods: { load: { concurrencyGroup: "io", maxTaskRetries: -1 } } },
      undefined,
      new Map([["load", "plain"], ["items", "generator"], ["x", "plain"]]),
    );

    assertEquals(Object.keys(methods), ["load", "items"]);
    assertStrictEquals(methods["load"]?.concurrencyGroup, "io");
    assertStrictEquals(methods["load"]?.maxTaskRetries, Infinity);
    assertStrictEquals(methods["items"]?.streaming, true);
    assertStrictEquals(methods["items"]?.maxTaskRetries, undefined);
  });

  it("refuses bad values, naming the key", () => {
    refuses((options) => actor(options, ["load"]), TypeError, [
      [{ maxConcurrancy: 2 }, 'did you mean "maxConcurrency"?'],
      [{ maxConcurrency: "2" }, '"maxConcurrency"'],
      [{ concurrencyGroups: ["io"] }, '"concurrencyGroups"'],
      [{ concurrencyGroups: { io: "2" } }, '"concurrencyGroups.io"'],
      [{ methods: [] }, '"methods"'],
      [{ methods: { load: 5 } }, '"methods.load"'],
      [{ methods: { loud: {} } }, 'Unknown method "loud": did you mean "load"'],
      [{ methods: { load: { group: "io" } } }, '"methods.load.group"'],
      [{ methods: { load: { timeout: "1" } } }, '"methods.load.timeout"'],
      [
        { methods: { load: { backpressure: 1 } } },
        '"methods.load.backpressure" is for generators',
      ],
      [{ getIfExists: 1 }, '"getIfExists" must be a boolean'],
      [{ name: Symbol("x") }, "got a symbol"],
      [{ namespace: 1 }, '"namespace"'],
      [{ lifetime: true }, '"lifetime"'],
    ]);
    refuses((options) => actor(options, ["load"]), RangeError, [
      [{ maxConcurrency: 0 }, '"maxConcurrency"'],
      [{ maxConcurrency: 1.5 }, '"maxConcurrency"'],
      [{ concurrencyGroups: { io: 0 } }, '"concurrencyGroups.io"'],
      [{ maxRestarts: -2 }, '"maxRestarts"'],
      [{ maxTaskRetries: -2 }, '"maxTaskRetries"'],
      [{ maxPendingCalls: 0 }, '"maxPendingCalls"'],
      [{ lifetime: "forever" }, '"lifetime"'],
      [{ isolation: "fork" }, '"thread", "process" or "shared"'],
      [{ name: "" }, '"name"'],
      [{ namespace: "" }, '"namespace"'],
    ]);
  });
});

describe("checkActorCreation()", () => {
  it("refuses getIfExists without a name", () => {
    const options = actor({ getIfExists: true });
    assertThrows(() => checkActorCreation(options), TypeError, '"name"');

    checkActorCreation(actor({ getIfExists: true, name: "a" }));
  });

  it("refuses methods of groups that do not exist", () => {
    const methods = { load: { concurrencyGroup: "oi" } };
    const bad = actor({ methods, concurrencyGroups: { io: 2 } }, ["load"]);
    assertThrows(
      () => checkActorCreation(bad),
      RangeError,
      '"methods.load.concurrencyGroup" must be one of the actor\'s ' +
        'concurrencyGroups ("io")',
    );
    assertThrows(
      () => checkActorCreation(actor({ methods }, ["load"])),
      RangeError,
      "it has none",
    );
    assertThrows(() => checkConcurrencyGroup("toString", []), RangeError);

    checkActorCreation(
      actor({ methods, concurrencyGroups: { oi: 1 } }, ["load"]),
    );
  });
});

describe("resolveMethodOptions()", () => {
  it("merges and applies defaults", () => {
    const resolved = resolveMethodOptions(
      { timeout: 5, name: "load" },
      { timeout: 10, numReturns: 2 },
    );

    assertStrictEquals(resolved.timeoutMs, 10);
    assertStrictEquals(resolved.numReturns, 2);
    assertStrictEquals(resolved.name, "load");
    assertStrictEquals(resolved.concurrencyGroup, undefined);
  });
});

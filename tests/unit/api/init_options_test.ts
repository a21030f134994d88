// Options of `init()` and the resources of the node that follows from them.

import {
  assertEquals,
  assertStrictEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";
import {
  nodeResources,
  resolveInitOptions,
} from "../../../runtime/api/init_options.ts";
import type { InitOptions } from "../../../runtime/api/session_types.ts";

function init(options: unknown) {
  return resolveInitOptions(options as InitOptions);
}

describe("resolveInitOptions()", () => {
  it("applies the defaults of the contract", () => {
    const resolved = resolveInitOptions();

    assertStrictEquals(resolved.address, "local");
    assertStrictEquals(resolved.logToDriver, true);
    assertStrictEquals(resolved.ignoreReinit, false);
    assertStrictEquals(resolved.dashboard, undefined);
    assertEquals(resolved.resources, {});
  });

  it("takes the address from the options, then the environment", () => {
    const environment = { address: "head:6380", token: "t" };

    assertStrictEquals(
      resolveInitOptions({}, environment).address,
      "head:6380",
    );
    assertStrictEquals(resolveInitOptions({}, environment).token, "t");
    assertStrictEquals(
      resolveInitOptions({ address: "local" }, environment).address,
      "local",
    );
    assertStrictEquals(
      resolveInitOptions({}, { address: "" }).address,
      "local",
    );
    assertThrows(
      () => resolveInitOptions({}, { address: "nowhere" }),
      RangeError,
      "MANTA_ADDRESS",
    );
    assertThrows(
      () => resolveInitOptions({}, { address: "somebody@head:6380" }),
      RangeError,
      "MANTA_ADDRESS",
    );
  });

  it("lets a program that describes its node run on a cluster", () => {
    const environment = { address: "head:6380" };

    assertStrictEquals(
      resolveInitOptions({ numCpus: 2 }, environment).address,
      "head:6380",
    );
    assertThrows(
      () => resolveInitOptions({ address: "head:6380", numCpus: 2 }),
      TypeError,
      '"numCpus" is for an embedded node',
    );
  });

  it("knows addresses", () => {
    for (const address of ["auto", "10.0.0.1:6380", "[::1]:80", "a.b:1"]) {
      assertStrictEquals(init({ address }).address, address);
    }
    for (const address of ["", "head", "head:", "head:99999", "a/b:1", ":1"]) {
      assertThrows(() => init({ address }), RangeError, '"address"');
    }
  });

  it("refuses unknown keys and wrong types with a TypeError", () => {
    const refusals: [unknown, string][] = [
      [5, "options of init() must be an object"],
      [{ num_cpus: 1 }, 'Unknown option "num_cpus" of init(): did you mean'],
      [{ gpus: 1, cores: 2 }, 'Unknown options "gpus" and "cores" of init()'],
      [{ numCpus: "4" }, '"numCpus"'],
      [{ address: 6380 }, '"address"'],
      [{ token: 1 }, '"token"'],
      [{ labels: { zone: 1 } }, '"labels.zone"'],
      [{ objectStoreMemory: "1G" }, '"objectStoreMemory"'],
      [{ logToDriver: "yes" }, '"logToDriver"'],
      [{ dashboard: 1 }, '"dashboard"'],
      [{ systemConfig: [] }, '"systemConfig"'],
      [{ systemConfig: { memoryUse: 1 } }, 'Unknown option "memoryUse"'],
      [{ systemConfig: { memoryUsageThreshold: "1" } }, "memoryUsageThreshold"],
      [{ runtimeEnv: { pip: [] } }, '"runtimeEnv.pip"'],
      [{ resources: 5 }, '"resources"'],
      [{ ignoreReinit: 1 }, '"ignoreReinit"'],
    ];
    for (const [options, part] of refusals) {
      assertThrows(() => init(options), TypeError, part);
    }
  });

  it("refuses values out of range with a RangeError", () => {
    const refusals: [unknown, string][] = [
      [{ numCpus: -1 }, '"numCpus"'],
      [{ numGpus: 1.5 }, '"numGpus"'],
      [{ memory: 0.5 }, '"memory"'],
      [{ objectStoreMemory: 0 }, '"objectStoreMemory"'],
      [{ systemConfig: { memoryUsageThreshold: 95 } }, "from 0 to 1"],
      [{ systemConfig: { memoryMonitorRefreshMs: -1 } }, "from 0 to"],
      [{ resources: { CPU: 4 } }, 'use the option "numCpus"'],
      [{ resources: { objectStoreMemory: 4 } }, '"objectStoreMemory"'],
      [{ labels: { zone: "a b" } }, '"labels.zone"'],
      [{ labels: { "": "a" } }, '"labels."'],
      [{ spillDirectory: "" }, '"spillDirectory"'],
      [{ namespace: "" }, '"namespace"'],
    ];
    for (const [options, part] of refusals) {
      assertThrows(() => init(options), RangeError, part);
    }
  });
});

describe("nodeResources()", () => {
  const machine = { cpus: 2, memoryBytes: 1_000 };

  it("takes from the machine what the options leave open", () => {
    assertEquals(nodeResources(resolveInitOptions(), machine), {
      CPU: 20_000,
      memory: 7_000_000,
      objectStoreMemory: 3_000_000,
    });
  });

  it("takes the options before the machine", () => {
    const options = resolveInitOptions({
      numCpus: 0.5,
      numGpus: 1,
      memory: 10,
      objectStoreMemory: 20,
      resources: { licence: 2 },
    });

    assertEquals(nodeResources(options, machine), {
      CPU: 5_000,
      GPU: 10_000,
      memory: 100_000,
      objectStoreMemory: 200_000,
      licence: 20_000,
    });
  });
});

// Options of get, wait, cancel, kill, getActor and placementGroup.

import {
  assertEquals,
  assertStrictEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";
import {
  resolveCancelOptions,
  resolveGetActor,
  resolveGetOptions,
  resolveKillOptions,
  resolvePlacementGroup,
  resolveWaitOptions,
} from "../../../runtime/api/call_options.ts";

/** What plain JavaScript could give. */
function loose<T>(value: unknown): T {
  return value as T;
}

describe("resolveGetOptions()", () => {
  it("gives the time limit, none by default", () => {
    assertStrictEquals(resolveGetOptions(undefined), undefined);
    assertStrictEquals(resolveGetOptions({ timeout: 0 }), 0);
    assertStrictEquals(resolveGetOptions({ timeout: Infinity }), undefined);
    assertStrictEquals(resolveGetOptions({ timeout: undefined }), undefined);
  });

  it("refuses bad limits and unknown keys", () => {
    assertThrows(() => resolveGetOptions({ timeout: -1 }), RangeError);
    assertThrows(() => resolveGetOptions({ timeout: NaN }), RangeError);
    assertThrows(() => resolveGetOptions(loose({ timeout: "1" })), TypeError);
    assertThrows(() => resolveGetOptions(loose(5)), TypeError);
    assertThrows(
      () => resolveGetOptions(loose({ timeoutMs: 1 })),
      TypeError,
      'Unknown option "timeoutMs" of get(): did you mean "timeout"?',
    );
  });
});

describe("resolveWaitOptions()", () => {
  it("applies the defaults of the contract", () => {
    const defaults = { numReturns: 1, timeoutMs: undefined, fetchLocal: true };

    assertEquals(resolveWaitOptions(undefined, 3), defaults);
    assertEquals(resolveWaitOptions({}, 3), defaults);
    assertStrictEquals(resolveWaitOptions({ numReturns: 3 }, 3).numReturns, 3);
  });

  it("refuses more returns than refs, and none", () => {
    for (const numReturns of [0, -1, 4, 1.5]) {
      assertThrows(() => resolveWaitOptions({ numReturns }, 3), RangeError);
    }
    assertThrows(() => resolveWaitOptions({ timeout: -1 }, 3), RangeError);
    assertThrows(
      () => resolveWaitOptions(loose({ fetchLocal: 1 }), 3),
      TypeError,
    );
  });
});

describe("resolveCancelOptions(), resolveKillOptions()", () => {
  it("apply the defaults of the contract", () => {
    assertEquals(resolveCancelOptions(), { force: false, recursive: true });
    assertEquals(resolveKillOptions(), { noRestart: true });
    assertThrows(() => resolveCancelOptions(loose({ force: 1 })), TypeError);
    assertThrows(() => resolveKillOptions(loose({ restart: 1 })), TypeError);
  });
});

describe("resolveGetActor()", () => {
  it("checks the name and the namespace", () => {
    assertEquals(resolveGetActor("a", { namespace: "n" }), {
      name: "a",
      namespace: "n",
    });
    assertThrows(() => resolveGetActor(5), TypeError);
    assertThrows(() => resolveGetActor(""), RangeError);
    assertThrows(() => resolveGetActor("a", loose("n")), TypeError);
  });
});

describe("resolvePlacementGroup()", () => {
  it("turns bundles into units", () => {
    assertEquals(
      resolvePlacementGroup([{ CPU: 1, licence: 0.5 }, { numCpus: 2 }]),
      {
        bundles: [{ CPU: 10_000, licence: 5_000 }, { CPU: 20_000 }],
        strategy: "pack",
        name: undefined,
        detached: false,
      },
    );
  });

  it("refuses bad bundles, naming the bundle", () => {
    assertThrows(() => resolvePlacementGroup([]), RangeError, "one bundle");
    assertThrows(() => resolvePlacementGroup(loose({ CPU: 1 })), TypeError);
    assertThrows(
      () => resolvePlacementGroup([{ CPU: 1 }, {}]),
      RangeError,
      '"bundles[1]"',
    );
    assertThrows(
      () => resolvePlacementGroup([{ CPU: -1 }]),
      RangeError,
      '"bundles[0].CPU"',
    );
    assertThrows(() => resolvePlacementGroup(loose([{ CPU: "1" }])), TypeError);
    assertThrows(
      () => resolvePlacementGroup([{ CPU: 1, numCpus: 1 }]),
      RangeError,
      "twice",
    );
    assertThrows(
      () => resolvePlacementGroup([{ CPU: 1 }], loose({ strategy: "PACK" })),
      RangeError,
      '"strategy"',
    );
  });
});

// Amounts of resources in units: exact, whatever is added and taken away.

import {
  assert,
  assertEquals,
  assertStrictEquals,
  describe,
  it,
} from "../../support/harness.ts";
import {
  addResources,
  fits,
  fromUnits,
  lackingResources,
  resourceAmounts,
  resourceSet,
  resourcesKey,
  sameResources,
  subtractResources,
  toUnits,
} from "../../../runtime/base/resources.ts";

describe("toUnits()", () => {
  it("is exact for every amount of four digits", () => {
    for (let units = 0; units <= 20_000; units++) {
      assertStrictEquals(toUnits(units / 10_000), units);
      assertStrictEquals(toUnits(fromUnits(units)), units);
    }
  });

  it("is exact for whole bytes up to terabytes", () => {
    for (const bytes of [1, 2 ** 40 + 1, 9_999_999_999_999]) {
      assertStrictEquals(fromUnits(toUnits(bytes)!), bytes);
    }
  });

  it("takes sums of binary fractions and refuses finer amounts", () => {
    assertStrictEquals(toUnits(0.1 + 0.2), 3_000);
    for (const amount of [0.00001, 1.00005, -1, NaN, Infinity, 1e14]) {
      assertStrictEquals(toUnits(amount), undefined);
    }
  });
});

describe("Resource sets", () => {
  it("end where they began after adding and subtracting", () => {
    const need = { CPU: toUnits(0.1)!, licence: 1 };
    let available = resourceSetOf({ CPU: 2, licence: 1 });
    const total = available;
    for (let n = 0; n < 20; n++) available = subtractResources(available, need);
    assertStrictEquals(available["CPU"], 0);
    for (let n = 0; n < 20; n++) available = addResources(available, need);

    assertEquals(available, total);
    assert(sameResources(available, total));
  });

  it("compare with what is missing as 0", () => {
    assert(fits({ CPU: 5 }, {}));
    assert(fits({ CPU: 5 }, { CPU: 5 }));
    assert(!fits({ CPU: 5 }, { CPU: 6 }));
    assert(!fits({}, { CPU: 1 }));
    assert(sameResources({ CPU: 0 }, {}));
    assertEquals(lackingResources({ CPU: 5 }, { CPU: 7, GPU: 1 }), {
      CPU: 2,
      GPU: 1,
    });
  });

  it("have a key that does not depend on order or zeros", () => {
    const key = resourcesKey({ CPU: 1, a: 2 });

    assertStrictEquals(key, resourcesKey({ a: 2, GPU: 0, CPU: 1 }));
    assert(key !== resourcesKey({ CPU: 1, a: 3 }));
  });

  it("are made of users' amounts and turn back into them", () => {
    assertEquals(resourceSet({ CPU: 0.5, GPU: 0 }), {
      ok: true,
      value: { CPU: 5_000 },
    });
    assertEquals(resourceSet({ CPU: 1, a: -1 }), { ok: false, name: "a" });
    assertEquals(resourceAmounts({ CPU: 5_000 }), { CPU: 0.5 });
  });
});

function resourceSetOf(amounts: Record<string, number>) {
  const made = resourceSet(amounts);
  assert(made.ok);
  return made.value;
}

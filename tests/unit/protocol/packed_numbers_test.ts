// Lists of numbers travel packed: every number must come back bit for bit, and
// what is not quite a list of numbers must not be taken for one.

import {
  packNumbers,
  unpackNumbers,
} from "../../../runtime/protocol/packed_numbers.ts";
import {
  assertEquals,
  assertStrictEquals,
  describe,
  it,
} from "../../support/harness.ts";
import { roundTrip } from "./random_value.ts";

function listOf(length: number, ...first: unknown[]): unknown[] {
  const rest = Array.from({ length: length - first.length }, (_, i) => i % 10);
  return [...first, ...rest];
}

describe("packNumbers", () => {
  it("takes the smallest element type that holds all numbers", () => {
    const packedAs = (...first: number[]) =>
      packNumbers(listOf(20, ...first))?.constructor;

    assertStrictEquals(packedAs(127, -128), Int8Array);
    assertStrictEquals(packedAs(128), Int16Array);
    assertStrictEquals(packedAs(-129), Int16Array);
    assertStrictEquals(packedAs(32_767, -32_768), Int16Array);
    assertStrictEquals(packedAs(32_768), Int32Array);
    assertStrictEquals(packedAs(-(2 ** 31), 2 ** 31 - 1), Int32Array);
    assertStrictEquals(packedAs(2 ** 31), Float64Array);
    assertStrictEquals(packedAs(0.5), Float64Array);
    assertStrictEquals(packedAs(-0), Float64Array);
  });

  it("leaves alone what holds anything but numbers, or is short", () => {
    const others = [undefined, null, "1", 1n, true, {}, [1]];
    for (const other of others) {
      assertEquals(packNumbers(listOf(20, other)), undefined);
      assertEquals(packNumbers([...listOf(20), other]), undefined);
      assertEquals(packNumbers([...listOf(20, 0.5), other]), undefined);
    }
    assertEquals(packNumbers(listOf(15)), undefined);
    // deno-lint-ignore no-sparse-arrays -- The hole is what is tested.
    assertEquals(packNumbers([...listOf(20), 1, , 2].slice()), undefined);
  });
});

describe("unpackNumbers", () => {
  it("refuses arrays that no list is packed as", () => {
    for (const other of [new Uint8Array(20), new Float32Array(20), {}]) {
      assertEquals(unpackNumbers(other), undefined);
    }
  });
});

describe("a list of numbers", () => {
  it("comes back as it was, at every size", () => {
    const specials = [NaN, Infinity, -Infinity, -0, 5e-324, 2 ** 53];
    for (const length of [15, 16, 17, 1_000, 5_000, 200_000]) {
      for (const first of [[], [300], [70_000], [0.1], specials]) {
        const list = listOf(length, ...first);

        const copy = roundTrip(list);

        assertEquals(Array.isArray(copy), true);
        assertEquals(copy.length, list.length);
        const isSame = copy.every((item, i) => Object.is(item, list[i]));
        assertEquals(isSame, true);
      }
    }
  });

  it("keeps its identity where it is met again", () => {
    const list = listOf(100) as number[];

    const copy = roundTrip({ a: list, b: [list, listOf(2_000, 0.5)], c: list });

    assertStrictEquals(copy.a, copy.c);
    assertStrictEquals(copy.b[0], copy.a);
    copy.a.push(1);
    assertEquals(copy.a.length, 101);
  });
});

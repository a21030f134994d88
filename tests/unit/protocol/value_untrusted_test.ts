import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";
import { MantaError, ProtocolError } from "../../../runtime/base/errors.ts";
import {
  decodeValue,
  encodeValue,
  toPayload,
} from "../../../runtime/protocol/value_codec.ts";
import { plainHooks, randomValue, seededRandom } from "./random_value.ts";

function read(bytes: Uint8Array, share = false): unknown {
  return decodeValue(bytes, plainHooks(), { share });
}

/** What reading gives or throws. */
function outcomeOf(bytes: Uint8Array): unknown {
  try {
    return read(bytes);
  } catch (error) {
    return error;
  }
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.fromHex(hex.replaceAll(" ", ""));
}

describe("value codec: bytes that are no value", () => {
  it("end in ProtocolError, each for its reason", () => {
    const cases: Record<string, string> = {
      "nothing at all": "",
      "a string cut off": "63 61 62",
      "a string of 4 GiB": "7a ffffffff 61",
      "a string that is not UTF-8": "62 c3 28",
      "a long string that is not UTF-8": "78 1a" + "ff".repeat(26),
      "an array of 4 billion items": "9a ffffffff",
      "an array of 2^53 items": "9b 0020000000000000",
      "a map of 2 billion entries": "ba 7fffffff 6161 01",
      "an array without a length": "9f 01 ff",
      "a string without a length": "7f 6161 ff",
      "a break": "ff",
      "an unknown simple value": "e0",
      "a reserved length": "1c",
      "a key that is a number": "a1 01 02",
      "a key that is an array": "a1 80 02",
      "bytes after the end": "01 02",
      "an unknown tag": "d9 0400 01",
      "a date that is text": "c1 6161",
      "a big number that is text": "c2 6161",
      "a set that is a map": "d9 0102 a0",
      "a map that is an array": "d9 0103 80",
      "a reference to nothing": "d8 1d 00",
      "a reference to an unfinished instance": "d8 1c d8 1b 82 61 61 d8 1d 00",
      "an object marked twice": "d8 1c d8 1c 80",
      "a reference by text": "d8 1d 61 61",
      "a regular expression that is none": "d9 524a 82 61 28 60",
      "flags that are none": "d9 524a 82 61 61 61 7a",
      "half an element": "d8 45 43 010203",
      "a typed array of text": "d8 45 61 61",
      "out-of-line bytes beyond the end": "d9 ea67 82 18 40 19 0400",
      "out-of-line bytes off their place": "d9 ea67 82 05 00",
      "a hole outside an array": "d8 1f f7",
      "a filled hole": "81 d8 1f 01",
      "an error of an unknown kind": "d9 ea61 87 61 78 60 60 60 f6 a0 a0",
      "an error of an unknown class":
        "d9 ea61 87 656d616e7461 61 78 60 60 f6 a0 a0",
      "an error without a message": "d9 ea61 87 65706c61696e 60 60 01 f6 a0 a0",
      "a boxed null": "d9 ea65 f6",
      "a boxed array": "d9 ea65 80",
      "a sparse array that is too long": "d9 ea66 82 1b 0000000100000000 a0",
      "a sparse array with its own length":
        "d9 ea66 82 01 a1 666c656e677468 05",
      "an index beyond the length": "d9 ea66 82 01 a1 05 00",
      "half a code unit": "d9 ea69 41 00",
    };
    for (const [name, hex] of Object.entries(cases)) {
      const outcome = outcomeOf(fromHex(hex));
      assert(outcome instanceof ProtocolError, `${name}: ${outcome}`);
    }
  });

  it("do not nest without end", () => {
    for (const open of ["81", "d9 0102 81", "d8 1c 81", "c1", "d9 ea65"]) {
      const bytes = fromHex(open.repeat(100_000) + "00");

      assertThrows(() => read(bytes), ProtocolError);
    }
  });

  it("reach no prototype", () => {
    const value = read(
      fromHex("a1 69 5f5f70726f746f5f5f a1 61 78 01"),
    ) as Record<string, unknown>;

    assertStrictEquals(Object.getPrototypeOf(value), Object.prototype);
    assertStrictEquals(value["x"], undefined);
    assertStrictEquals(({} as Record<string, unknown>)["x"], undefined);
  });

  it("make no two copies of the same out-of-line bytes", () => {
    const bytes = new Uint8Array(64 + 1_024);
    bytes.set(fromHex("82 d9ea67 82 1840 190400 d9ea67 82 1840 190400"));

    assertThrows(() => read(bytes), ProtocolError);
  });

  it("are read by the standard where it leaves a choice", () => {
    assertEquals(read(fromHex("83 1801 190001 1a00000001")), [1, 1, 1]);
    assertEquals(read(fromHex("84 f93e00 f97c00 f98000 f90001")), [
      1.5,
      Infinity,
      -0,
      2 ** -24,
    ]);
    assertStrictEquals(read(fromHex("c2 4a 000000000000000000 ff")), 255n);
    assertEquals(read(fromHex("d8 40 42 0102")), new Uint8Array([1, 2]));
  });

  it("in any mutation give a value or a Manta error, and soon", () => {
    const random = seededRandom(20_260_101);
    const startedAtMs = performance.now();
    let rounds = 0;
    for (; rounds < 6_000; rounds++) {
      const encoded = encodeValue(
        randomValue(random, 4),
        "value",
        plainHooks(),
      );
      const bytes = new Uint8Array(toPayload(encoded));
      mutate(bytes, random);
      const cut = random() < 0.2
        ? bytes.subarray(0, Math.floor(random() * bytes.length))
        : bytes;
      try {
        read(cut, random() < 0.5);
      } catch (error) {
        assert(
          error instanceof MantaError,
          `Round ${rounds}: ${error} for ${cut.toHex()}`,
        );
      }
      if (performance.now() - startedAtMs > 10_000) break;
    }
    assert(rounds > 100);
  });

  it("of pure noise give a value or a Manta error", () => {
    const random = seededRandom(7);
    for (let round = 0; round < 20_000; round++) {
      const bytes = new Uint8Array(1 + Math.floor(random() * 40));
      for (let i = 0; i < bytes.length; i++) {
        bytes[i] = Math.floor(random() * 256);
      }
      try {
        read(bytes);
      } catch (error) {
        assert(error instanceof MantaError, `${error} for ${bytes.toHex()}`);
      }
    }
  });
});

/** Changes a few bytes, most often in the CBOR at the front. */
function mutate(bytes: Uint8Array, random: () => number): void {
  const count = 1 + Math.floor(random() * 4);
  for (let i = 0; i < count; i++) {
    const range = random() < 0.7 ? Math.min(64, bytes.length) : bytes.length;
    const position = Math.floor(random() * range);
    bytes[position] = random() < 0.5
      ? Math.floor(random() * 256)
      : bytes[position]! ^ 1 << Math.floor(random() * 8);
  }
}

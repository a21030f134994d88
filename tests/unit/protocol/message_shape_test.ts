// What the fields of messages must be: each shape with what it takes and what
// it refuses, and the error that names the message and the field.

import { ProtocolError } from "../../../runtime/base/errors.ts";
import {
  anyOf,
  ANYTHING,
  BOOLEAN,
  BYTES,
  COUNT,
  COUNT_OR_UNLIMITED,
  id,
  later,
  list,
  matching,
  MessageReader,
  object,
  oneOf,
  optional,
  record,
  RESOURCES,
  type Shape,
  text,
  TIME_MS,
  tuple,
  whole,
} from "../../../runtime/protocol/message_shape.ts";
import {
  assertEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";

interface Nested {
  readonly name: string;
  readonly inner?: Nested;
}

const NESTED: Shape<Nested> = object<Nested>({
  name: text(),
  inner: optional(later(() => NESTED)),
});

describe("shapes", () => {
  const cases: readonly (readonly [
    name: string,
    shape: Shape<unknown>,
    good: readonly unknown[],
    bad: readonly unknown[],
  ])[] = [
    ["a count", COUNT, [0, 2 ** 40], [-1, 0.5, NaN, Infinity, "1", null]],
    ["a bound", COUNT_OR_UNLIMITED, [0, Infinity], [-1, -Infinity, NaN]],
    ["a whole number", whole(1, 3), [1, 3], [0, 4, 2n]],
    ["a time", TIME_MS, [0, 1.5], [-1, Infinity, NaN, "1"]],
    ["a text", text(2), ["", "ab"], ["abc", 1, undefined, ["a"]]],
    ["an id", id(), ["w-aaaaaaaaaaaa"], ["x".repeat(65), 5, {}]],
    ["a kind of text", matching(/^x+$/), ["xx"], ["", "y", ["x"]]],
    ["one of some", oneOf("a", null), ["a", null], ["b", undefined]],
    ["a boolean", BOOLEAN, [true, false], [0, "true", null]],
    ["bytes", BYTES, [new Uint8Array(2)], [[1], "", new ArrayBuffer(1)]],
    ["anything", ANYTHING, [undefined, 1, {}], []],
    ["a choice", anyOf<unknown>(COUNT, BOOLEAN), [1, true], ["1", null]],
    ["a list", list(COUNT, 2), [[], [1, 2]], [[1, "2"], [1, 2, 3], {}, "ab"]],
    ["a tuple", tuple(COUNT, text()), [[1, "a"]], [[1], [1, 2], [1, "a", 0]]],
    ["no arguments", tuple(), [[]], [[1], undefined]],
    ["an object", NESTED, [{ name: "a" }], [{}, [], null, new Map()]],
    ["resources", RESOURCES, [{}, { CPU: 1 }, { memory: 1e17 }], [
      { CPU: -1 },
      { CPU: 0.5 },
      { CPU: NaN },
      { CPU: Infinity },
      { CPU: "1" },
      { memory: 2e17 },
      { constructor: 1 },
      { toString: 1 },
      [],
    ]],
  ];
  for (const [name, shape, good, bad] of cases) {
    it(`take and refuse ${name}`, () => {
      for (const value of good) assertEquals(shape(value), undefined);
      for (const value of bad) assertEquals(typeof shape(value), "string");
    });
  }

  it("name the first thing that is wrong", () => {
    const wrong = { name: "a", inner: { name: "b", inner: { name: 3 } } };

    assertEquals(NESTED(wrong), ".inner.inner.name");
    assertEquals(list(NESTED)([{ name: "a" }, {}]), "[1].name");
    assertEquals(record(COUNT)({ a: 1, b: "2" }), ".b");
    assertEquals(tuple(COUNT, NESTED)([1, { name: 1 }]), "[1].name");
  });
});

type Spoken =
  | { readonly type: "greeting"; readonly to: string; readonly again?: number }
  | { readonly type: "farewell" };

const FIELDS = {
  greeting: { to: text(), again: optional(COUNT) },
  farewell: {},
} as const;

describe("MessageReader", () => {
  const reader = new MessageReader<Spoken>(FIELDS);

  it("gives what is whole, with fields that are not known yet", () => {
    const greeting = { type: "greeting", to: "you", later: true };

    assertEquals(reader.read(greeting) as unknown, greeting);
    assertEquals(reader.read({ type: "farewell" }), { type: "farewell" });
  });

  it("names the message and the field that is wrong", () => {
    for (const to of [undefined, 3]) {
      const error = assertThrows(
        () => reader.read({ type: "greeting", to } as { type: string }),
        ProtocolError,
        "Cannot read greeting: its field to is not what it must be",
      );
      const { messageType, field } = error as unknown as Record<string, string>;
      assertEquals([messageType, field], ["greeting", "to"]);
    }
  });

  it("refuses what nobody sends, whatever its name", () => {
    const strange = ["", "constructor", "__proto__", "x".repeat(10_000)];
    for (const type of strange) {
      const error = assertThrows(() => reader.read({ type }), ProtocolError);
      assertEquals((error as Error).message.length < 200, true);
    }
  });

  it("refuses what its sender may not say", () => {
    const polite = new MessageReader<Spoken>(FIELDS, ["farewell"]);

    assertEquals(polite.knows("greeting"), false);
    assertThrows(
      () => polite.read({ type: "greeting", to: "you" } as { type: string }),
      ProtocolError,
      "Cannot read greeting: nobody sends it here",
    );
  });
});

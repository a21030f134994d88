import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";
import { Buffer } from "node:buffer";
import { decode } from "cbor-x/decode";
import { ActorDiedError, TaskError } from "../../../runtime/base/errors.ts";
import { SerializationError } from "../../../runtime/base/errors.ts";
import {
  decodeValue,
  encodeValue,
  layOut,
  toPayload,
} from "../../../runtime/protocol/value_codec.ts";
import {
  plainHooks,
  randomValue,
  roundTrip,
  seededRandom,
} from "./random_value.ts";
import { assertSameValue } from "./same_value.ts";

describe("value codec: primitives", () => {
  it("keeps every number bit for bit", () => {
    const numbers = [0, -0, 1, -1, 23, 24, 255, 256, 65_535, 65_536, -24, -25];
    numbers.push(2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53, -(2 ** 53), 2 ** 60);
    numbers.push(0.1, 0.5, -1.5, 1e300, 5e-324, NaN, Infinity, -Infinity);
    for (const number of numbers) assertStrictEquals(roundTrip(number), number);
  });

  it("keeps strings, lone surrogates and byte order marks included", () => {
    const strings = [
      "",
      "a",
      "\ufeffa",
      "é",
      "日本",
      "😀",
      "\ud800",
      "\udfffx",
    ];
    for (const length of [7, 8, 9, 23, 24, 47, 48, 49, 127, 128, 129, 9_999]) {
      strings.push("x".repeat(length), "é".repeat(length));
      strings.push("x".repeat(length) + "\ufffd", "\ud800".repeat(length));
    }
    for (const text of strings) assertStrictEquals(roundTrip(text), text);
  });

  it("keeps a string too long for the first guess at its size", () => {
    const text = "日".repeat(70_000);

    assertStrictEquals(roundTrip(text), text);
  });

  it("keeps bigints of any size", () => {
    for (const bits of [0n, 1n, 8n, 63n, 64n, 65n, 1_000n, 20_000n]) {
      for (const value of [1n << bits, -(1n << bits), (1n << bits) - 1n]) {
        assertStrictEquals(roundTrip(value), value);
      }
    }
  });

  it("keeps null, undefined and booleans", () => {
    assertEquals(roundTrip([null, undefined, true, false]), [
      null,
      undefined,
      true,
      false,
    ]);
  });

  it("keeps boxed primitives", () => {
    const [number, text, flag, big] = roundTrip([
      Object(1),
      Object("a"),
      Object(false),
      Object(2n),
    ]);

    assertInstanceOf(number, Number);
    assertInstanceOf(text, String);
    assertInstanceOf(flag, Boolean);
    assertStrictEquals(typeof big, "object");
    assertEquals([+number, `${text}`, flag.valueOf(), big.valueOf()], [
      1,
      "a",
      false,
      2n,
    ]);
  });
});

describe("value codec: containers", () => {
  it("keeps holes of short and of long arrays", () => {
    // deno-lint-ignore no-sparse-arrays
    const short = [, 1, , undefined, ,];
    const long: number[] = [];
    long[5_000_000] = 1;
    const mixed = new Array(100).fill(undefined);
    delete mixed[50];

    assertEquals(roundTrip(short), short);
    assert(!(0 in roundTrip(short)) && 3 in roundTrip(short));
    const readLong = roundTrip(long);
    assertStrictEquals(readLong.length, 5_000_001);
    assertEquals(Object.keys(readLong), ["5000000"]);
    assertEquals(roundTrip(mixed), mixed);
    assert(!(50 in roundTrip(mixed)) && 51 in roundTrip(mixed));
  });

  it("keeps what a match says beside its items", () => {
    const match = "abc".match(/(?<letter>b)/)!;

    const copy = roundTrip(match);

    assertEquals([...copy], ["b", "b"]);
    assertStrictEquals(copy.index, 1);
    assertStrictEquals(copy.input, "abc");
    assertEquals(copy.groups, { letter: "b" });
  });

  it("keeps the order of keys", () => {
    const object = { b: 1, a: 2, "10": 3, "9": 4, "": 5 };

    assertEquals(Object.keys(roundTrip(object)), Object.keys(object));
  });

  it("keeps keys that mean something to the language as plain fields", () => {
    const object = JSON.parse(
      `{"__proto__": {"polluted": true}, "constructor": 1, "toString": 2}`,
    );

    const copy = roundTrip(object);

    assertEquals(Object.keys(copy), ["__proto__", "constructor", "toString"]);
    assertStrictEquals(Object.getPrototypeOf(copy), Object.prototype);
    assertStrictEquals(copy.polluted, undefined);
  });

  it("keeps keys with lone surrogates and long keys", () => {
    const object = { ["\ud800"]: 1, ["k".repeat(500)]: 2, "é": 3 };

    assertEquals(roundTrip(object), object);
  });

  it("makes objects without a prototype plain", () => {
    const object = Object.assign(Object.create(null), { a: 1 });

    assertEquals(roundTrip(object), { a: 1 });
  });

  it("keeps Maps and Sets with keys of any type", () => {
    const map = new Map<unknown, unknown>([
      ["a", 1],
      [NaN, new Set([1, "x", null])],
      [{ key: true }, new Map()],
      [-5, undefined],
    ]);

    assertEquals(roundTrip(map), map);
  });

  it("keeps dates, invalid and extreme ones included", () => {
    for (const timeMs of [0, 1, -1, 1_721_234_567_891, 8.64e15, -8.64e15, 7]) {
      assertStrictEquals(roundTrip(new Date(timeMs)).getTime(), timeMs);
    }
    assertStrictEquals(roundTrip(new Date(8.64e15 - 1)).getTime(), 8.64e15 - 1);
    assert(Number.isNaN(roundTrip(new Date(NaN)).getTime()));
  });

  it("keeps regular expressions", () => {
    const regexp = /a\/(b|ü)/gimsuy;

    const copy = roundTrip(regexp);

    assertStrictEquals(copy.source, regexp.source);
    assertStrictEquals(copy.flags, "gimsuy");
  });

  it("keeps identity and cycles through every kind of container", () => {
    const shared = { n: 1 };
    const array: unknown[] = [shared, shared];
    const map = new Map<unknown, unknown>([[shared, array]]);
    const set = new Set<unknown>([map, shared]);
    const error = new Error("round");
    error.cause = error;
    const value: Record<string, unknown> = { array, map, set, error, shared };
    value["self"] = value;
    array.push(value, array);
    map.set(map, set);
    set.add(set);

    const copy = roundTrip(value) as {
      self: unknown;
      array: unknown[];
      map: Map<unknown, unknown>;
      set: Set<unknown>;
      error: Error;
      shared: object;
    };

    assertStrictEquals(copy.self, copy);
    assertStrictEquals(copy.array[0], copy.shared);
    assertStrictEquals(copy.array[1], copy.shared);
    assertStrictEquals(copy.array[2], copy);
    assertStrictEquals(copy.array[3], copy.array);
    assertStrictEquals(copy.map.get(copy.shared), copy.array);
    assertStrictEquals(copy.map.get(copy.map), copy.set);
    assert(copy.set.has(copy.map) && copy.set.has(copy.set));
    assertStrictEquals(copy.error.cause, copy.error);
  });

  it("keeps identity among many objects", () => {
    const objects = Array.from({ length: 500 }, (_, i) => ({ i }));
    const twice = [...objects, ...objects.toReversed(), ...objects];

    const copy = roundTrip(twice);

    assertStrictEquals(new Set(copy).size, 500);
    assertStrictEquals(copy[0], copy[999]);
    assertStrictEquals(copy[499], copy[1_499]);
    assertEquals(copy.map((object) => object.i), twice.map(({ i }) => i));
  });

  it("keeps identity of leaves, and of typed arrays out of line", () => {
    const date = new Date(5);
    const bytes = new Uint8Array(5_000).fill(3);

    const copy = roundTrip([date, bytes, date, bytes]);

    assertStrictEquals(copy[0], copy[2]);
    assertStrictEquals(copy[1], copy[3]);
  });
});

describe("value codec: errors as values", () => {
  it("keeps built-in classes, name, message, stack, fields and cause", () => {
    const error = new RangeError("too far", { cause: new TypeError("inner") });
    Object.assign(error, { code: "E_FAR", detail: { at: [1, 2] } });

    const copy = roundTrip(error) as RangeError & Record<string, unknown>;

    assertStrictEquals(copy.constructor, RangeError);
    assertStrictEquals(copy.message, "too far");
    assertStrictEquals(copy.stack, error.stack);
    assertStrictEquals(copy["code"], "E_FAR");
    assertEquals(copy["detail"], { at: [1, 2] });
    assertInstanceOf(copy.cause, TypeError);
    assertEquals(Object.keys(copy), ["code", "detail"]);
  });

  it("keeps an undefined cause, and its absence", () => {
    assert("cause" in roundTrip(new Error("a", { cause: undefined })));
    assert(!("cause" in roundTrip(new Error("a"))));
  });

  it("keeps the parts of an AggregateError and a DOMException's name", () => {
    const copy = roundTrip([
      new AggregateError([new EvalError("x"), 5], "many"),
      new DOMException("gone", "AbortError"),
    ]);

    const [aggregate, exception] = copy as [AggregateError, DOMException];
    assertInstanceOf(aggregate, AggregateError);
    assertInstanceOf(aggregate.errors[0], EvalError);
    assertStrictEquals(aggregate.errors[1], 5);
    assertInstanceOf(exception, DOMException);
    assertStrictEquals(exception.name, "AbortError");
    assertStrictEquals(exception.message, "gone");
  });

  it("keeps Manta's own classes", () => {
    const error = new TaskError("failed", {
      cause: new ActorDiedError("dead", { details: { actorId: "a-1" } }),
    });

    const copy = roundTrip(error);

    assertInstanceOf(copy, TaskError);
    assertInstanceOf(copy.cause, ActorDiedError);
    assertStrictEquals(Reflect.get(copy.cause, "actorId"), "a-1");
    assertStrictEquals(copy.name, "TaskError");
  });

  it("makes errors of other classes plain, under their name", () => {
    class ValidationError extends Error {
      override name = "ValidationError";
      field = "age";
    }

    const copy = roundTrip(new ValidationError("bad"));

    assertStrictEquals(copy.constructor, Error);
    assertStrictEquals(copy.name, "ValidationError");
    assertStrictEquals(copy.field, "age");
  });
});

const TYPED_ARRAYS = [
  Uint8Array,
  Uint8ClampedArray,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float16Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
] as const;

describe("value codec: buffers", () => {
  it("keeps typed arrays of every class and size", () => {
    for (const arrayClass of TYPED_ARRAYS) {
      for (const length of [0, 1, 3, 127, 128, 1_023, 1_024, 40_000]) {
        const array = new arrayClass(length);
        new Uint8Array(array.buffer).forEach((_, i, bytes) => bytes[i] = i * 7);

        const copy = roundTrip(array);

        assertStrictEquals(copy.constructor, arrayClass);
        assertEquals(
          new Uint8Array(copy.buffer, copy.byteOffset, copy.byteLength),
          new Uint8Array(array.buffer),
        );
      }
    }
  });

  it("sends only what a view shows of its buffer", () => {
    const view = new Uint16Array(100_000).subarray(10, 13);
    view.set([7, 8, 9]);

    const encoded = encodeValue(view, "value", plainHooks());

    assert(encoded.sizeBytes < 50);
    assertEquals(roundTrip(view), new Uint16Array([7, 8, 9]));
  });

  it("keeps ArrayBuffers, SharedArrayBuffers and DataViews", () => {
    for (const size of [0, 16, 1_024, 300_000]) {
      const plain = new ArrayBuffer(size);
      const shared = new SharedArrayBuffer(size);
      const view = new DataView(new ArrayBuffer(size + 8), 8);
      new Uint8Array(plain).fill(1);
      new Uint8Array(shared).fill(2);
      if (size > 0) view.setUint8(0, 3);

      const copy = roundTrip({ plain, shared, view });

      assertInstanceOf(copy.plain, ArrayBuffer);
      assertInstanceOf(copy.shared, SharedArrayBuffer);
      assertInstanceOf(copy.view, DataView);
      assertEquals(new Uint8Array(copy.plain), new Uint8Array(plain));
      assertEquals(new Uint8Array(copy.shared), new Uint8Array(shared));
      assertStrictEquals(copy.view.byteLength, size);
      if (size > 0) assertStrictEquals(copy.view.getUint8(0), 3);
    }
  });

  it("makes a Node Buffer a Uint8Array", () => {
    const copy = roundTrip(Buffer.from("abc"));

    assertStrictEquals(copy.constructor, Uint8Array);
    assertEquals([...copy], [97, 98, 99]);
  });

  it("leaves large bytes where they are until they are laid out", () => {
    const array = new Float64Array(1_000).fill(1.5);

    const encoded = encodeValue({ array }, "value", plainHooks());

    assertStrictEquals(encoded.buffers.length, 1);
    assertStrictEquals(encoded.buffers[0]!.buffer, array.buffer);
    assert(encoded.bytes.length < 64);
  });

  it("lays values out in shared memory and reads views of it", () => {
    const hooks = plainHooks();
    const value = {
      small: new Uint8Array(2_000).fill(1),
      doubles: new Float64Array(20_000).fill(2.5),
      bytes: new Uint8Array(150_001).fill(4),
      bigs: new BigInt64Array(20_000).fill(5n),
      buffer: new ArrayBuffer(200_000),
      view: new DataView(new ArrayBuffer(200_000)),
    };
    const encoded = encodeValue(value, "value", hooks);
    const segment = new SharedArrayBuffer(encoded.sizeBytes + 128);
    const target = new Uint8Array(segment, 64, encoded.sizeBytes);

    layOut(encoded, target);
    const copy = decodeValue(target, hooks, { share: true }) as typeof value;

    assertEquals(new Float64Array(copy.doubles), value.doubles);
    assertStrictEquals(copy.doubles.buffer as unknown, segment);
    assertStrictEquals(copy.bytes.buffer as unknown, segment);
    assertStrictEquals(copy.bigs.buffer as unknown, segment);
    assertStrictEquals(copy.view.buffer as unknown, segment);
    assertStrictEquals(copy.bigs[19_999], 5n);
    assertInstanceOf(copy.small.buffer, ArrayBuffer);
    assertInstanceOf(copy.buffer, ArrayBuffer);
    assertStrictEquals(copy.buffer.byteLength, 200_000);
  });

  it("copies everything unless it may share", () => {
    const hooks = plainHooks();
    const payload = toPayload(
      encodeValue(new Float64Array(20_000), "value", hooks),
    );

    const copy = decodeValue(payload, hooks, { share: false }) as Float64Array;

    assert(copy.buffer !== payload.buffer);
  });

  it("copies a view that would not be aligned", () => {
    const hooks = plainHooks();
    const encoded = encodeValue(new Float64Array(20_000), "value", hooks);
    const target = new Uint8Array(encoded.sizeBytes + 1).subarray(1);
    layOut(encoded, target);

    const copy = decodeValue(target, hooks, { share: true }) as Float64Array;

    assert(copy.buffer !== target.buffer);
    assertStrictEquals(copy.length, 20_000);
  });

  it("clears the gaps between buffers, and needs room for all", () => {
    const encoded = encodeValue(
      [new Uint8Array(1_025).fill(1), new Uint8Array(1_025).fill(1)],
      "value",
      plainHooks(),
    );
    const target = new Uint8Array(encoded.sizeBytes).fill(0xee);

    layOut(encoded, target);

    assert(!target.includes(0xee));
    assertThrows(() => layOut(encoded, target.subarray(1)), RangeError);
  });
});

describe("value codec: the bytes", () => {
  it("are CBOR that another decoder reads", () => {
    const value = { a: [1, -2, 0.25, "text", true, null], "b c": { d: 1e10 } };
    const encoded = encodeValue(value, "value", plainHooks());

    assertEquals(decode(new Uint8Array(encoded.bytes)), value);
  });

  it("stay as they are when further values are written", () => {
    const hooks = plainHooks();
    const values = Array.from({ length: 2_000 }, (_, i) => ({
      i,
      text: "x".repeat(i % 97),
      list: new Array(i % 50).fill(i),
    }));

    const payloads = values.map((value) =>
      toPayload(encodeValue(value, "value", hooks))
    );

    const copies = payloads.map((payload) =>
      decodeValue(payload, hooks, { share: false })
    );
    assertEquals(copies, values);
  });

  it("are of the announced size", () => {
    const hooks = plainHooks();
    for (const size of [1, 1_024, 5_000]) {
      const encoded = encodeValue([1, new Uint8Array(size)], "value", hooks);

      assertStrictEquals(toPayload(encoded).length, encoded.sizeBytes);
    }
  });

  it("do not mix when a getter serializes another value", () => {
    const hooks = plainHooks();
    const value = {
      a: 1,
      get inner() {
        return roundTrip({ deep: [1, 2, 3] });
      },
      z: 2,
    };

    assertEquals(roundTrip(value, hooks) as unknown, {
      a: 1,
      inner: { deep: [1, 2, 3] },
      z: 2,
    });
  });
});

describe("value codec: random values", () => {
  it("come back equal, and so do their copies", () => {
    const hooks = plainHooks();
    for (let seed = 1; seed <= 400; seed++) {
      const value = randomValue(seededRandom(seed), 5);
      const encoded = encodeValue(value, "value", hooks);
      const payload = toPayload(encoded);

      const copy = decodeValue(payload, hooks, { share: false });

      assertSameValue(copy, value, `Seed ${seed}`);
      const again = toPayload(encodeValue(copy, "value", hooks));
      assertEquals(again, payload, `The bytes of seed ${seed} differ`);
    }
  });
});

describe("value codec: session objects and registered classes", () => {
  class Ref {
    readonly id: string;
    constructor(id: string) {
      this.id = id;
    }
  }
  class Point {
    x: number;
    y: number;
    constructor(x: number, y: number) {
      this.x = x;
      this.y = y;
    }
  }

  function sessionHooks() {
    const hooks = plainHooks();
    hooks.serializers.register(Point, {
      name: "geometry/Point",
      serialize: ({ x, y }) => ({ x, y }),
      deserialize: ({ x, y }) => new Point(x, y),
    });
    return {
      ...hooks,
      replace: (object: object) => {
        if (object instanceof Ref) return { kind: "ref", value: object.id };
        return object === shipped
          ? { kind: "function", value: ["hash", 1n] }
          : undefined;
      },
      revive: (kind: string, value: unknown) => ({ kind, value }),
    };
  }
  function shipped(): void {}

  it("replaces session objects, lists each once, and revives them", () => {
    const hooks = sessionHooks();
    const ref = new Ref("o-1");
    const other = new Ref("o-2");
    const value = { ref, list: [ref, other], call: shipped };

    const encoded = encodeValue(value, "value", hooks);
    const copy = decodeValue(toPayload(encoded), hooks, { share: false }) as {
      ref: unknown;
      list: unknown[];
      call: unknown;
    };

    assertEquals(encoded.contained, [ref, other, shipped]);
    assertEquals(copy.ref, { kind: "ref", value: "o-1" });
    assertStrictEquals(copy.list[0], copy.ref);
    assertEquals(copy.list[1], { kind: "ref", value: "o-2" });
    assertEquals(copy.call, { kind: "function", value: ["hash", 1n] });
  });

  it("replaces objects whose prototype is a proxy's or none", () => {
    const proxied = new Proxy(new Ref("o-3"), {});

    const copy = roundTrip([proxied], sessionHooks()) as unknown[];

    assertEquals(copy, [{ kind: "ref", value: "o-3" }]);
  });

  it("keeps instances of registered classes, and their identity", () => {
    const point = new Point(1, 2);

    const copy = roundTrip([point, { point }], sessionHooks());

    const [read, holder] = copy as [Point, { point: Point }];
    assertInstanceOf(read, Point);
    assertEquals(read, point);
    assertStrictEquals(holder.point, read);
  });

  it("takes exactly the registered class, not its subclasses", () => {
    class Point3 extends Point {}

    const error = assertThrows(
      () => roundTrip({ at: new Point3(1, 2) }, sessionHooks()),
      SerializationError,
      "Point3",
    );

    assertStrictEquals(error.path, "value.at");
  });

  it("says which class is missing where the value is read", () => {
    const hooks = sessionHooks();
    const payload = toPayload(encodeValue(new Point(1, 2), "value", hooks));

    assertThrows(
      () => decodeValue(payload, plainHooks(), { share: false }),
      SerializationError,
      "geometry/Point",
    );
  });

  it("says that deserialize() threw", () => {
    const hooks = plainHooks();
    hooks.serializers.register(Point, {
      name: "Point",
      serialize: () => null,
      deserialize: () => {
        throw new TypeError("no point");
      },
    });

    const error = assertThrows(
      () => roundTrip(new Point(1, 2), hooks),
      SerializationError,
      "no point",
    );

    assertInstanceOf(error.cause, TypeError);
  });
});

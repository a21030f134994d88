// Values of every kind on their way through tasks, and those that cannot go.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
  describe,
  it,
} from "../support/harness.ts";
import {
  get,
  MantaError,
  ObjectStoreFullError,
  put,
  registerSerializer,
  remote,
  SerializationError,
  TaskError,
} from "../../mod.ts";
import { settled, testCluster, useCluster } from "../support/cluster.ts";

const GIB = 1024 ** 3;

class Point {
  readonly x: number;
  readonly y: number;

  constructor(x: number, y: number) {
    this.x = x;
    this.y = y;
  }

  get norm(): number {
    return Math.hypot(this.x, this.y);
  }
}

registerSerializer(Point, {
  name: "test.Point",
  serialize: ({ x, y }) => [x, y] as const,
  deserialize: ([x, y]) => new Point(x, y),
});

class ColdError extends Error {
  readonly degrees: number;

  constructor(message: string, degrees: number) {
    super(message);
    this.name = "ColdError";
    this.degrees = degrees;
  }
}

registerSerializer(ColdError, {
  name: "test.ColdError",
  serialize: ({ message, degrees }) => [message, degrees] as const,
  deserialize: ([message, degrees]) => new ColdError(message, degrees),
});

class Unregistered {
  value = 1;
}

class Bad {}

registerSerializer(Bad, {
  name: "test.Bad",
  serialize: () => {
    throw new RangeError("no parts");
  },
  deserialize: () => new Bad(),
});

const echo = remote(function echo(value: unknown) {
  return value;
});

const mirror = remote(function mirror(point: Point) {
  if (!(point instanceof Point)) throw new TypeError("no Point");
  return { norm: point.norm, mirrored: new Point(point.y, point.x) };
});

/** Points meet the API inside of a task: put, nested calls, get. */
const roundTrip = remote(async function roundTrip(point: Point) {
  const { mirrored } = await get(mirror.remote(await put(point)));
  const [again] = await get(await put([mirrored]));
  return again instanceof Point ? again : "lost its class";
});

const Plotter = remote(
  { numCpus: 0 },
  class Plotter {
    #points: Point[];

    constructor(first: Point) {
      this.#points = [first];
    }

    async add(point: Point): Promise<boolean> {
      await Promise.resolve();
      this.#points.push(point);
      return this.#points.every((known) => known instanceof Point);
    }

    *points(): Generator<Point> {
      yield* this.#points;
    }
  },
);

const givePlotter = remote(() => Plotter);

const freeze = remote(function freeze(): void {
  throw new ColdError("freezing", -4);
});

const depthOf = remote(function depthOf(value: { next?: unknown }) {
  let depth = 0;
  let at: { next?: unknown } | undefined = value;
  while (at) {
    depth++;
    at = at.next as { next?: unknown } | undefined;
  }
  return depth;
});

const giveUnregistered = remote(function giveUnregistered() {
  return { list: [new Unregistered()] };
});

const sameTwice = remote(function sameTwice(value: [object, object]) {
  return value[0] === value[1];
});

const ends = remote(function ends(bytes: Uint8Array) {
  return [bytes.length, bytes[0], bytes[bytes.length - 1]];
});

const bytesOf = remote(function bytesOf(sizeBytes: number) {
  const bytes = new Uint8Array(sizeBytes);
  bytes[0] = 1;
  bytes[sizeBytes - 1] = 2;
  return bytes;
});

const VALUES: Readonly<Record<string, unknown>> = {
  undefined: undefined,
  null: null,
  booleans: [true, false],
  numbers: [0, -0, 1.5, NaN, Infinity, -Infinity, 2 ** 53, 1e300],
  bigints: [0n, -1n, 2n ** 64n, -(2n ** 200n)],
  strings: ["", "é€😀", "\0", "x".repeat(5_000)],
  dates: new Date(1_600_000_000_000),
  "invalid date": new Date(NaN),
  expressions: /a+/giu,
  maps: new Map<unknown, unknown>([["a", 1], [{ k: 1 }, new Map()]]),
  sets: new Set([1, "a", null]),
  objects: { a: { b: { c: [] } }, "": 0, __proto_: 1 },
  "sparse arrays": [1, , 3],
  buffers: new Uint8Array([1, 2, 3]).buffer,
  "typed arrays": [
    new Int8Array([-1]),
    new Uint8ClampedArray([255]),
    new Int16Array([-2]),
    new Uint32Array([2 ** 32 - 1]),
    new Float32Array([1.5]),
    new Float64Array([NaN, 1e300]),
    new BigInt64Array([-1n]),
    new BigUint64Array([2n ** 64n - 1n]),
  ],
  "data views": new DataView(new Uint8Array([1, 2, 3, 4]).buffer, 1, 2),
};

describe("values", () => {
  useCluster();

  for (const [name, value] of Object.entries(VALUES)) {
    it(`of ${name} go to a task and back`, async () => {
      assertEquals(await get(echo.remote(value)), value);
      assertEquals(await get(echo.remote([value])), [value]);
      assertEquals(await get(await put(value)), value);
    });
  }

  it("that are errors keep class, message and cause", async () => {
    const error = new RangeError("outer", { cause: new TypeError("inner") });
    const back = await get(echo.remote(error));

    assertInstanceOf(back, RangeError);
    assertStrictEquals(back.message, "outer");
    assertInstanceOf(back.cause, TypeError);
  });

  it("that are cycles stay cycles, and shared parts shared", async () => {
    const cycle: { self?: unknown; list: unknown[] } = { list: [] };
    cycle.self = cycle;
    cycle.list.push(cycle);
    const back = await get(echo.remote(cycle)) as typeof cycle;
    assertStrictEquals(back.self, back);
    assertStrictEquals(back.list[0], back);
    const part = { a: 1 };

    assertStrictEquals(await get(sameTwice.remote([part, part])), true);
    assertStrictEquals(await get(sameTwice.remote([part, { ...part }])), false);
  });

  it("keep the rest of a view out, and views of one buffer together", async () => {
    const buffer = new Float64Array([1, 2, 3, 4]).buffer;
    const [a, b] = await get(
      echo.remote([new Float64Array(buffer, 8, 2), new Uint8Array(buffer)]),
    ) as [Float64Array, Uint8Array];

    assertEquals([...a], [2, 3]);
    assertStrictEquals(b.length, 32);
  });

  it("of registered classes keep their class", async () => {
    const { norm, mirrored } = await get(mirror.remote(new Point(3, 4)));

    assertStrictEquals(norm, 5);
    assertInstanceOf(mirrored, Point);
    assertEquals([mirrored.x, mirrored.y], [4, 3]);
  });

  it("of registered classes keep it wherever the API is used", async () => {
    const back = await get(roundTrip.remote(new Point(1, 2)));
    assertInstanceOf(back, Point);
    assertEquals([back.x, back.y], [2, 1]);
    const plotter = Plotter.remote(new Point(0, 0));
    assertStrictEquals(await get(plotter.add.remote(back)), true);
    const xs: number[] = [];
    for await (const ref of plotter.points.remote()) {
      xs.push((await get(ref)).x);
    }
    assertEquals(xs, [0, 2]);
  });

  it("of registered classes keep it as errors, too", async () => {
    const error = await assertRejects(get(freeze.remote()), TaskError);

    assertInstanceOf(error.cause, ColdError);
    assertStrictEquals(error.cause.degrees, -4);
  });

  it("are no classes: those are refused, with the way out", async () => {
    const cases = [
      [Point, /args\[0\]\.of\[0\]: the class Point .* by its name in the code/],
      [Plotter, /the actor class Plotter .* by its name .* pass its handle$/],
    ] as const;
    for (const [given, message] of cases) {
      const error = assertThrows(
        () => echo.remote({ of: [given] }),
        SerializationError,
      );
      assertMatch(error.message, message);
    }
    await assertRejects(
      get(givePlotter.remote()),
      SerializationError,
      "result: the actor class Plotter",
    );
  });

  it("of other classes are refused, with the path", async () => {
    const error = assertThrows(
      () => echo.remote({ list: [new Unregistered()] }),
      SerializationError,
      "args[0].list[0]",
    );
    assert(error.message.includes("Unregistered"), error.message);
    await assertRejects(
      put(new Map([["key", new Unregistered()]])),
      SerializationError,
      "Unregistered",
    );
    await assertRejects(
      get(giveUnregistered.remote()),
      SerializationError,
      "result.list[0]",
    );
  });

  it("that cannot be serialised are refused, with the path", () => {
    const refused: unknown[] = [
      () => {},
      Symbol("s"),
      new WeakSet(),
      Promise.resolve(),
      (function* () {})(),
      new WeakRef({}),
    ];
    for (const value of refused) {
      assertThrows(() => echo.remote(value), SerializationError, "args[0]");
      assertThrows(
        () => echo.remote({ a: new Map([[1, value]]) }),
        SerializationError,
        "args[0].a",
      );
    }
  });

  it("with a getter that throws are refused, with the path", async () => {
    const value = {
      fine: 1,
      get broken(): number {
        throw new RangeError("no value here");
      },
    };
    assertThrows(
      () => echo.remote({ value }),
      SerializationError,
      "args[0].value.broken",
    );
    const error = await assertRejects(put(value), SerializationError, "broken");
    assertInstanceOf(error.cause, RangeError);
  });

  it("whose serializer throws are refused, with the path", () => {
    const error = assertThrows(
      () => echo.remote([new Bad()]),
      SerializationError,
      "args[0][0]",
    );
    assertInstanceOf(error.cause, RangeError);
  });

  it("10,000 levels deep arrive, or are refused with a type", async () => {
    for (const levels of [500, 10_000]) {
      let value: { next?: unknown } = {};
      for (let depth = 1; depth < levels; depth++) value = { next: value };
      try {
        assertStrictEquals(await get(depthOf.remote(value)), levels);
      } catch (error) {
        assertInstanceOf(error, SerializationError);
        assert(levels > 1_000, error.message);
      }
    }
    assertStrictEquals(await get(depthOf.remote({})), 1);
  });

  it("of many small parts arrive whole", async () => {
    const many = Array.from({ length: 50_000 }, (_, n) => ({ n, s: `${n}` }));
    const back = await get(echo.remote(many)) as typeof many;

    assertStrictEquals(back.length, many.length);
    assertEquals(back[49_999], many[49_999]);
  });

  it("just around the inline limit arrive whole", async () => {
    for (const extra of [-300, -1, 0, 1, 300]) {
      const bytes = new Uint8Array(100 * 1024 + extra).fill(3);
      const back = await get(echo.remote(bytes)) as Uint8Array;
      assertEquals([back.length, back[0], back.at(-1)], [bytes.length, 3, 3]);
    }
    await settled({ lent: 0 });
  });
});

describe("a value of 2 GiB", () => {
  it("arrives, or is refused with a typed error", async () => {
    await using cluster = await testCluster({ objectStoreMemory: 3 * GIB });
    let bytes: Uint8Array;
    try {
      bytes = new Uint8Array(2 * GIB);
    } catch (error) {
      // This machine has no memory for it.
      return assertInstanceOf(error, RangeError);
    }
    bytes[0] = 1;
    bytes[bytes.length - 1] = 2;
    try {
      using ref = await put(bytes);
      bytes = new Uint8Array();
      assertEquals(await get(ends.remote(ref)), [2 * GIB, 1, 2]);
    } catch (error) {
      assertInstanceOf(error, MantaError);
    }
    await cluster.settled({ objects: 0 });
    using made = bytesOf.remote(4 * GIB);
    await assertRejects(get(made), MantaError);
    assert(ObjectStoreFullError.name.length > 0);
  });
});

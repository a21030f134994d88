// Objects on an embedded cluster: put, get, wait, asCompleted, dispose, and
// the memory that large ones share.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
  describe,
  it,
} from "../support/harness.ts";
import {
  type ActorHandle,
  asCompleted,
  cancel,
  get,
  GetTimeoutError,
  init,
  isInitialized,
  ObjectLostError,
  type ObjectRef,
  ObjectStoreFullError,
  put,
  remote,
  SerializationError,
  shutdown,
  TaskError,
  wait,
} from "../../mod.ts";
import {
  eventually,
  Gate,
  OVER_CONNECTION,
  settled,
  testCluster,
  useCluster,
} from "../support/cluster.ts";

type Passing = Pick<ActorHandle<InstanceType<typeof Gate.local>>, "pass">;

const MIB = 1024 * 1024;

const square = remote(function square(x: number) {
  return x * x;
});

const nothingOf = remote(function nothingOf(_value: unknown) {});

const fail = remote(function fail(message: string): number {
  throw new RangeError(message);
});

const pass = remote(async function pass(box: { gate: Passing }, x: number) {
  await get(box.gate.pass.remote());
  return x;
});

const bytesOf = remote(function bytesOf(sizeBytes: number, fill: number) {
  return new Uint8Array(sizeBytes).fill(fill);
});

const sumOf = remote(function sumOf(numbers: Float64Array) {
  return numbers.reduce((sum, x) => sum + x, 0);
});

const isShared = remote(function isShared(numbers: Float64Array) {
  return numbers.buffer instanceof SharedArrayBuffer;
});

/** Two of these agree on words that both of them see. */
const meet = remote(function meet(words: Int32Array, total: number) {
  const turn = Atomics.add(words, 0, 1) + 1;
  if (turn === total) Atomics.notify(words, 0);
  for (;;) {
    const seen = Atomics.load(words, 0);
    if (seen >= total) return seen;
    Atomics.wait(words, 0, seen);
  }
});

const firstOf = remote(async function firstOf(refs: ObjectRef<Uint8Array>[]) {
  return (await get(refs)).map((bytes) => bytes[0]);
});

const largeThenFirst = remote(function largeThenFirst(a: Uint8Array) {
  return a[0];
});

/** The driver's views are not of the memory that executors see elsewhere. */
const itShared = OVER_CONNECTION ? () => {} : it;

describe("objects", () => {
  useCluster();

  describe("put", () => {
    it("gives a ref that get reads", async () => {
      const values = [1, "a", null, undefined, { a: [1] }, new Map([[1, 2]])];
      for (const value of values) {
        assertEquals(await get(await put(value)), value);
      }
    });

    it("takes the value as it is at the call", async () => {
      for (const length of [3, 1_000_000]) {
        const value = { numbers: new Float64Array(length).fill(1) };
        const putting = put(value);
        value.numbers.fill(2);
        const read = await get(await putting);

        assertStrictEquals(read.numbers[length - 1], 1);
        assertStrictEquals(read.numbers.length, length);
      }
    });

    it("refuses a ref", async () => {
      const ref = await put(1);
      await assertRejects(put(ref), TypeError, "[ref]");
      const [inner] = await get(await put([ref]));
      assertStrictEquals(await get(inner!), 1);
    });

    it("refuses what cannot be serialised, with the path", async () => {
      const error = await assertRejects(
        put({ list: [1, { socket: () => {} }] }),
        SerializationError,
        "value.list[1].socket",
      );
      assertStrictEquals(error.code, "serialization_failed");
      await assertRejects(put(Symbol("s")), SerializationError, "value");
      await assertRejects(put(new WeakMap()), SerializationError, "value");
      await assertRejects(
        put({ a: Promise.resolve() }),
        SerializationError,
        "value.a",
      );
    });
  });

  describe("get", () => {
    it("keeps order and allows duplicates", async () => {
      const [a, b] = [square.remote(2), await put("b")];
      assertEquals(await get([a, b, a, a]), [4, "b", 4, 4]);
      assertEquals(await get([]), []);
    });

    it("with timeout 0 takes only what is ready", async () => {
      using gate = Gate.remote();
      const ref = pass.remote({ gate }, 1);
      const error = await assertRejects(
        get(ref, { timeout: 0 }),
        GetTimeoutError,
      );
      assertStrictEquals(error.retryable, true);
      await assertRejects(
        get([ref], { timeout: 1 }),
        GetTimeoutError,
        "1 of 1",
      );
      await get(gate.open.remote());
      assertStrictEquals(await get(ref), 1);
      assertStrictEquals(await get(ref, { timeout: 0 }), 1);
      const large = await put(new Uint8Array(MIB));
      assertStrictEquals((await get(large, { timeout: 0 })).length, MIB);
    });

    it("refuses what is no ref", async () => {
      const loose = get as (
        refs: unknown,
        options?: unknown,
      ) => Promise<unknown>;
      const ref = await put(1);
      const wrong = [1, undefined, null, "ref", { id: "o-1" }, [ref, 2], [
        null,
      ]];
      for (const value of wrong) await assertRejects(loose(value), TypeError);
      await assertRejects(loose(new Set([ref])), TypeError);
      await assertRejects(loose(ref, { timeOut: 1 }), TypeError, "timeOut");
      await assertRejects(loose(ref, { timeout: "1" }), TypeError, "timeout");
      await assertRejects(loose(ref, { timeout: -1 }), RangeError, "timeout");
      await assertRejects(loose(ref, { timeout: NaN }), RangeError, "timeout");
    });

    it("leaves a ref as it is when it is awaited", async () => {
      const ref = await Promise.resolve(square.remote(3));
      assertStrictEquals("then" in ref, false);
      assertStrictEquals(await get(ref), 9);
      assertStrictEquals(typeof ref.id, "string");
    });
  });

  describe("wait", () => {
    it("keeps input order in both lists", async () => {
      using gate = Gate.remote();
      const [slow, one, two] = [
        pass.remote({ gate }, 0),
        await put(1),
        square.remote(2),
      ];
      await get(two);
      assertEquals(
        await wait([two, slow, one], { numReturns: 2 }),
        [[two, one], [slow]],
      );
      assertEquals(await wait([slow, two, one]), [[two], [slow, one]]);
      assertEquals(
        await wait([slow, one], { numReturns: 2, timeout: 0 }),
        [[one], [slow]],
      );
      await get(gate.open.remote());
      assertEquals(await wait([slow], { fetchLocal: false }), [[slow], []]);
    });

    it("counts failed ones as ready", async () => {
      const failed = fail.remote("seen");
      assertEquals(await wait([failed]), [[failed], []]);
      await assertRejects(get(failed), TaskError, "seen");
    });

    it("of nothing gives nothing", async () => {
      assertEquals(await wait([]), [[], []]);
      assertEquals(await wait([], { timeout: 5 }), [[], []]);
    });

    it("refuses duplicates, wrong numbers and no refs", async () => {
      const loose = wait as (
        refs: unknown,
        options?: unknown,
      ) => Promise<unknown>;
      const ref = await put(1);
      await assertRejects(wait([ref, ref]), RangeError, "twice");
      for (const numReturns of [0, -1, 2, 1.5]) {
        await assertRejects(wait([ref], { numReturns }), RangeError);
      }
      await assertRejects(wait([ref], { timeout: -1 }), RangeError, "timeout");
      await assertRejects(loose(ref), TypeError);
      await assertRejects(loose([ref, 1]), TypeError);
      await assertRejects(loose([ref], { num: 1 }), TypeError, "num");
    });

    it("refuses the same object by two refs", async () => {
      const ref = await put([await put(1)]);
      const [[one], [two]] = [await get(ref), await get(ref)];
      await assertRejects(wait([one!, two!]), RangeError, "twice");
    });
  });

  it("are those of the call, whatever becomes of its array", async () => {
    using gate = Gate.remote();
    const ref = gate.pass.remote();
    const refs = [ref];
    const waited = wait(refs);
    const got = get(refs);
    refs.length = 0;
    refs.push(1 as never);
    await get(gate.open.remote());
    assertStrictEquals((await waited)[0][0], ref);
    assertEquals((await got).length, 1);
  });

  describe("asCompleted", () => {
    it("gives refs as they finish", async () => {
      using gate = Gate.remote();
      const slow = pass.remote({ gate }, 1);
      const order: ObjectRef<number>[] = [];
      const fast = square.remote(2);
      for await (const ref of asCompleted([slow, fast])) {
        order.push(ref);
        await get(gate.open.remote());
      }
      assertEquals(order, [fast, slow]);
      for await (const _ of asCompleted([])) assert(false);
    });
  });

  describe("dispose", () => {
    it("frees the object and makes its ref unreadable", async () => {
      for (const value of [1, { small: true }, new Uint8Array(MIB)]) {
        const ref = await put<unknown>(value);
        ref[Symbol.dispose]();
        ref[Symbol.dispose]();
        await assertRejects(get(ref), ObjectLostError, ref.id);
        await assertRejects(get([ref]), ObjectLostError, "disposed");
        await assertRejects(wait([ref]), ObjectLostError);
        assertThrows(() => nothingOf.remote(ref), ObjectLostError);
        const nested = assertThrows(
          () => nothingOf.remote([ref]),
          SerializationError,
          "args[0][0]",
        );
        assertInstanceOf(nested.cause, ObjectLostError);
        await assertRejects(put([ref]), SerializationError, ref.id);
      }
      await settled({ objects: 0 });
    });

    it("by using frees at the end of the scope", async () => {
      {
        using ref = await put(new Uint8Array(MIB));
        assertStrictEquals((await get(ref)).length, MIB);
      }
      await settled({ objects: 0 });
    });

    it("of a result that is not there frees it when it comes", async () => {
      using gate = Gate.remote();
      const ref = pass.remote({ gate }, 1);
      ref[Symbol.dispose]();
      await assertRejects(get(ref), ObjectLostError);
      const large = bytesOf.remote(MIB, 1);
      large[Symbol.dispose]();
      await get(gate.open.remote());
      await settled({ objects: 0, tasks: 0 });
    });

    it("of an argument leaves it to the tasks that need it", async () => {
      using gate = Gate.remote();
      const slow = pass.remote({ gate }, 1);
      const numbers = await put(new Float64Array(100_000).fill(1));
      const later = remote(largeSumAfter).remote(numbers, slow);
      numbers[Symbol.dispose]();
      await assertRejects(get(numbers), ObjectLostError);
      await get(gate.open.remote());

      assertStrictEquals(await get(later), 100_000);
      await settled({ objects: 0 });
    });
  });

  describe("large values", () => {
    itShared("are one memory for all tasks", async () => {
      using ref = await put(new Int32Array(100_000));
      const here = await get(ref);
      const met = [meet.remote(ref, 2), meet.remote(ref, 2)];

      assertEquals(await get(met), [2, 2]);
      assertStrictEquals(here[0], 2);
      assertInstanceOf(here.buffer, SharedArrayBuffer);
    });

    it("are shared as arguments and as results, too", async () => {
      const numbers = new Float64Array(100_000).fill(2);
      assertStrictEquals(await get(sumOf.remote(numbers)), 200_000);
      assertStrictEquals(await get(isShared.remote(numbers)), true);
      assertStrictEquals(
        await get(isShared.remote(new Float64Array(9))),
        false,
      );
      const made = await get(bytesOf.remote(MIB, 7));
      assertStrictEquals(made[MIB - 1], 7);
      assertInstanceOf(made.buffer, SharedArrayBuffer);
    });

    it("go from task to task without passing through the driver", async () => {
      const first = bytesOf.remote(4 * MIB, 9);
      assertStrictEquals(await get(largeThenFirst.remote(first)), 9);
      assertEquals(await get(firstOf.remote([first, first])), [9, 9]);
    });
  });
});

async function largeSumAfter(
  numbers: Float64Array,
  _after: number,
): Promise<number> {
  await Promise.resolve();
  return numbers.reduce((sum, x) => sum + x, 0);
}

describe("a small object store", () => {
  it("refuses what can never fit", async () => {
    await using cluster = await testCluster({ objectStoreMemory: 16 * MIB });
    const error = await assertRejects(
      put(new Uint8Array(17 * MIB)),
      ObjectStoreFullError,
    );
    assertStrictEquals(error.code, "object_store_full");
    await assertRejects(get(bytesOf.remote(17 * MIB, 1)), ObjectStoreFullError);
    const ref = sumOf.remote(new Float64Array(3 * MIB));
    await assertRejects(get(ref), ObjectStoreFullError);
    await cluster.settled({ objects: 0 });
  });

  itShared("has put wait until there is room", async () => {
    await using cluster = await testCluster({ objectStoreMemory: 16 * MIB });
    const first = await put(new Uint8Array(10 * MIB).fill(1));
    // What is in use stays; all else would go to disk.
    const views: Uint8Array[] = [];
    await get(first).then((view) => void views.push(view));
    let accepted = false;
    const waiting = put(new Uint8Array(10 * MIB).fill(2)).then((ref) => {
      accepted = true;
      return ref;
    });
    assertStrictEquals(await get(square.remote(3)), 9);
    assert(!accepted);
    assertStrictEquals(views.splice(0)[0]?.[0], 1);
    first[Symbol.dispose]();
    const second = await waiting;

    assertStrictEquals((await get(second))[0], 2);
    second[Symbol.dispose]();
    await cluster.settled({ objects: 0 });
  });

  it("takes much more than it holds, one after the other", async () => {
    await using cluster = await testCluster({ objectStoreMemory: 16 * MIB });
    for (let round = 0; round < 40; round++) {
      const made = bytesOf.remote(4 * MIB, round);
      assertStrictEquals(await get(largeThenFirst.remote(made)), round);
      made[Symbol.dispose]();
    }
    await cluster.settled({ objects: 0 });
  });
});

describe("refs of an ended session", () => {
  it("cannot be read any more", async () => {
    await init({ numCpus: 2 });
    const small = await put(1);
    const large = await put(new Uint8Array(MIB));
    const result = square.remote(2);
    await get(result);
    await shutdown();
    // Nor do they begin another.
    await assertRejects(get([small, large]), ObjectLostError, "has ended");
    await assertRejects(wait([result]), ObjectLostError, "has ended");
    cancel(result);
    assertEquals(isInitialized(), false);
    await init({ numCpus: 2 });
    try {
      for (const ref of [small, large, result] as ObjectRef<unknown>[]) {
        await assertRejects(get(ref), ObjectLostError, "session has ended");
        await assertRejects(wait([ref]), ObjectLostError);
      }
      assertThrows(() => square.remote(small), ObjectLostError);
      await assertRejects(put({ small }), SerializationError, "value.small");
    } finally {
      await shutdown();
    }
  });
});

describe("values seen by several threads", () => {
  itShared("are visible at once to a reader of the same object", async () => {
    await using _cluster = await testCluster();
    using ref = await put(new Int32Array(100_000));
    const here = await get(ref);
    const met = meet.remote(ref, 2);
    await eventually(
      () => Atomics.load(here, 0) === 1,
      () => "the task to add itself",
    );
    Atomics.add(here, 0, 1);
    Atomics.notify(here, 0);

    assertStrictEquals(await get(met), 2);
  });
});

// Streams on an embedded cluster: what remote generators give, of tasks and of
// actors, with errors, retries, back-pressure, and an end before their end.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  describe,
  it,
} from "../support/harness.ts";
import {
  ActorDiedError,
  type ActorHandle,
  cancel,
  context,
  get,
  kill,
  type ObjectRef,
  type ObjectRefGenerator,
  put,
  remote,
  TaskCancelledError,
  TaskError,
  wait,
  WorkerDiedError,
} from "../../mod.ts";
import {
  eventually,
  Gate,
  leftovers,
  newFlag,
  settled,
  useCluster,
} from "../support/cluster.ts";

type GateHandle = ActorHandle<InstanceType<typeof Gate.local>>;

const countTo = remote(function* countTo(last: number) {
  for (let n = 1; n <= last; n++) yield n;
});

const countLater = remote(async function* countLater(last: number) {
  for (let n = 1; n <= last; n++) yield await Promise.resolve(n);
});

const none = remote(function* none(): Generator<number> {});

const failAfter = remote(function* failAfter(count: number) {
  for (let n = 0; n < count; n++) yield n;
  throw new RangeError(`after ${count}`);
});

const failLater = remote(async function* failLater(count: number) {
  for (let n = 0; n < count; n++) yield await Promise.resolve(n);
  throw new RangeError(`after ${count}`);
});

const withGate = remote(
  async function* withGate({ gate }: { gate: GateHandle }) {
    yield "before";
    await get(gate.pass.remote());
    yield "after";
  },
);

const arrays = remote(function* arrays(count: number, length: number) {
  for (let n = 0; n < count; n++) yield new Float64Array(length).fill(n);
});

const refs = remote(async function* refs(count: number) {
  for (let n = 0; n < count; n++) yield { ref: await put({ n }) };
});

const flaky = remote(
  { retryExceptions: true, maxRetries: 2 },
  function* flaky(count: number) {
    for (let n = 0; n < count; n++) {
      if (n === 2 && context().attempt < 2) throw new RangeError("again");
      yield [n, context().attempt];
    }
  },
);

const dying = remote(function* dying(count: number, deaths: number) {
  for (let n = 0; n < count; n++) {
    if (n === 2 && context().attempt < deaths) process.exit(1);
    yield n;
  }
});

const unsendable = remote(function* unsendable() {
  yield 1;
  yield { socket: () => 1 } as unknown as number;
});

/** Counts what a generator has yielded, and knows when it ended. */
class Meter {
  #made = 0;
  #ended = 0;
  #watching: { count: number; resolve: () => void }[] = [];

  made(): void {
    this.#made++;
    this.#watching = this.#watching.filter(({ count, resolve }) => {
      if (count > this.#made) return true;
      resolve();
      return false;
    });
  }

  ended(): void {
    this.#ended++;
  }

  counts(): [made: number, ended: number] {
    return [this.#made, this.#ended];
  }

  /** Resolves once so many were made. */
  reached(count: number): Promise<void> | void {
    if (this.#made >= count) return;
    return new Promise((resolve) => this.#watching.push({ count, resolve }));
  }
}

const RemoteMeter = remote(
  { numCpus: 0, maxConcurrency: 100, isolation: "shared" },
  Meter,
);
type MeterHandle = ActorHandle<Meter>;

const metered = remote(
  async function* metered({ meter }: { meter: MeterHandle }, count: number) {
    try {
      for (let n = 0; n < count; n++) {
        await get(meter.made.remote());
        yield n;
      }
    } finally {
      meter.ended.remote();
    }
  },
);

/** Has streams of both kinds. */
class Source {
  #calls = 0;

  *plain(count: number): Generator<number> {
    this.#calls++;
    for (let n = 0; n < count; n++) yield n;
  }

  async *later(count: number): AsyncGenerator<number> {
    this.#calls++;
    for (let n = 0; n < count; n++) yield await Promise.resolve(n * 10);
  }

  *failing(count: number): Generator<number> {
    for (let n = 0; n < count; n++) yield n;
    throw new RangeError("the source is dry");
  }

  async *gated({ gate }: { gate: GateHandle }): AsyncGenerator<string> {
    yield "before";
    await get(gate.pass.remote());
    yield "after";
  }

  calls(): number {
    return this.#calls;
  }
}

const RemoteSource = remote({ numCpus: 0 }, Source);

const sumOf = remote(async function sumOf(count: number) {
  let sum = 0;
  for await (const ref of countTo.remote(count)) sum += await get(ref);
  return sum;
});

const double = remote(async function* double(count: number) {
  for await (const ref of countTo.remote(count)) yield 2 * await get(ref);
});

const readUntilEnd = remote(
  async function readUntilEnd(
    { gate, meter }: { gate: GateHandle; meter: MeterHandle },
  ) {
    try {
      for await (const ref of withGate.remote({ gate })) await get(ref);
    } finally {
      meter.ended.remote();
    }
  },
);

const increment = remote(async function* increment(count: number) {
  for await (const ref of double.remote(count)) yield 1 + await get(ref);
});

async function valuesOf<T>(stream: ObjectRefGenerator<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const ref of stream) values.push(await get(ref));
  return values;
}

/** The values before the error, and the error; its ref is the last. */
async function untilError<T>(
  stream: ObjectRefGenerator<T>,
): Promise<[T[], unknown]> {
  const values: T[] = [];
  let failure: unknown;
  for await (const ref of stream) {
    assertEquals(failure, undefined);
    try {
      values.push(await get(ref));
    } catch (error) {
      failure = error;
    }
  }
  return [values, failure];
}

describe("R-65 a stream", () => {
  useCluster();

  it("gives a ref per yield, in order", async () => {
    assertEquals(await valuesOf(countTo.remote(5)), [1, 2, 3, 4, 5]);
    assertEquals(await valuesOf(countLater.remote(5)), [1, 2, 3, 4, 5]);
    assertEquals(await valuesOf(none.remote()), []);
  });

  it("gives items while the task runs on", async () => {
    using gate = Gate.remote();
    const stream = withGate.remote({ gate });

    const first = await stream.next();
    assertEquals(await get(first.value!), "before");
    await get(gate.arrivals.remote(1));
    const second = stream.next();
    gate.open.remote();

    assertEquals(await get((await second).value!), "after");
    assertEquals(await stream.next(), { done: true, value: undefined });
    assertEquals(await stream.next(), { done: true, value: undefined });
  });

  it("gives an error after k items as item k + 1, then ends", async () => {
    for (const generator of [failAfter, failLater]) {
      const [values, error] = await untilError(generator.remote(3));

      assertEquals(values, [0, 1, 2]);
      assertInstanceOf(error, TaskError);
      assertInstanceOf(error.cause, RangeError);
    }
  });

  it("gives an error before the first item as the first", async () => {
    const [values, error] = await untilError(failAfter.remote(0));

    assertEquals(values, []);
    assertInstanceOf(error, TaskError);
  });

  it("fails at an item that cannot travel", async () => {
    const [values, error] = await untilError(unsendable.remote());

    assertEquals(values, [1]);
    assertInstanceOf(error, Error);
    assert(error.message.includes("socket"), error.message);
  });

  it("gives refs that are ordinary: arguments, wait, cancel", async () => {
    const stream = countTo.remote(2);
    const one = (await stream.next()).value!;
    const two = (await stream.next()).value!;

    assertEquals((await wait([one, two], { numReturns: 2 }))[0], [one, two]);
    assertEquals(await valuesOf(countTo.remote(one)), [1]);
    assertEquals(await get([two, one]), [2, 1]);
    await stream.next();
  });

  it("gives large items, and refs inside items", async () => {
    const stream = arrays.remote(3, 50_000);
    const seen: number[] = [];
    for await (const ref of stream) {
      const array = await get(ref);
      seen.push(array.length, array[49_999]!);
    }
    assertEquals(seen, [50_000, 0, 50_000, 1, 50_000, 2]);

    const boxes = await valuesOf(refs.remote(3));
    const values = await get(boxes.map(({ ref }) => ref));
    assertEquals(values, [{ n: 0 }, { n: 1 }, { n: 2 }]);
  });

  it("gives more items than a turn takes", async () => {
    const values = await valuesOf(countTo.remote(2_000));

    assertEquals(values.length, 2_000);
    assertEquals(values.at(-1), 2_000);
  });

  it("can be read before and after the task's end alike", async () => {
    const stream = countTo.remote(3);
    await get(stream.completed());

    assertEquals(await valuesOf(stream), [1, 2, 3]);
  });

  it("is read in tasks, and streams can be chained", async () => {
    assertEquals(await get(sumOf.remote(10)), 55);
    assertEquals(await valuesOf(increment.remote(3)), [3, 5, 7]);
  });

  it("is not waited for any more by a task that is cancelled", async () => {
    using gate = Gate.remote();
    const meter = RemoteMeter.remote();
    const reading = readUntilEnd.remote({ gate, meter });
    await get(gate.arrivals.remote(1));

    // What it reads goes on: only the wait ends.
    cancel(reading, { recursive: false });

    await assertRejects(get(reading), TaskCancelledError);
    await eventually(
      async () => (await get(meter.counts.remote()))[1] === 1,
      () => "the cancelled reader to end",
    );
    gate.open.remote();
  });

  it("takes several reads at a time", async () => {
    const stream = countTo.remote(2);
    const results = await Promise.all([
      stream.next(),
      stream.next(),
      stream.next(),
    ]);

    const read = results.slice(0, 2).map(({ value }) => value!);
    assertEquals(await get(read), [1, 2]);
    assertEquals(results[2]!.done, true);
  });
});

describe("completed()", () => {
  useCluster();

  it("is ready when the task has ended", async () => {
    using gate = Gate.remote();
    const stream = withGate.remote({ gate });
    const whole = stream.completed();
    await get(gate.arrivals.remote(1));
    assertEquals((await wait([whole], { timeout: 0 }))[0], []);

    gate.open.remote();

    assertEquals(await get(whole), undefined);
    assertEquals(await valuesOf(stream), ["before", "after"]);
  });

  it("rejects with the error of the task", async () => {
    const stream = failAfter.remote(1);

    await assertRejects(get(stream.completed()), TaskError, "after 1");
    const [values] = await untilError(stream);
    assertEquals(values, [0]);
  });

  it("can be cancelled: the stream ends with that", async () => {
    using gate = Gate.remote();
    const stream = withGate.remote({ gate });
    await get(gate.arrivals.remote(1));

    cancel(stream.completed());

    const [values, error] = await untilError(stream);
    assertEquals(values, ["before"]);
    assertInstanceOf(error, TaskCancelledError);
    gate.open.remote();
  });
});

describe("R-65 a stream that is retried", () => {
  useCluster();

  it("with retryExceptions gives every item once", async () => {
    const items = await valuesOf(flaky.remote(4));

    assertEquals(items.map(([n]) => n), [0, 1, 2, 3]);
    assertEquals(items.at(-1), [3, 2]);
  });

  it("goes on after the death of its thread", async () => {
    assertEquals(await valuesOf(dying.remote(4, 1)), [0, 1, 2, 3]);
  });

  it("goes on with back-pressure: read items do not count", async () => {
    const stream = flaky.options({ backpressure: 1 }).remote(5);

    const items = await valuesOf(stream);
    assertEquals(items.map(([n]) => n), [0, 1, 2, 3, 4]);
  });

  it("gives the error once the retries are used up", async () => {
    const [values, error] = await untilError(
      dying.options({ maxRetries: 1 }).remote(4, 9),
    );

    assertEquals(values, [0, 1]);
    assertInstanceOf(error, WorkerDiedError);
  });
});

describe("the back-pressure of a stream", () => {
  useCluster();

  it("lets the task be at most n items ahead", async () => {
    const meter = RemoteMeter.remote();
    const stream = metered.options({ backpressure: 3 }).remote({ meter }, 10);
    await get(meter.reached.remote(3));
    for (let read = 0; read < 7; read++) {
      await stream.next();
      await get(meter.reached.remote(read + 4));
      const [made] = await get(meter.counts.remote());
      assert(made <= read + 4, `${made} made, ${read + 1} read`);
    }

    assertEquals((await valuesOf(stream)).length, 3);
    assertEquals((await get(meter.counts.remote()))[0], 10);
  });

  it("of 1 makes each item when the one before was taken", async () => {
    const meter = RemoteMeter.remote();
    const stream = metered.options({ backpressure: 1 }).remote({ meter }, 4);
    const values: number[] = [];
    for await (const ref of stream) {
      values.push(await get(ref));
      const [made] = await get(meter.counts.remote());
      assert(made <= values.length + 1, `${made} made`);
    }

    assertEquals(values, [0, 1, 2, 3]);
  });

  it("works for an actor's method", async () => {
    const Slow = remote({
      numCpus: 0,
      methods: { plain: { backpressure: 2 } },
    }, Source);

    assertEquals(await valuesOf(Slow.remote().plain.remote(5)), [
      0,
      1,
      2,
      3,
      4,
    ]);
  });
});

describe("leaving a stream", () => {
  useCluster();

  it("by break cancels the task and drops the rest", async () => {
    const meter = RemoteMeter.remote();
    const stream = metered.options({ backpressure: 2 }).remote({ meter }, 1e6);
    for await (const ref of stream) {
      if (await get(ref) === 2) break;
    }

    await eventually(
      async () => (await get(meter.counts.remote()))[1] === 1,
      () => "the generator to end",
    );
    await settled({ tasks: 0, leases: 0 });
    assertEquals(await stream.next(), { done: true, value: undefined });
  });

  it("by dispose, without reading anything", async () => {
    using gate = Gate.remote();
    {
      using stream = withGate.remote({ gate });
      await get(gate.arrivals.remote(1));
      void stream;
    }

    await settled({ tasks: 0, leases: 0 });
    gate.open.remote();
  });

  it("wakes a reader that waits", async () => {
    using gate = Gate.remote();
    const stream = withGate.remote({ gate });
    await stream.next();
    const waiting = stream.next();
    await get(gate.arrivals.remote(1));

    await stream.return();

    assertEquals(await waiting, { done: true, value: undefined });
    gate.open.remote();
  });

  it("by dropping it frees the items that were not read", async () => {
    await (async () => {
      const stream = arrays.remote(4, 50_000);
      await stream.next();
      await get(stream.completed());
      assert((await leftovers()).objects >= 3);
    })();

    await settled({ objects: 0 });
  });
});

describe("R-66 an item that was read", () => {
  useCluster();

  it("is freed before the task ends", async () => {
    const meter = RemoteMeter.remote();
    using gate = Gate.remote();
    const stream = heavyThenGate.remote({ gate, meter });
    for (let read = 0; read < 3; read++) {
      const { value } = await stream.next();
      assertEquals((await get(value!)).length, 50_000);
      value![Symbol.dispose]();
    }
    await get(gate.arrivals.remote(1));

    await settled({ objects: 0, tasks: 1 });
    gate.open.remote();
    assertEquals((await stream.next()).done, true);
  });
});

const heavyThenGate = remote(
  async function* heavyThenGate(
    { gate, meter }: { gate: GateHandle; meter: MeterHandle },
  ) {
    for (let n = 0; n < 3; n++) {
      yield new Float64Array(50_000);
      meter.made.remote();
    }
    await get(gate.pass.remote());
  },
);

describe("R-67 a stream that fails", () => {
  useCluster();

  it("leaves nothing behind after an error", async () => {
    const [values, error] = await untilError(heavyThenThrow.remote(3));

    assertEquals(values.length, 3);
    assertInstanceOf(error, TaskError);
    values.length = 0;
    await settled({ objects: 0, tasks: 0, lent: 0 });
  });

  it("leaves nothing behind after the death of its thread", async () => {
    const stream = heavyThenDie.remote(3);
    let items = 0;
    let failure: unknown;
    for await (const ref of stream) {
      try {
        await get(ref);
        items++;
      } catch (error) {
        failure = error;
      }
    }

    assert(items <= 3);
    assertInstanceOf(failure, WorkerDiedError);
    await settled({ objects: 0, tasks: 0, lent: 0 });
  });

  it("leaves nothing behind when nobody reads", async () => {
    await assertRejects(
      get(heavyThenThrow.remote(3).completed()),
      TaskError,
    );

    await settled({ objects: 0, tasks: 0, lent: 0 });
  });
});

const heavyThenThrow = remote(function* heavyThenThrow(count: number) {
  for (let n = 0; n < count; n++) yield new Float64Array(50_000);
  throw new RangeError("no more");
});

const heavyThenDie = remote(
  { maxRetries: 0 },
  function* heavyThenDie(count: number) {
    for (let n = 0; n < count; n++) yield new Float64Array(50_000);
    process.exit(1);
  },
);

describe("R-68 a stream of an actor", () => {
  useCluster();

  it("comes from plain and async generator methods", async () => {
    const source = RemoteSource.remote();

    assertEquals(await valuesOf(source.plain.remote(3)), [0, 1, 2]);
    assertEquals(await valuesOf(source.later.remote(3)), [0, 10, 20]);
    assertEquals(await get(source.calls.remote()), 2);
  });

  it("gives its error last, and the actor lives on", async () => {
    const source = RemoteSource.remote();

    const [values, error] = await untilError(source.failing.remote(2));
    assertEquals(values, [0, 1]);
    assertInstanceOf(error, TaskError);
    assertEquals(await get(source.calls.remote()), 0);
  });

  it("is one call: the next begins when it has ended", async () => {
    using gate = Gate.remote();
    const source = RemoteSource.remote();
    const stream = source.gated.remote({ gate });
    const next = source.calls.remote();
    await get(gate.arrivals.remote(1));
    assertEquals((await wait([next], { timeout: 0 }))[0], []);

    gate.open.remote();

    assertEquals(await valuesOf(stream), ["before", "after"]);
    assertEquals(await get(next), 0);
  });

  it("fails with the actor", async () => {
    using gate = Gate.remote();
    const source = RemoteSource.remote();
    const stream = source.gated.remote({ gate });
    await get(gate.arrivals.remote(1));

    kill(source);

    const [values, error] = await untilError(stream);
    assertEquals(values, ["before"]);
    assertInstanceOf(error, ActorDiedError);
    gate.open.remote();
  });

  it("is cancelled by leaving it", async () => {
    using gate = Gate.remote();
    const source = RemoteSource.remote();
    for await (const ref of source.gated.remote({ gate })) {
      assertEquals(await get(ref), "before");
      break;
    }

    assertEquals(await get(source.calls.remote()), 0);
    gate.open.remote();
  });

  it("is resent after a restart with maxTaskRetries", async () => {
    using flag = await newFlag();
    const Fragile = remote({
      numCpus: 0,
      maxRestarts: 1,
      methods: { stream: { maxTaskRetries: 1, backpressure: 1 } },
    }, FragileSource);
    const words = flag.ref as ObjectRef<Int32Array>;

    const stream = Fragile.remote().stream.remote(words, 4);
    assertEquals(await valuesOf(stream), [0, 1, 2, 3]);
  });
});

/** Its first stream kills it. */
class FragileSource {
  *stream(flag: Int32Array, count: number): Generator<number> {
    for (let n = 0; n < count; n++) {
      if (n === 2 && Atomics.exchange(flag, 0, 1) === 0) process.exit(1);
      yield n;
    }
  }
}

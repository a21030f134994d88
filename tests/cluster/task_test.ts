// Tasks on an embedded cluster: calls and what they give, where and when they
// run, what a task knows of itself.

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
  type ActorHandle,
  availableResources,
  CaptureError,
  context,
  get,
  type ObjectRef,
  put,
  remote,
  type RemoteFunction,
  wait,
} from "../../mod.ts";
import {
  blocked,
  blockUntil,
  eventually,
  Gate,
  newFlag,
  useCluster,
} from "../support/cluster.ts";

type Passing = Pick<ActorHandle<InstanceType<typeof Gate.local>>, "pass">;

const OFFSET = 100;

function shifted(x: number): number {
  return x + OFFSET;
}

const square = remote(function square(x: number) {
  return x * x;
});

const add = remote(function add(a: number, b: number) {
  return a + b;
});

const shift = remote(function shift(x: number) {
  return shifted(x);
});

const doubleLater = remote(async function doubleLater(x: number) {
  await Promise.resolve();
  return 2 * x;
});

const greet = remote(function greet(name: string, mark = "!") {
  return `Hello ${name}${mark}`;
});

const count = remote(function count(...all: number[]) {
  return all.length;
});

const nothing = remote(function nothing() {});

const pair = remote({ numReturns: 2 }, function pair() {
  return [1, "one"] as [number, string];
});

const none = remote({ numReturns: 0 }, function none() {
  return "nobody reads this";
});

const threeOf = remote({ numReturns: 3 }, function threeOf(values: unknown) {
  return values as [number, number, number];
});

const who = remote(function who() {
  return pick(context());
});

const fibonacci = remote(async (n: number): Promise<number> => {
  if (n < 2) return n;
  const [a, b] = await get([
    fibonacci.remote(n - 1),
    fibonacci.remote(n - 2),
  ]);
  return a + b;
});

const dive = remote(async (depth: number): Promise<number> => {
  return depth === 0 ? 0 : 1 + await get(dive.remote(depth - 1));
});

const callWith = remote(
  async function callWith(
    fn: RemoteFunction<(x: number) => number>,
    x: number,
  ) {
    return await get(fn.remote(x));
  },
);

const giveSquare = remote(function giveSquare() {
  return { square };
});

const hold = remote(function hold(flag: Int32Array) {
  blockUntil(flag);
  return context().workerId;
});

const pass = remote(async function pass(box: { gate: Passing }) {
  return await get(box.gate.pass.remote());
});

const waitAt = remote(async function waitAt(box: { gate: Passing }) {
  const [ready] = await wait([box.gate.pass.remote()]);
  return ready.length;
});

let running = 0;

/** How many of these ran in this thread when all had begun. */
const mingle = remote({ numCpus: 0.1 }, async function mingle(total: number) {
  running++;
  while (running < total) await new Promise((wake) => setTimeout(wake, 1));
  return [context().workerId, running];
});

const addToAll = remote(async function addToAll(refs: ObjectRef<number>[]) {
  return (await get(refs)).map((x) => x + 1);
});

const kinds = remote(
  function kinds(plain: unknown, box: { ref: ObjectRef<number> }) {
    return [typeof plain, typeof box.ref, typeof box.ref.id];
  },
);

const pickValue = remote(function pickValue(value: unknown, key: string) {
  return (value as Record<string, unknown>)[key];
});

function pick({ jobId, nodeId, workerId, taskId, ...rest }: ReturnType<
  typeof context
>) {
  const { namespace, assignedResources, attempt, wasRestarted, signal } = rest;
  return {
    jobId,
    nodeId,
    workerId,
    taskId,
    actorId: rest.actorId,
    namespace,
    assignedResources,
    attempt,
    wasRestarted,
    aborted: signal.aborted,
  };
}

describe("tasks", () => {
  useCluster();

  it("run and give their results", async () => {
    assertStrictEquals(await get(square.remote(4)), 16);
    assertStrictEquals(await get(doubleLater.remote(4)), 8);
    assertStrictEquals(await get(nothing.remote()), undefined);
    assertStrictEquals(await get(greet.remote("Ray")), "Hello Ray!");
    assertStrictEquals(await get(greet.remote("Ray", "?")), "Hello Ray?");
    assertStrictEquals(await get(count.remote(1, 2, 3)), 3);
  });

  it("bring along what their module has", async () => {
    assertStrictEquals(await get(shift.remote(1)), 101);
  });

  it("run by the thousand, each result with its ref", async () => {
    const refs = Array.from({ length: 3_000 }, (_, x) => square.remote(x));
    const squares = await get(refs);

    assertEquals(squares, refs.map((_, x) => x * x));
  });

  it("take refs for values, and leave refs inside values", async () => {
    const chained = add.remote(add.remote(1, square.remote(2)), 3);
    assertStrictEquals(await get(chained), 8);
    const ref = square.remote(3);

    assertEquals(
      await get(kinds.remote(await put({ a: 1 }), { ref })),
      ["object", "object", "string"],
    );
    assertEquals(await get(addToAll.remote([ref, square.remote(1)])), [10, 2]);
    assertEquals(await get(addToAll.remote([ref, ref])), [10, 10]);
  });

  it("serialise arguments at the call", async () => {
    const small = { x: 1 };
    const large = { numbers: new Float64Array(100_000).fill(1) };
    const first = pickValue.remote(small, "x");
    const second = pickValue.remote(large, "numbers");
    small.x = 2;
    large.numbers.fill(2);

    assertStrictEquals(await get(first), 1);
    assertStrictEquals((await get(second) as Float64Array)[99_999], 1);
  });

  it("give several refs with numReturns", async () => {
    const [number, word] = pair.remote();
    assertStrictEquals(await get(word), "one");
    assertStrictEquals(await get(number), 1);
    assertEquals(await get(pair.remote()), [1, "one"]);
    assertStrictEquals(none.remote(), undefined);
    const one = pair.options({ numReturns: 1 }).remote();
    assertEquals(await get(one) as unknown, [1, "one"]);
  });

  it("fail all refs when numReturns does not match", async () => {
    for (const values of [[1, 2], [1, 2, 3, 4], 5, null]) {
      for (const ref of threeOf.remote(values)) {
        const error = await assertRejects(get(ref), Error, "numReturns");
        assertInstanceOf(error.cause, TypeError);
        assertMatch(error.message, /threeOf/);
      }
    }
    assertEquals(await get(threeOf.remote([1, 2, 3])), [1, 2, 3]);
  });

  it("cannot be called directly, but by .local", () => {
    const loose = square as unknown as (x: number) => number;
    assertThrows(() => loose(3), TypeError, ".remote()");
    assertStrictEquals(square.local(3), 9);
  });

  it("R-31 refuse wrong numbers of arguments at the call", () => {
    type Loose = { remote(...args: unknown[]): unknown };
    assertThrows(() => (square as Loose).remote(), TypeError, "square");
    assertThrows(() => (square as Loose).remote(1, 2), TypeError, "square");
    assertThrows(() => (nothing as Loose).remote(1), TypeError, "nothing");
    assertThrows(() => (greet as Loose).remote(), TypeError, "greet");
    assertThrows(() => (greet as Loose).remote("a", "b", "c"), TypeError);
  });

  it("refuse what is no function or class", () => {
    const loose = remote as unknown as (...args: unknown[]) => unknown;
    for (const target of [undefined, null, 1, "square", {}]) {
      assertThrows(() => loose(target), TypeError);
    }
    assertThrows(() => loose({ numCpus: 1 }), TypeError);
  });

  it("refuse unknown options and values", () => {
    type Loose = { options(options: unknown): unknown };
    const { options } = square as unknown as Loose;
    const given = (key: string, value: unknown) => () =>
      options.call(square, { [key]: value });
    assertThrows(given("numCpu", 1), TypeError, "numCpu");
    assertThrows(given("numCpus", "1"), TypeError, "numCpus");
    assertThrows(given("numCpus", -1), RangeError, "numCpus");
    assertThrows(given("numCpus", 0.00001), RangeError, "numCpus");
    assertThrows(given("maxRetries", -2), RangeError, "maxRetries");
    assertThrows(given("numReturns", 1.5), RangeError, "numReturns");
    assertThrows(given("timeout", 0), RangeError, "timeout");
    assertThrows(given("resources", { CPU: 1 }), RangeError, "CPU");
    assertThrows(given("retryExceptions", "yes"), TypeError);
    assertThrows(given("maxRestarts", 1), TypeError, "maxRestarts");
  });

  it("leave the original as it is when options are changed", async () => {
    const light = square.options({ numCpus: 0.5, name: "light" });
    assertStrictEquals(await get(light.remote(5)), 25);
    assertStrictEquals(await get(square.remote(5)), 25);
    assert(light !== square);
  });

  it("know their context", async () => {
    const here = context();
    assertStrictEquals(here.taskId, undefined);
    const there = await get(who.options({ numCpus: 0.5 }).remote());

    assertStrictEquals(there.jobId, here.jobId);
    assertStrictEquals(there.nodeId, here.nodeId);
    assertStrictEquals(there.namespace, here.namespace);
    assert(there.workerId !== here.workerId);
    assertStrictEquals(typeof there.taskId, "string");
    assertEquals(there.assignedResources, { CPU: 0.5 });
    assertStrictEquals(there.actorId, undefined);
    assertStrictEquals(there.attempt, 0);
    assertStrictEquals(there.wasRestarted, false);
    assertStrictEquals(there.aborted, false);
  });

  it("submit tasks, recursion included", async () => {
    assertStrictEquals(await get(fibonacci.remote(10)), 55);
  });

  it("nest deeper than there are CPUs", async () => {
    assertStrictEquals(await get(dive.remote(20)), 20);
  });

  it("take and give remote functions", async () => {
    assertStrictEquals(await get(callWith.remote(square, 6)), 36);
    const given = await get(giveSquare.remote());
    assertStrictEquals(await get(given.square.remote(7)), 49);
  });

  it("run at the same time as far as CPUs go", async () => {
    using flag = await newFlag();
    const holding = [1, 2, 3].map(() => hold.remote(flag.ref));
    await blocked(flag, 2);
    assertStrictEquals((await availableResources())["CPU"], 0);
    assertStrictEquals(await flag.word(1), 2);
    flag.raise();

    const threads = new Set(await get(holding));
    assert(threads.size === 2, `${threads.size} threads`);
  });

  it("give their CPU back while they wait in get and wait", async () => {
    using gate = Gate.remote();
    const waiting = [pass, waitAt, pass, waitAt].map((task) =>
      task.remote({ gate })
    );
    await get(gate.arrivals.remote(4));
    await eventually(
      async () => (await availableResources())["CPU"] === 2,
      () => "the CPUs to be given back",
    );
    assertStrictEquals(await get(square.remote(2)), 4);
    await get(gate.open.remote());

    assertEquals((await get(waiting)).length, 4);
  });

  it("below 1 CPU share their thread and interleave", async () => {
    const results = await get(
      Array.from({ length: 10 }, () => mingle.remote(10)),
    );
    const threads = new Set(results.map(([thread]) => thread));

    assertStrictEquals(threads.size, 1);
  });

  it("use the threads that there are", async () => {
    const threads = new Set<string>();
    for (let round = 0; round < 20; round++) {
      const told = await get([who.remote(), who.remote()]);
      for (const { workerId } of told) threads.add(workerId);
    }
    assert(threads.size <= 3, `${threads.size} threads were used`);
  });

  it("R-42 refuse what they capture, with its line", () => {
    const factor = Math.random();
    const error = assertThrows(
      () => remote((x: number) => x * factor).remote(2),
      CaptureError,
      '"factor"',
    );
    assertMatch(error.message, /line \d+/);
    assertMatch(error.message, /argument/);
    assertMatch(error.message, /put/);
  });

  it("R-42 refuse a captured ref as any other capture", async () => {
    const ref = await put(1);
    assertThrows(
      () => remote(async () => await get(ref)).remote(),
      CaptureError,
      '"ref"',
    );
  });
});

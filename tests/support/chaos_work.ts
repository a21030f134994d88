// Work for clusters whose nodes die and whose wires are cut: nested tasks with
// large arguments, calls of actors, streams, and refs that are lent on. Every
// result is known before.

import {
  availableResources,
  clusterResources,
  get,
  type ObjectRef,
  remote,
} from "../../mod.ts";
import { eventually } from "./cluster.ts";
import { assertEquals } from "./harness.ts";

const LEAVES = 4;
const BRANCHES = 12;
const FLOATS = 30_000;
const STREAMS = 2;
const BLOCKS = 10;
const BLOCK_FLOATS = 125_000;
const LOANS = 10;

const leaf = remote({ maxRetries: -1 }, function leaf(value: number) {
  return new Float64Array(FLOATS).fill(value);
});

const branch = remote(
  { maxRetries: -1 },
  async function branch(first: number): Promise<Float64Array> {
    const leaves = Array.from(
      { length: LEAVES },
      (_, at) => leaf.remote(first + at),
    );
    const sum = new Float64Array(FLOATS);
    for (const values of await get(leaves)) {
      for (const [at, value] of values.entries()) sum[at]! += value;
    }
    return sum;
  },
);

const tree = remote(
  { maxRetries: -1 },
  function tree(...branches: Float64Array[]): number {
    return branches.reduce((sum, values) => sum + values[FLOATS - 1]!, 0);
  },
);

const Counter = remote(
  { maxRestarts: -1, maxTaskRetries: -1 },
  class Counter {
    echo(value: number): number {
      return value;
    }
  },
);

/** Blocks of a megabyte each, numbered. */
const stream = remote(
  { maxRetries: -1 },
  function* stream(count: number): Generator<Float64Array> {
    for (let at = 0; at < count; at++) {
      yield new Float64Array(BLOCK_FLOATS).fill(at);
    }
  },
);

/** Lends what it was lent to a task of its own. */
const lend = remote(
  { maxRetries: -1 },
  async function lend({ ref }: { ref: ObjectRef<Float64Array> }) {
    return await get(borrow.remote({ ref }));
  },
);

const borrow = remote(
  { maxRetries: -1 },
  async function borrow({ ref }: { ref: ObjectRef<Float64Array> }) {
    return (await get(ref)).reduce((sum, value) => sum + value, 0);
  },
);

/** Works until it is over, one round at least; gives the rounds. */
export async function workUntil(isOver: () => boolean): Promise<number> {
  let round = 0;
  do {
    await Promise.all([
      sumTrees(round),
      callActors(),
      readStreams(),
      borrowAll(),
    ]);
    round++;
  } while (!isOver());
  return round;
}

/** Nested tasks that pass large values on. */
async function sumTrees(round: number): Promise<void> {
  const firsts = Array.from(
    { length: BRANCHES },
    (_, at) => round * 1_000 + at * 10,
  );
  const branches = firsts.map((first) => branch.remote(first));
  const want = firsts.reduce(
    (sum, first) => sum + LEAVES * first + LEAVES * (LEAVES - 1) / 2,
    0,
  );
  assertEquals(await get(tree.remote(...branches)), want);
}

async function callActors(): Promise<void> {
  const counters = Array.from({ length: 3 }, () => Counter.remote());
  const numbers = Array.from({ length: 20 }, (_, at) => at);
  const calls = counters.flatMap((counter) =>
    numbers.map((at) => counter.echo.remote(at))
  );
  assertEquals(await get(calls), counters.flatMap(() => numbers));
}

async function readStreams(): Promise<void> {
  await Promise.all(Array.from({ length: STREAMS }, async () => {
    const firsts: number[] = [];
    for await (const ref of stream.remote(BLOCKS)) {
      firsts.push((await get(ref))[0]!);
    }
    assertEquals(firsts, Array.from({ length: BLOCKS }, (_, at) => at));
  }));
}

async function borrowAll(): Promise<void> {
  const sums = Array.from({ length: LOANS }, (_, at) => {
    const ref = leaf.remote(at);
    return lend.remote({ ref });
  });
  assertEquals(await get(sums), sums.map((_, at) => at * FLOATS));
}

/** Resolves when all that the cluster has is free. */
export async function allFree(): Promise<void> {
  let resources = "";
  await eventually(async () => {
    const total = JSON.stringify(await clusterResources());
    resources = JSON.stringify(await availableResources());
    return resources === total;
  }, () => `all resources to be free: ${resources}`);
}

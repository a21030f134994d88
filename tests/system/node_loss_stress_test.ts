// Much work at once on node processes that are killed in its midst: thousands
// of objects, actors called in turns, placement groups, a shuffle. All results
// are known before, and nothing is left in the end.

import {
  availableResources,
  context,
  get,
  getActor,
  init,
  kill,
  nodes,
  type ObjectRef,
  placementGroup,
  remote,
  shutdown,
  wait,
} from "../../mod.ts";
import { allFree } from "../support/chaos_work.ts";
import { eventually } from "../support/cluster.ts";
import { assert, assertEquals, describe, it } from "../support/harness.ts";
import { CLUSTER_TOKEN, ProcessCluster } from "../support/node_processes.ts";

const BLOCK_BYTES = 200_000;
/** Of a value that stands in messages instead of a store. */
const INLINE_BYTES = 50_000;
const BLOCKS = 1_000;
const KILLS = 3;
const SMALL_STORE = ["--object-store-memory", "64M", "--num-cpus", "1"];

const block = remote({ maxRetries: -1 }, function block(
  fill: number,
  sizeBytes = BLOCK_BYTES,
) {
  return new Uint8Array(sizeBytes).fill(fill % 251);
});

const lastOf = remote({ maxRetries: -1 }, function lastOf(bytes: Uint8Array) {
  return bytes.at(-1);
});

class Counter {
  #count = 0;

  add(): number {
    return ++this.#count;
  }

  where(): string {
    return context().nodeId;
  }
}

const where = remote(function where(): string {
  return context().nodeId;
});

/** The numbers of one part, for each of the others: those of its remainder. */
const split = remote(
  { maxRetries: -1 },
  function split(part: number, parts: number, size: number) {
    const piles = Array.from({ length: parts }, (): number[] => []);
    for (let at = 0; at < size; at++) {
      const number = part * size + at;
      piles[number % parts]!.push(number);
    }
    return piles.map((pile) => Float64Array.from(pile));
  },
);

const merge = remote(
  { maxRetries: -1 },
  function merge(...piles: Float64Array[]): [number, number] {
    let count = 0;
    let sum = 0;
    for (const pile of piles) {
      count += pile.length;
      for (const number of pile) sum += number;
    }
    return [count, sum];
  },
);

const square = remote({ maxRetries: -1 }, function square(value: number) {
  return value * value;
});

const sumOfSquares = remote(
  { maxRetries: -1 },
  async function sumOfSquares(first: number): Promise<number> {
    const squares = [0, 1, 2, 3].map((at) => square.remote(first + at));
    return (await get(squares)).reduce((sum, value) => sum + value, 0);
  },
);

/** Runs with a driver at a head without CPUs. */
async function withWorkers(
  count: number,
  words: readonly string[],
  body: (cluster: ProcessCluster) => Promise<void>,
): Promise<void> {
  await using cluster = await ProcessCluster.start({ head: 0, workers: [] });
  for (let at = 0; at < count; at++) await cluster.addWorker({ words });
  await init({ address: cluster.address, token: CLUSTER_TOKEN });
  try {
    await body(cluster);
  } finally {
    await shutdown();
  }
}

/** Kills the oldest worker and starts another one, so often. */
async function replaceWorkers(
  cluster: ProcessCluster,
  times: number,
  words: readonly string[],
): Promise<void> {
  for (const worker of cluster.workers.slice(0, times)) {
    await worker.kill();
    await cluster.addWorker({ words });
  }
}

/** Bytes that the stores of living nodes hold, in memory or on disk. */
async function heldBytes(): Promise<number> {
  const living = (await nodes()).filter(({ alive }) => alive);
  return living.reduce(
    (sum, { objectStore }) =>
      sum + objectStore.usedBytes + objectStore.spilledBytes,
    0,
  );
}

async function untilHeld(wantedBytes: number): Promise<void> {
  let bytes = 0;
  await eventually(
    async () => (bytes = await heldBytes()) === wantedBytes,
    () => `${wantedBytes} bytes to be held, not ${bytes}`,
  );
}

describe("a thousand objects whose nodes die", () => {
  for (const sizeBytes of [BLOCK_BYTES, INLINE_BYTES]) {
    it(`are all read, ${sizeBytes} bytes each (R-10, R-54)`, async () => {
      await withWorkers(KILLS, SMALL_STORE, async (cluster) => {
        const refs = Array.from(
          { length: BLOCKS },
          (_, at) => block.remote(at, sizeBytes),
        );
        const lasts = refs.map((ref) => lastOf.remote(ref));
        await wait(lasts, { numReturns: BLOCKS / 10 });
        await replaceWorkers(cluster, KILLS, SMALL_STORE);

        const wanted = refs.map((_, at) => at % 251);
        assertEquals(await get(lasts), wanted);
        const bytes = await get(refs);
        assertEquals(bytes.map((each) => each.at(-1)), wanted);
        await allFree();
      });
    });
  }
});

describe("the bytes of what nobody holds", () => {
  it("go, also with actors and nodes (R-50)", async () => {
    await withWorkers(2, ["--num-cpus", "1"], async (cluster) => {
      const [one, other] = cluster.workers;
      const at = (node = one) => (
        { schedulingStrategy: { nodeId: node!.nodeId, soft: false } }
      );
      const refs = [0, 1, 2, 3].map((fill) =>
        block.options({ ...at(fill < 2 ? one : other), maxRetries: 0 })
          .remote(fill)
      );
      await wait(refs, { numReturns: 4, fetchLocal: false });
      let each = 0;
      await eventually(
        async () => (each = await heldBytes() / 4) >= BLOCK_BYTES,
        () => `4 blocks to be held, not ${each * 4} bytes`,
      );

      refs[0]![Symbol.dispose]();
      await untilHeld(3 * each);
      const keeper = remote(
        class Keeper {
          readonly refs: ObjectRef<Uint8Array>[] = [];
          keep({ ref }: { ref: ObjectRef<Uint8Array> }) {
            this.refs.push(ref);
          }
        },
      ).options({ ...at(one), numCpus: 0 }).remote();
      await get(keeper.keep.remote({ ref: refs[2]! }));
      refs[2]![Symbol.dispose]();
      kill(keeper);
      await untilHeld(2 * each);
      await other!.kill();
      await untilHeld(each);
      for (const ref of refs) ref[Symbol.dispose]();
      await untilHeld(0);
    });
  });
});

describe("actors whose nodes die", () => {
  it("are back elsewhere, detached ones too (R-22)", async () => {
    await withWorkers(2, ["--num-cpus", "2"], async (cluster) => {
      const counter = remote(Counter).options({
        ...{ maxRestarts: -1, maxTaskRetries: -1, lifetime: "detached" },
        name: "counter",
      }).remote();
      const first = await get(counter.where.remote());
      const calls = Array.from({ length: 100 }, () => counter.add.remote());
      const half = calls.slice(0, 50);
      await get(half);
      await cluster.workers.find(({ nodeId }) => nodeId === first)!.kill();

      const results = await get(calls);
      const later = await get(counter.add.remote());
      const again = await getActor<Counter>("counter");
      assert(await get(again.where.remote()) !== first);
      assertEquals(
        results.slice(0, 50),
        Array.from({ length: 50 }, (_, at) => at + 1),
      );
      for (const [at, value] of [...results, later].entries()) {
        const before = at > 0 ? results[at - 1]! : 0;
        assert(value === before + 1 || value === 1, `${before}, ${value}`);
      }
      kill(again);
      await allFree();
    });
  });

  it("count on, or from 1 again, node after node (R-26)", async () => {
    const words = ["--num-cpus", "1"];
    await withWorkers(5, words, async (cluster) => {
      const counters = Array.from(
        { length: 12 },
        () =>
          remote(Counter).options({
            ...{ maxRestarts: -1, maxTaskRetries: -1, numCpus: 0.1 },
          }).remote(),
      );
      let before = counters.map(() => 0);
      const doomed = [...cluster.workers];
      for (const worker of doomed) {
        const killing = worker.kill().then(() => cluster.addWorker({ words }));
        const rounds = Array.from(
          { length: 10 },
          () => counters.map((counter) => counter.add.remote()),
        );
        for (const round of rounds) {
          const counts = await get(round);
          for (const [at, count] of counts.entries()) {
            const isRight = count === before[at]! + 1 || count === 1;
            assert(isRight, `counter ${at}: ${before[at]}, ${count}`);
          }
          before = counts;
        }
        await killing;
      }
      for (const counter of counters) kill(counter);
      await allFree();
    });
  });
});

describe("a placement group", () => {
  it("is placed anew when two of its nodes die (R-75)", async () => {
    const words = ["--num-cpus", "1"];
    await withWorkers(3, words, async (cluster) => {
      const group = placementGroup(
        Array.from({ length: 3 }, () => ({ CPU: 1 })),
        { strategy: "strictSpread" },
      );
      await group.ready();
      const placesOf = () =>
        get([0, 1, 2].map((bundleIndex) =>
          where.options({
            schedulingStrategy: { placementGroup: group, bundleIndex },
          }).remote()
        ));
      const living = cluster.workers.map(({ nodeId }) => nodeId);
      assertEquals((await placesOf()).sort(), [...living].sort());

      const [one, other] = cluster.workers;
      await Promise.all([one!.kill(), other!.kill()]);
      const [kept] = cluster.workers.slice(2);
      const added = [
        await cluster.addWorker({ words }),
        await cluster.addWorker({ words }),
      ];
      const wanted = [kept!, ...added].map(({ nodeId }) => nodeId).sort();
      assertEquals((await placesOf()).sort(), wanted);
      await group.remove();
      await eventually(
        async () => (await availableResources())["CPU"] === 3,
        () => "3 CPUs to be free",
      );
    });
  });
});

describe("a placement group on a node that does not answer", () => {
  it("is ready once it answers, and not before (R-77)", async () => {
    await withWorkers(2, ["--num-cpus", "1"], async (cluster) => {
      const [, slow] = cluster.workers;
      slow!.suspend();
      const group = placementGroup([{ CPU: 1 }, { CPU: 1 }], {
        strategy: "strictSpread",
      });
      assertEquals(await group.wait(1_000), false);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      slow!.resume();

      assertEquals(await group.wait(10_000), true);
      await group.remove();
      await eventually(
        async () => (await availableResources())["CPU"] === 2,
        () => "2 CPUs to be free",
      );
    });
  });
});

describe("work on nodes that are killed", () => {
  const words = ["--num-cpus", "1"];

  it("is done: nested tasks and calls (R-76)", async () => {
    await withWorkers(3, words, async (cluster) => {
      const actors = Array.from(
        { length: 16 },
        () =>
          remote(Counter).options({
            ...{ maxRestarts: -1, maxTaskRetries: -1, numCpus: 0 },
          }).remote(),
      );
      const killing = replaceWorkers(cluster, KILLS, words);
      const sums = Array.from(
        { length: 100 },
        (_, at) => sumOfSquares.remote(at),
      );
      const calls = actors.flatMap((actor) =>
        Array.from({ length: 300 }, () => actor.add.remote())
      );

      const wanted = sums.map((_, at) =>
        [0, 1, 2, 3].reduce((sum, more) => sum + (at + more) ** 2, 0)
      );
      assertEquals(await get(sums), wanted);
      const counts = await get(calls);
      assert(counts.every((count) => count >= 1 && count <= 300));
      await killing;
      for (const actor of actors) kill(actor);
      await allFree();
    });
  });

  it("is done: a shuffle of all with all (R-78)", async () => {
    const parts = 40;
    const size = 4_000;
    await withWorkers(3, words, async (cluster) => {
      const killing = replaceWorkers(cluster, KILLS, words);
      const piles = Array.from(
        { length: parts },
        (_, part) =>
          split.options({ numReturns: parts }).remote(part, parts, size),
      );
      const merged = Array.from({ length: parts }, (_, part) =>
        merge.remote(
          ...piles.map((pile) => (pile as ObjectRef<Float64Array>[])[part]!),
        ));

      const total = parts * size;
      const wanted = merged.map((_, part) => [
        size,
        // The numbers part, part + parts, … below the total.
        size * part + parts * (size * (size - 1)) / 2,
      ]);
      assertEquals(total % parts, 0);
      assertEquals(await get(merged), wanted);
      await killing;
      await allFree();
    });
  });
});

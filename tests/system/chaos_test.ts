// Nodes die without a goodbye and others join while a driver works: the result
// is exact, and nothing is left of what the dead had.

import {
  availableResources,
  clusterResources,
  get,
  init,
  nodes,
  remote,
  shutdown,
} from "../../mod.ts";
import { eventually } from "../support/cluster.ts";
import { assert, assertEquals, describe, it } from "../support/harness.ts";
import { CLUSTER_TOKEN, ProcessCluster } from "../support/node_processes.ts";

const KILLS_MIN = 4;
const LEAVES = 4;
const BRANCHES = 12;
const FLOATS = 30_000;

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

/** Kills the oldest worker and adds one, until it is told to stop. */
function beginKilling(cluster: ProcessCluster) {
  const workers = [...cluster.workers];
  let isOver = false;
  const killing = (async () => {
    let kills = 0;
    while (!isOver || kills < KILLS_MIN) {
      await workers.shift()!.kill();
      kills++;
      workers.push(
        await cluster.addWorker({ words: ["--num-cpus", "1"] }),
      );
    }
    return kills;
  })();
  return { killing, stop: () => void (isOver = true) };
}

async function workUntil(isOver: () => boolean): Promise<void> {
  for (let round = 0; round === 0 || !isOver(); round++) {
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
    const counters = Array.from({ length: 3 }, () => Counter.remote());
    const calls = counters.flatMap((counter) =>
      Array.from({ length: 20 }, (_, at) => counter.echo.remote(at))
    );
    assertEquals(
      await get(calls),
      counters.flatMap(() => Array.from({ length: 20 }, (_, at) => at)),
    );
  }
}

describe("a cluster whose nodes die", () => {
  it("gives exact results, and keeps nothing of the dead", async () => {
    await using cluster = await ProcessCluster.start({ workers: [1, 1, 1] });
    await init({ address: cluster.address, token: CLUSTER_TOKEN });
    try {
      const { killing, stop } = beginKilling(cluster);
      let isKilled = false;
      const kills = killing.finally(() => isKilled = true);
      const work = workUntil(() => isKilled);
      stop();
      assert(await kills >= KILLS_MIN);
      await work;
      let resources = "";
      await eventually(async () => {
        const total = JSON.stringify(await clusterResources());
        resources = JSON.stringify(await availableResources());
        return resources === total;
      }, () => `all resources to be free: ${resources}`);
      const states = (await nodes()).map(({ state }) => state);
      assertEquals(states.filter((state) => state === "alive").length, 4);
    } finally {
      await shutdown();
    }
  });
});

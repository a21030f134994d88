// Nodes die without a goodbye and others join while a driver works: the result
// is exact, and nothing is left of what the dead had.

import { init, nodes, shutdown } from "../../mod.ts";
import { allFree, workUntil } from "../support/chaos_work.ts";
import { assert, assertEquals, describe, it } from "../support/harness.ts";
import { CLUSTER_TOKEN, ProcessCluster } from "../support/node_processes.ts";

const KILLS_MIN = 4;
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
      await allFree();
      const states = (await nodes()).map(({ state }) => state);
      assertEquals(states.filter((state) => state === "alive").length, 4);
    } finally {
      await shutdown();
    }
  });
});

// Nodes die without a goodbye and others join while a driver works, or their
// disks are full for a while: the result is exact, and nothing is left.

import { init, nodes, shutdown } from "../../mod.ts";
import { allFree, workUntil } from "../support/chaos_work.ts";
import { eventually } from "../support/cluster.ts";
import { assert, assertEquals, describe, it } from "../support/harness.ts";
import { CLUSTER_TOKEN, ProcessCluster } from "../support/node_processes.ts";
import { SmallDisk } from "../support/small_disk.ts";

const KILLS_MIN = 4;
const FILLS = 4;

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

describe("a cluster whose disks are full now and then", () => {
  it("gives exact results", async () => {
    using disk = SmallDisk.mount(64);
    if (!disk) return;
    await using cluster = await ProcessCluster.start({ head: 0, workers: [] });
    const store = ["--object-store-memory", "12M"];
    const words = [...store, "--spill-directory", disk.path];
    for (let at = 0; at < 3; at++) {
      await cluster.addWorker({ words: ["--num-cpus", "1", ...words] });
    }
    await init({ address: cluster.address, token: CLUSTER_TOKEN });
    try {
      using filling = disk.fillNowAndThen(1_000, 1_400);
      let spilledBytes = 0;
      const isOver = () => spilledBytes > 0 && filling.count() >= FILLS;
      const work = workUntil(isOver);
      await Promise.race([
        work,
        eventually(async () => {
          for (const { objectStore } of await nodes()) {
            spilledBytes += objectStore.spilledBytes;
          }
          return isOver();
        }, () => "objects to be spilled, and the disk to be full"),
      ]);
      await work;
      await allFree();
      const states = (await nodes()).map(({ state }) => state);
      assertEquals(states.filter((state) => state === "alive").length, 4);
    } finally {
      await shutdown();
    }
  });
});

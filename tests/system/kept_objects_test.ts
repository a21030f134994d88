// Who keeps objects in a cluster of several node processes: what a node has
// pulled from another goes when memory is short, and what a node has made goes
// to others before it leaves.

import {
  get,
  init,
  nodes,
  ObjectLostError,
  put,
  remote,
  shutdown,
  wait,
} from "../../mod.ts";
import { eventually } from "../support/cluster.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  describe,
  it,
} from "../support/harness.ts";
import { CLUSTER_TOKEN, ProcessCluster } from "../support/node_processes.ts";

const MB = 1_000_000;

const sumOfFirst = remote(
  function sumOfFirst(one: Uint8Array, other: Uint8Array): number {
    return one[0]! + other[0]!;
  },
);

const makeLarge = remote(function makeLarge(fill: number): Uint8Array {
  return new Uint8Array(4_000_000).fill(fill);
});

/** Runs with a driver at the head of a cluster. */
async function withCluster(
  worker: readonly string[],
  body: (cluster: ProcessCluster) => Promise<void>,
): Promise<void> {
  await using cluster = await ProcessCluster.start({ workers: [] });
  await cluster.addWorker({ words: ["--num-cpus", "2", ...worker] });
  await init({ address: cluster.address, token: CLUSTER_TOKEN });
  try {
    await eventually(
      async () => (await nodes()).length === 2,
      () => "two nodes",
    );
    await body(cluster);
  } finally {
    await shutdown();
  }
}

describe("a node with little memory", () => {
  it("drops what others keep, and writes none of it to disk", async () => {
    const small = ["--object-store-memory", "64M"];
    await withCluster(small, async ({ workers: [worker] }) => {
      const { nodeId } = worker!;
      const there = { schedulingStrategy: { nodeId, soft: false } };
      const values = await Promise.all(
        Array.from(
          { length: 12 },
          (_, n) => put(new Uint8Array(10 * MB).fill(n)),
        ),
      );
      const sums = values.map((value, n) =>
        sumOfFirst.options({ ...there, maxRetries: 0 })
          .remote(value, values[(n + 1) % 12]!)
      );

      assertEquals(
        await get(sums),
        values.map((_, n) => n + (n + 1) % 12),
      );
      const node = (await nodes()).find((each) => each.nodeId === nodeId);
      assertEquals(node?.objectStore.spilledBytes, 0);
      for (const value of values) value[Symbol.dispose]();
    });
  });
});

describe("a node that leaves", () => {
  it("takes along nothing that it has made for others", async () => {
    await withCluster([], async ({ workers: [worker] }) => {
      const { nodeId } = worker!;
      const there = { schedulingStrategy: { nodeId, soft: false } };
      const made = Array.from(
        { length: 5 },
        (_, n) => makeLarge.options({ ...there, maxRetries: 0 }).remote(n),
      );
      await wait(made, { numReturns: made.length, fetchLocal: false });

      worker!.stop();

      assertEquals(await worker!.ended, 0);
      const values = await get(made);
      assertEquals(values.map((value) => value.at(-1)), [0, 1, 2, 3, 4]);
    });
  });

  it("that is killed takes them along", async () => {
    await withCluster([], async ({ workers: [worker] }) => {
      const { nodeId } = worker!;
      const there = { schedulingStrategy: { nodeId, soft: false } };
      using made = makeLarge.options({ ...there, maxRetries: 0 }).remote(1);
      await wait([made], { fetchLocal: false });
      await worker!.kill();
      const error = await assertRejects(() => get(made));
      assert(error instanceof ObjectLostError, String(error));
    });
  });
});

// A driver on a cluster of several node processes: its tasks and actors run on
// all of them, values go from any to any, and the death of one is told.

import { mkdtempSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  ActorDiedError,
  availableResources,
  cancel,
  clusterResources,
  context,
  get,
  init,
  NodeDiedError,
  nodes,
  put,
  remote,
  shutdown,
  TaskCancelledError,
  WorkerDiedError,
} from "../../mod.ts";
import { observeNode } from "../../runtime/observe_node.ts";
import { eventually, Gate } from "../support/cluster.ts";
import {
  afterAll,
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  beforeAll,
  describe,
  it,
} from "../support/harness.ts";
import { CLUSTER_TOKEN, ProcessCluster } from "../support/node_processes.ts";

const LARGE_BYTES = 8 * 1024 * 1024;

const whereAfter = remote(
  async function whereAfter(gate: ReturnType<typeof Gate.remote>) {
    await get(gate.pass.remote());
    return context().nodeId;
  },
);

/** Ends once so many run at the same time; keeps its CPU until then. */
const meet = remote(
  async function meet(folder: string, count: number): Promise<string> {
    writeFileSync(join(folder, crypto.randomUUID()), "");
    const untilMs = performance.now() + 20_000;
    while (readdirSync(folder).length < count) {
      if (performance.now() > untilMs) throw new Error("Nobody else came");
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return context().nodeId;
  },
);

const where = remote(function where(): string {
  return context().nodeId;
});

const makeLarge = remote(function makeLarge(fill: number) {
  return {
    bytes: new Uint8Array(LARGE_BYTES).fill(fill),
    at: context().nodeId,
  };
});

const sumOf = remote(function sumOf(bytes: Uint8Array): [string, number] {
  let sum = 0;
  for (const byte of bytes) sum += byte;
  return [context().nodeId, sum];
});

const Counter = remote(
  class Counter {
    #count = 0;

    add(): number {
      return ++this.#count;
    }

    where(): string {
      return context().nodeId;
    }
  },
);

const forever = remote(
  { maxRetries: 0 },
  async function forever(gate: ReturnType<typeof Gate.remote>): Promise<void> {
    await get(gate.pass.remote());
    await new Promise(() => {});
  },
);

/** A gate that outlives the workers. */
function gateAt({ head }: ProcessCluster) {
  const schedulingStrategy = { nodeId: head.nodeId, soft: false };
  return Gate.options({ schedulingStrategy }).remote();
}

function connect(cluster: ProcessCluster) {
  return init({ address: cluster.address, token: CLUSTER_TOKEN });
}

/** Resolves once the head tells of so many nodes. */
async function listed(count: number): Promise<void> {
  await eventually(
    async () => (await nodes()).length === count,
    () => `${count} nodes`,
  );
}

describe("a cluster of three nodes", () => {
  let cluster: ProcessCluster;
  let ids: string[];
  beforeAll(async () => {
    cluster = await ProcessCluster.start({ head: 1, workers: [2, 3] });
    ids = [cluster.head, ...cluster.workers].map(({ nodeId }) => nodeId);
    await connect(cluster);
    await listed(3);
  });
  afterAll(async () => {
    await shutdown();
    await cluster[Symbol.asyncDispose]();
  });

  it("is listed with all that it has", async () => {
    const known = await nodes();
    // Workers that start at the same time join in any order.
    const all = ids.map((id) => known.find(({ nodeId }) => nodeId === id)!);
    assertEquals(known.length, 3);
    assertEquals(all.map(({ isHead }) => isHead), [true, false, false]);
    assertEquals(all.map(({ resources }) => resources["CPU"]), [1, 2, 3]);
    assertEquals((await clusterResources())["CPU"], 6);
  });

  it("runs as many tasks at a time as it has CPUs", async () => {
    const folder = mkdtempSync(join(cluster.folder, "meeting-"));
    const refs = Array.from({ length: 6 }, () => meet.remote(folder, 6));
    const counts = new Map<string, number>();
    for (const nodeId of await get(refs)) {
      counts.set(nodeId, (counts.get(nodeId) ?? 0) + 1);
    }
    assertEquals(ids.map((id) => counts.get(id)), [1, 2, 3]);
  });

  it("runs a task on the node that it must be on", async () => {
    for (const nodeId of ids) {
      const schedulingStrategy = { nodeId, soft: false };
      const ref = where.options({ schedulingStrategy }).remote();
      assertEquals(await get(ref), nodeId);
    }
  });

  it("has actors on all nodes, called in order", async () => {
    for (const nodeId of ids) {
      const schedulingStrategy = { nodeId, soft: false };
      using counter = Counter.options({ schedulingStrategy }).remote();
      assertEquals(await get(counter.where.remote()), nodeId);
      const counts = Array.from({ length: 50 }, () => counter.add.remote());
      assertEquals(await get(counts), Array.from(counts, (_, n) => n + 1));
    }
  });

  it("brings large values from any node to any", async () => {
    for (const [fill, from] of ids.entries()) {
      const schedulingStrategy = { nodeId: from, soft: false };
      const { bytes, at } = await get(
        makeLarge.options({ schedulingStrategy }).remote(fill),
      );
      assertEquals([at, bytes.length, bytes.at(-1)], [from, LARGE_BYTES, fill]);
    }
    using ref = await put(new Uint8Array(LARGE_BYTES).fill(1));
    for (const nodeId of ids) {
      const schedulingStrategy = { nodeId, soft: false };
      const sum = sumOf.options({ schedulingStrategy }).remote(ref);
      assertEquals(await get(sum), [nodeId, LARGE_BYTES]);
    }
  });

  it("tells what waits, and that no node has what it needs", async () => {
    const { address } = cluster;
    const head = observeNode({ address, token: CLUSTER_TOKEN });
    try {
      using ref = where.options({ resources: { gold: 1 } }).remote();
      let waiting = "";
      const wanted = JSON.stringify([{
        kind: "task",
        resources: { CPU: 1, gold: 1 },
        count: 1,
        why: "resources",
      }]);
      await eventually(
        async () => {
          waiting = JSON.stringify(await head.calls.pending());
          return waiting === wanted;
        },
        () => `${waiting} to become ${wanted}`,
      );
      await cancel(ref);
      await assertRejects(() => get(ref), TaskCancelledError);
    } finally {
      await head.close();
    }
  });

  it("is empty again", async () => {
    const total = JSON.stringify(await clusterResources());
    let available = "";
    await eventually(
      async () => {
        available = JSON.stringify(await availableResources());
        return available === total;
      },
      () => `${available} to become ${total}`,
    );
  });
});

describe("nodes that work waits for", () => {
  it("are let in, whatever is said to them at once", async () => {
    await using cluster = await ProcessCluster.start({ workers: [] });
    await connect(cluster);
    try {
      const places = [...Array(8).keys()];
      const refs = places.map((at) =>
        where.options({ resources: { [`place${at}`]: 1 } }).remote()
      );
      for (const at of places) {
        await cluster.addWorker({
          words: ["--num-cpus", "1", "--resources", `{"place${at}":1}`],
        });
      }
      const ids = cluster.workers.map(({ nodeId }) => nodeId);
      assertEquals(await get(refs), ids);
    } finally {
      await shutdown();
    }
  });
});

describe("the death of a node", () => {
  it("is told to who waits for its tasks and actors", async () => {
    await using cluster = await ProcessCluster.start({ workers: [1] });
    const [worker] = cluster.workers;
    await connect(cluster);
    try {
      const schedulingStrategy = { nodeId: worker!.nodeId, soft: false };
      const there = { schedulingStrategy };
      using gate = gateAt(cluster);
      using counter = Counter.options({ ...there, numCpus: 0 }).remote();
      assertEquals(await get(counter.add.remote()), 1);
      const running = forever.options(there).remote(gate);
      await get(gate.arrivals.remote(1));
      await get(gate.open.remote());
      const beganMs = performance.now();

      await worker!.kill();

      const [task, call] = await Promise.allSettled([
        get(running),
        get(counter.add.remote()),
      ]);
      assert(performance.now() - beganMs < 6_000);
      assertEquals([task.status, call.status], ["rejected", "rejected"]);
      const { reason: taskError } = task as PromiseRejectedResult;
      const { reason: callError } = call as PromiseRejectedResult;
      assert(
        taskError instanceof NodeDiedError ||
          taskError instanceof WorkerDiedError,
        String(taskError),
      );
      assertInstanceOf(callError, ActorDiedError);
      const [, dead] = await nodes();
      assertEquals([dead?.alive, dead?.state], [false, "dead"]);
    } finally {
      await shutdown();
    }
  });

  it("costs no result of tasks that may be tried again", async () => {
    await using cluster = await ProcessCluster.start({ workers: [2] });
    await connect(cluster);
    try {
      using gate = gateAt(cluster);
      const refs = Array.from({ length: 8 }, () => whereAfter.remote(gate));
      await get(gate.arrivals.remote(3));
      await cluster.workers[0]!.kill();
      await get(gate.open.remote());
      const places = await get(refs);
      assertEquals(new Set(places), new Set([cluster.head.nodeId]));
    } finally {
      await shutdown();
    }
  });
});

describe("a node that leaves", () => {
  it("ends its tasks first, and gets no new ones", async () => {
    await using cluster = await ProcessCluster.start({ workers: [2] });
    const [worker] = cluster.workers;
    const { nodeId } = worker!;
    await connect(cluster);
    try {
      using gate = gateAt(cluster);
      const schedulingStrategy = { nodeId, soft: false };
      const running = whereAfter.options({ schedulingStrategy }).remote(gate);
      await get(gate.arrivals.remote(1));

      worker!.stop();
      let state: string | undefined;
      await eventually(
        async () => {
          state = (await nodes()).find((it) => it.nodeId === nodeId)?.state;
          return state === "draining";
        },
        () => `${nodeId} to drain; it is ${state}`,
      );
      const later = await get([1, 2, 3].map(() => where.remote()));
      await get(gate.open.remote());

      assertEquals(await get(running), nodeId);
      assertEquals(new Set(later), new Set([cluster.head.nodeId]));
      assertEquals(await worker!.ended, 0);
    } finally {
      await shutdown();
    }
  });
});

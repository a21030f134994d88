// `manta/state` on a cluster of two node processes: what runs on any of them is
// listed wherever one asks, and a node that does not answer is named.

import { cancel, get, init, remote, shutdown, timeline } from "../../mod.ts";
import {
  listNodes,
  listObjects,
  listTasks,
  listWorkers,
  type StateOptions,
} from "../../lib/state/mod.ts";
import { observeNode } from "../../runtime/observe_node.ts";
import {
  afterAll,
  afterEach,
  assert,
  assertEquals,
  assertStringIncludes,
  beforeAll,
  describe,
  it,
} from "../support/harness.ts";
import { eventually } from "../support/cluster.ts";
import { CLUSTER_TOKEN, ProcessCluster } from "../support/node_processes.ts";

const here = remote(function here() {
  return new Uint8Array(200_000);
});

const never = remote({ numCpus: 64 }, function never() {});

describe("manta/state on two nodes", () => {
  let cluster: ProcessCluster;
  beforeAll(async () => {
    cluster = await ProcessCluster.start({ head: 1, workers: [1] });
  });
  afterEach(() => shutdown());
  afterAll(() => cluster[Symbol.asyncDispose]());

  /** Runs a task on each node; gives the ids of the nodes, sorted. */
  async function runOnBoth(): Promise<{ ids: string[]; refs: unknown[] }> {
    const ids = [cluster.head, ...cluster.workers].map(({ nodeId }) => nodeId);
    const refs = ids.map((nodeId) =>
      here.options({ schedulingStrategy: { nodeId, soft: false } }).remote()
    );
    await get(refs);
    return { ids: ids.sort(), refs };
  }

  for (const at of ["head", "worker"] as const) {
    it(`lists the tasks of both from the ${at}`, async () => {
      const { address } = at === "head" ? cluster.head : cluster.workers[0]!;
      await init({ address, token: CLUSTER_TOKEN });
      const { ids, refs } = await runOnBoth();
      const options: StateOptions = { filters: [["name", "=", "here"]] };

      const tasks = await listTasks(options);
      const nodes = await listNodes();
      const workers = await listWorkers({ limit: 1_000 });
      const objects = await listObjects();
      const events = await timeline() as { name: string; pid: string }[];

      const nodesOf = (items: readonly { nodeId?: string }[]) =>
        [...new Set(items.map(({ nodeId }) => nodeId))].sort();
      assertEquals(nodesOf(tasks.items), ids);
      assertEquals(tasks.items.map(({ state }) => state), [
        "FINISHED",
        "FINISHED",
      ]);
      assertEquals(tasks.warnings, []);
      assertEquals(nodes.items.map(({ id }) => id).sort(), ids);
      assertEquals(nodesOf(workers.items), ids);
      assertEquals(nodesOf(objects.items), ids);
      assertEquals(refs.length, 2);
      const seen = events.filter(({ name }) => name === "here");
      assertEquals(seen.map(({ pid }) => pid).sort(), ids);
    });
  }

  it("tells the head of what waits at the node of a driver", async () => {
    const { address } = cluster.workers[0]!;
    await init({ address, token: CLUSTER_TOKEN });
    const refs = [1, 2, 3].map(() => never.remote());
    const head = observeNode({
      address: cluster.address,
      token: CLUSTER_TOKEN,
    });

    await eventually(
      async () =>
        (await head.calls.pending()).some(({ count, resources, why }) =>
          count === 3 && resources["CPU"] === 64 && why === "resources"
        ),
      () => "the head to hear of what waits",
    );
    for (const ref of refs) cancel(ref);
    await eventually(
      async () => (await head.calls.pending()).length === 0,
      () => "nothing to wait any more",
    );
    await head.close();
  });

  it("names a node that does not answer", async () => {
    await init({ address: cluster.address, token: CLUSTER_TOKEN });
    await runOnBoth();
    const [worker] = cluster.workers;
    worker!.suspend();
    try {
      const options: StateOptions = { filters: [["name", "=", "here"]] };
      const { items, warnings } = await listTasks(options);

      assert(items.every(({ nodeId }) => nodeId === cluster.head.nodeId));
      assert(items.length > 0);
      assertStringIncludes(warnings.join(), worker!.nodeId);
      assertStringIncludes(warnings.join(), "did not answer");
    } finally {
      worker!.resume();
    }
    // So that nothing of it is late for the next who asks.
    await eventually(
      async () => (await listTasks()).warnings.length === 0,
      () => "the node to answer again",
    );
  });
});

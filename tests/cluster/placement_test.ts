// Where tasks and actors run on an embedded cluster of one node: strategies,
// labels, resources, and what waits because nothing could hold it.

import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
  describe,
  it,
} from "../support/harness.ts";
import {
  type ActorHandle,
  availableResources,
  cancel,
  context,
  get,
  kill,
  nodes,
  remote,
  TaskCancelledError,
  TaskUnschedulableError,
  wait,
} from "../../mod.ts";
import { eventually, Gate, useCluster } from "../support/cluster.ts";

type GateHandle = ActorHandle<InstanceType<typeof Gate.local>>;

const nodeOf = remote(function nodeOf() {
  return context().nodeId;
});

const held = remote(function held() {
  return context().assignedResources;
});

const pass = remote(async function pass({ gate }: { gate: GateHandle }) {
  await get(gate.pass.remote());
  return context().assignedResources;
});

class Place {
  resources(): Record<string, number> {
    return context().assignedResources;
  }

  node(): string {
    return context().nodeId;
  }
}

const RemotePlace = remote(Place);

describe("schedulingStrategy on one node", () => {
  useCluster();

  it("default and spread run where there is room", async () => {
    const { nodeId } = context();
    for (const schedulingStrategy of ["default", "spread"] as const) {
      const ref = nodeOf.options({ schedulingStrategy }).remote();
      assertEquals(await get(ref), nodeId);
    }
  });

  it("nodeId runs on that node", async () => {
    const [node] = await nodes();
    const { nodeId } = node!;
    const hard = { schedulingStrategy: { nodeId } };

    assertEquals(await get(nodeOf.options(hard).remote()), nodeId);
    const place = RemotePlace.options(hard).remote();
    assertEquals(await get(place.node.remote()), nodeId);
  });

  it("nodeId of no node fails, unless it is soft", async () => {
    const nodeId = "n-nowhere";
    const hard = { schedulingStrategy: { nodeId } };
    const soft = { schedulingStrategy: { nodeId, soft: true } };

    await assertRejects(
      get(nodeOf.options(hard).remote()),
      TaskUnschedulableError,
      "not in the cluster",
    );
    await assertRejects(
      get(RemotePlace.options(hard).remote().node.remote()),
      TaskUnschedulableError,
    );
    assertEquals(
      await get(nodeOf.options(soft).remote()),
      context().nodeId,
    );
  });

  it("nodeId fails if the node could never hold it", async () => {
    const schedulingStrategy = { nodeId: context().nodeId };

    await assertRejects(
      get(nodeOf.options({ numCpus: 64, schedulingStrategy }).remote()),
      TaskUnschedulableError,
      "resources",
    );
  });

  it("of another shape is refused", () => {
    const loose = nodeOf as unknown as { options(options: unknown): unknown };

    assertThrows(
      () => loose.options({ schedulingStrategy: "random" }),
      RangeError,
      "schedulingStrategy",
    );
    assertThrows(
      () => loose.options({ schedulingStrategy: { node: "n" } }),
      TypeError,
    );
  });
});

describe("labelSelector on one node", () => {
  useCluster({ labels: { zone: "north", disk: "ssd" } });

  it("runs what the node's labels meet", async () => {
    for (
      const labelSelector of [
        { zone: "north" },
        { zone: "north", disk: "ssd" },
      ]
    ) {
      const ref = nodeOf.options({ labelSelector }).remote();
      assertEquals(await get(ref), context().nodeId);
    }
    const [node] = await nodes();
    assertEquals(node!.labels["zone"], "north");
  });

  it("lets what no node's labels meet wait", async () => {
    const south = nodeOf.options({ labelSelector: { zone: "south" } })
      .remote();
    const north = nodeOf.remote();

    await get(north);
    assertEquals((await wait([south], { timeout: 0 }))[0], []);
    cancel(south);
    await assertRejects(get(south), TaskCancelledError);
  });

  it("fails with a hard affinity to a node with other labels", async () => {
    const options = {
      labelSelector: { zone: "south" },
      schedulingStrategy: { nodeId: context().nodeId },
    };

    await assertRejects(
      get(nodeOf.options(options).remote()),
      TaskUnschedulableError,
      "labels",
    );
  });
});

describe("resources on one node", () => {
  useCluster({ numCpus: 2, resources: { tape: 1 } });

  it("are held while a task runs, and returned", async () => {
    using gate = Gate.remote();
    const needs = { numCpus: 0.5, resources: { tape: 0.25 } };
    const ref = pass.options(needs).remote({ gate });
    await get(gate.arrivals.remote(1));
    assertEquals((await availableResources())["tape"], 0.75);

    gate.open.remote();

    assertEquals(await get(ref), { CPU: 0.5, tape: 0.25 });
    await eventually(
      async () => (await availableResources())["tape"] === 1,
      () => "the tape to be free",
    );
  });

  it("bound how many tasks run", async () => {
    using gate = Gate.remote();
    const needs = pass.options({ numCpus: 0, resources: { tape: 0.5 } });
    const refs = [1, 2, 3].map(() => needs.remote({ gate }));
    await get(gate.arrivals.remote(2));
    assertEquals((await availableResources())["tape"], 0);
    assertEquals(await get(gate.count.remote()), 2);

    gate.open.remote();

    await get(refs);
  });

  it("are held by an actor as long as it lives", async () => {
    const place = RemotePlace.options({ numCpus: 1, resources: { tape: 1 } })
      .remote();
    assertEquals(await get(place.resources.remote()), { CPU: 1, tape: 1 });
    assertEquals((await availableResources())["tape"], 0);

    kill(place);

    await eventually(
      async () => (await availableResources())["tape"] === 1,
      () => "the tape to be free",
    );
  });

  it("of an actor by default are 1 CPU to be placed and 0 held", async () => {
    const places = [1, 2, 3, 4].map(() => RemotePlace.remote());

    const resources = await get(places.map((p) => p.resources.remote()));
    assertEquals(resources, [{}, {}, {}, {}]);
    assertEquals((await availableResources())["CPU"], 2);
  });

  it("that no node has let a task wait; others go on", async () => {
    const never = held.options({ resources: { tape: 2 } }).remote();
    const nor = held.options({ resources: { disk: 1 } }).remote();

    assertEquals(await get(held.remote()), { CPU: 1 });
    assertEquals((await wait([never, nor], { timeout: 0 }))[0], []);
    cancel(never);
    cancel(nor);
    await assertRejects(get(never), TaskCancelledError);
    await assertRejects(get(nor), TaskCancelledError);
  });

  it("that no node has let an actor wait, which can be killed", async () => {
    const place = RemotePlace.options({ resources: { disk: 1 } }).remote();
    const call = place.node.remote();
    assertEquals(await get(held.remote()), { CPU: 1 });
    assertEquals((await wait([call], { timeout: 0 }))[0], []);

    kill(place);

    await assertRejects(get(call));
  });

  it("are precise to 0.0001", async () => {
    const tiny = held.options({ numCpus: 0.0001 });
    assertEquals(await get(tiny.remote()), { CPU: 0.0001 });
    assertThrows(() => held.options({ numCpus: 0.00001 }), RangeError);
    assertThrows(() => held.options({ resources: { CPU: 1 } }), RangeError);
    assert((await availableResources())["CPU"]! <= 2);
  });
});

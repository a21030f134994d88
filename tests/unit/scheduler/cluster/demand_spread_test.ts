// Demand over several nodes: which node is asked for how much, and what is
// asked for again when nodes, leases and wishes change.

import { assertEquals, describe, it } from "../../../support/harness.ts";
import { DrivenScheduler } from "../scheduler_fixture.ts";
import { DrivenSpread, OWN, setsIn } from "./spread_fixture.ts";

describe("DemandSpread with one node", () => {
  it("asks the own scheduler for all, whatever it is", () => {
    const node = new DrivenSpread({ CPU: 2 });

    assertEquals(setsIn(node.want(9)), [["n-a", 9]]);
    const needs = { CPU: 64, odd: 1 };
    assertEquals(setsIn(node.want(3, { needs })), [["n-a", 3]]);
    assertEquals(setsIn(node.want(3, { needs })), []);
    assertEquals(setsIn(node.want(0, { needs })), [["n-a", 0]]);
  });

  it("spreads what waits as soon as another node joins", () => {
    const node = new DrivenSpread({ CPU: 2 });
    node.want(9);
    node.grant("n-a", 2);
    node.ownFree = {};
    node.tick(0);
    node.view("n-a", { free: {} });

    node.view("n-b");
    assertEquals(node.told.get("n-b"), undefined);
    node.tick(50);
    node.tick(400);
    assertEquals([...node.told], [["n-a", 5], ["n-b", 4]]);
  });

  it("takes over what the own scheduler was told without it", () => {
    const node = new DrivenSpread({ CPU: 2 });
    const own = new DrivenScheduler({ CPU: 2 }, {}, OWN);
    const leases = own.grant("w-1", { count: 5 }).map(({ leaseId }) => leaseId);
    node.ownFree = {};

    node.view("n-b");
    for (const demand of own.scheduler.demands()) {
      assertEquals(node.send({ type: "demand_adopted", ...demand }), []);
    }

    node.tick(1_000);
    node.tick(1_400);
    assertEquals([...node.told], [["n-a", 2], ["n-b", 3]]);
    assertEquals(node.returning(leases[0]!), []);
    assertEquals(setsIn(node.want(4)), [["n-b", 2]]);
  });
});

describe("DemandSpread over nodes", () => {
  it("packs the own node up to half, then fills all evenly", () => {
    for (
      const [count, own, other] of [
        [1, 1, 0],
        [2, 2, 0],
        [3, 2, 1],
        [4, 2, 2],
        [5, 3, 2],
        [8, 4, 4],
        [11, 7, 4],
      ] as const
    ) {
      const node = twoNodes();
      node.want(count);
      assertEquals(node.told.get("n-a"), own);
      assertEquals(node.told.get("n-b") ?? 0, other);
    }
  });

  it("does the same when the tasks come one by one", () => {
    const node = twoNodes();
    const asked: number[] = [];
    for (let count = 1; count <= 8; count++) {
      node.want(count);
      node.ownFree = { CPU: 4 - (node.told.get("n-a") ?? 0) };
      asked.push(node.told.get("n-b") ?? 0);
    }
    assertEquals(asked, [0, 0, 1, 2, 2, 3, 3, 4]);
  });

  it("counts what was sent as used until the node has reported it", () => {
    const node = new DrivenSpread({ CPU: 0 });
    node.view("n-b", { total: { CPU: 2 } });
    node.view("n-c", { total: { CPU: 2 } });

    for (let owner = 1; owner <= 4; owner++) {
      node.want(1, { owner: `w-${owner}` });
    }
    const sums = sumsOf(node);
    assertEquals(sums, { "n-b": 2, "n-c": 2 });
    // Reported before they arrived: what is not granted still counts.
    node.view("n-b", { free: { CPU: 2 } });
    node.want(1, { owner: "w-9", needs: { CPU: 2 } });
    assertEquals(sumsOf(node), { "n-b": 3, "n-c": 2 });
  });

  it("spreads round the nodes by turns when it is told to", () => {
    const node = twoNodes();
    node.view("n-c");
    node.want(4, { strategy: "spread" });
    assertEquals(sumsOf(node), { "n-a": 2, "n-b": 1, "n-c": 1 });
    node.want(1, { owner: "w-2", strategy: "spread" });
    assertEquals(sumsOf(node), { "n-a": 2, "n-b": 2, "n-c": 1 });
  });

  it("goes to nodes that are near its arguments first", () => {
    const node = twoNodes();
    node.view("n-c");
    node.want(3, { near: ["n-c", "n-zzz"] });
    assertEquals(sumsOf(node), { "n-a": 1, "n-c": 2 });
  });

  it("goes where labels, custom resources and parts of GPUs are", () => {
    const node = twoNodes();
    node.view("n-c", {
      total: { CPU: 4, GPU: 2, odd: 1 },
      labels: { zone: "x" },
    });
    node.want(1, { labelSelector: { zone: "x" } });
    node.want(2, { needs: { odd: 0.5 } });
    node.want(3, { needs: { GPU: 0.6 } });
    assertEquals(sumsOf(node), { "n-c": 6 });
  });

  it("lets wait at its own node what finds no room", () => {
    const node = twoNodes({ CPU: 0 });
    node.view("n-b", { free: {} });
    node.want(3);
    assertEquals(sumsOf(node), { "n-a": 3 });
  });

  it("lets wait at the largest node what its own could never hold", () => {
    const node = twoNodes();
    node.view("n-b", { total: { CPU: 8 }, free: {} });
    node.view("n-c", { total: { CPU: 16 }, free: {} });
    node.want(3, { needs: { CPU: 6 } });
    assertEquals(sumsOf(node), { "n-c": 3 });
  });

  it("costs nothing where nothing is needed", () => {
    const node = twoNodes();
    node.want(500, { needs: {} });
    assertEquals(sumsOf(node), { "n-a": 500 });
  });
});

describe("DemandSpread affinity", () => {
  const strategy = { nodeId: "n-b" as never, soft: false };
  const soft = { nodeId: "n-b" as never, soft: true };

  it("sends all to the node that is named", () => {
    const node = twoNodes();
    node.want(9, { strategy });
    node.want(2, { owner: "w-2", strategy: soft });
    assertEquals(sumsOf(node), { "n-b": 11 });
  });

  it("fails what is for a dead node, or moves it when it may", () => {
    const node = twoNodes();
    node.view("n-c");
    node.want(3, { strategy });
    node.want(2, { owner: "w-2", strategy: soft });
    const actions = node.gone("n-b");
    assertEquals(
      actions.filter(({ type }) => type === "fail_demand").length,
      1,
    );
    assertEquals(sumsOf(node), { "n-a": 2 });
    const [failed] = node.want(1, { strategy });
    assertEquals(
      failed?.type === "fail_demand" && failed.reason,
      "node_unknown",
    );
  });

  it("waits a moment for a node that is not known yet", () => {
    const node = twoNodes();
    const strange = { nodeId: "n-x" as never, soft: false };
    assertEquals(node.want(2, { strategy: strange }), []);
    node.tick(10);
    node.view("n-x");
    assertEquals(sumsOf(node), { "n-x": 2 });

    node.want(1, { strategy: { ...strange, nodeId: "n-y" as never } });
    node.tick(1_000);
    const [failed] = node.tick(2_100);
    assertEquals(
      failed?.type === "fail_demand" && failed.reason,
      "node_unknown",
    );
    assertEquals(node.spread.unplaced(), []);
  });

  it("fails what the node that is named could never hold", () => {
    const node = twoNodes();
    const reasons = [
      node.want(1, { strategy, needs: { CPU: 99 } }),
      node.want(1, { strategy, labelSelector: { zone: "x" } }),
    ].map(([action]) => action?.type === "fail_demand" && action.reason);
    assertEquals(reasons, ["node_too_small", "node_labels_differ"]);
  });
});

describe("DemandSpread as leases come and go", () => {
  it("lowers what waits first, then what a lease covered at its return", () => {
    const node = twoNodes();
    node.want(11);
    const [lease] = node.grant("n-b", 4);
    node.grant("n-a", 4);
    assertEquals(setsIn(node.want(8)), [["n-a", 4]]);
    assertEquals(setsIn(node.want(7)), []);
    assertEquals(setsIn(node.returning(lease!)), [["n-b", 3]]);
    assertEquals(node.returning(lease!), []);
  });

  it("asks again for a lease that was given back while it is wanted", () => {
    const node = twoNodes();
    node.want(8);
    const [lease] = node.grant("n-b", 4);
    assertEquals(node.returning(lease!), []);
    assertEquals(node.told.get("n-b"), 4);
  });

  it("covers a lease that came after less was asked for", () => {
    const node = twoNodes();
    node.want(8);
    node.want(2);
    node.grant("n-a", 2);
    const [late] = node.grant("n-b", 1);
    assertEquals(node.told.get("n-b"), 1);
    assertEquals(setsIn(node.returning(late!)), [["n-b", 0]]);
    assertEquals(setsIn(node.want(0)), []);
  });

  it("counts what was returned as free before it is reported", () => {
    const node = twoNodes();
    node.want(8);
    node.ownFree = {};
    node.grant("n-a", 4);
    const leases = node.grant("n-b", 4);
    node.view("n-b", { free: {} });
    node.want(4);
    for (const lease of leases) node.returning(lease);
    node.want(8);
    assertEquals(node.told.get("n-b"), 4);
  });

  it("asks others for what a node had when it is gone", () => {
    const node = twoNodes();
    node.view("n-c");
    node.want(12);
    node.grant("n-b", 4);
    node.ownFree = {};
    const sets = setsIn(node.gone("n-b"));
    assertEquals(sets, [["n-a", 8]]);
    node.view("n-b");
    assertEquals(node.told.get("n-b"), 4);
    assertEquals(setsIn(node.want(13)), [["n-a", 9]]);
  });

  it("forgets an owner that ended, and its late messages", () => {
    const node = twoNodes();
    node.want(8);
    node.grant("n-b", 2);
    node.send({ type: "owner_ended", owner: "w-1" as never });
    assertEquals(node.want(3), []);
    assertEquals(node.spread.demands(), []);
    assertEquals(node.spread.isWaiting, false);
  });

  it("asks elsewhere for what a node refuses, and fails when all do", () => {
    const node = twoNodes();
    node.want(8);
    const [demand] = node.spread.demands();
    const refused = {
      type: "demand_failed",
      owner: "w-1",
      classKey: demand!.classKey,
      reason: "limit_reached",
    };
    node.send({ ...refused, nodeId: "n-b" } as never);
    assertEquals(sumsOf(node), { "n-a": 8 });
  });

  it("tells nodes where it waits of another depth", () => {
    const node = twoNodes();
    node.want(2);
    assertEquals(setsIn(node.want(2, { depth: 1 })), [["n-a", 2]]);
    node.grant("n-a", 2);
    assertEquals(setsIn(node.want(2, { depth: 2 })), []);
  });
});

describe("DemandSpread as nodes change", () => {
  it("moves what waits to where room is, after a while", () => {
    const node = twoNodes({ CPU: 0 });
    node.view("n-b", { free: {} });
    node.want(3);
    node.tick(0);
    node.view("n-b", { free: { CPU: 2 } });
    assertEquals(sumsOf(node), { "n-a": 3 });
    node.tick(350);
    assertEquals(sumsOf(node), { "n-a": 1, "n-b": 2 });
  });

  it("does not go to and fro between nodes that give nothing", () => {
    const node = twoNodes({ CPU: 0 });
    node.view("n-c", { free: {} });
    node.view("n-b", { free: {} });
    node.want(1);
    let moves = 0;
    for (let nowMs = 0; nowMs < 60_000; nowMs += 50) {
      const [open, full] = nowMs % 2_000 < 1_000
        ? ["n-b", "n-c"] as const
        : ["n-c", "n-b"] as const;
      moves += setsIn(node.view(open, { free: { CPU: 1 } })).length;
      moves += setsIn(node.view(full, { free: {} })).length;
      moves += setsIn(node.tick(nowMs)).length;
    }
    // Two messages each.
    assertEquals(moves <= 30, true, `${moves} messages`);
  });

  it("leaves a node that seems to have room and gives nothing", () => {
    const node = twoNodes({ CPU: 0 });
    node.view("n-b", { free: { CPU: 1 } });
    node.want(1, { needs: { CPU: 1 } });
    assertEquals(sumsOf(node), { "n-b": 1 });
    node.view("n-b", { free: { CPU: 1 } });
    node.view("n-c", { free: { CPU: 1 } });
    for (let nowMs = 0; nowMs <= 2_500; nowMs += 50) node.tick(nowMs);
    assertEquals(sumsOf(node), { "n-c": 1 });
  });

  it("tries another node where it gets nothing at all", () => {
    const node = twoNodes({ CPU: 0 });
    node.view("n-b", { free: {} });
    node.want(5);
    for (let nowMs = 0; nowMs <= 2_500; nowMs += 50) node.tick(nowMs);
    assertEquals(sumsOf(node), { "n-a": 4, "n-b": 1 });
  });

  it("takes back what waits at a node that is draining", () => {
    const node = twoNodes({ CPU: 0 });
    node.want(3);
    node.grant("n-b", 1);
    node.view("n-b", { state: "draining" });
    assertEquals(sumsOf(node), { "n-a": 2, "n-b": 1 });
    node.want(6);
    assertEquals(sumsOf(node), { "n-a": 5, "n-b": 1 });
  });

  it("names once what no node could ever hold, and asks none", () => {
    const node = twoNodes();
    assertEquals(node.want(3, { needs: { CPU: 99 } }), []);
    assertEquals(node.spread.unplaced().length, 1);
    const warnings: unknown[] = [];
    for (let nowMs = 0; nowMs < 30_000; nowMs += 1_000) {
      warnings.push(...node.tick(nowMs));
    }
    assertEquals(
      warnings.map((action) => (action as { lacking: unknown }).lacking),
      [{ CPU: 950_000 }],
    );
    node.view("n-c", { total: { CPU: 100 } });
    assertEquals(sumsOf(node), { "n-c": 3 });
    assertEquals(node.spread.unplaced(), []);
  });
});

describe("DemandSpread in groups", () => {
  const groupId = "p-1" as never;
  const strategy = { placementGroup: groupId };
  const located = (nodes: readonly (string | undefined)[]) => ({
    type: "group_located" as const,
    groupId,
    bundles: nodes.map((nodeId) => ({
      nodeId: nodeId as never,
      resources: { CPU: 20_000 },
    })),
  });

  it("asks where the group is, once, and goes there", () => {
    const node = twoNodes();
    node.view("n-c");
    assertEquals(node.want(3, { strategy }).map(({ type }) => type), [
      "locate_group",
    ]);
    assertEquals(node.want(4, { strategy }), []);
    node.send(located(["n-c", "n-b"]));
    assertEquals(sumsOf(node), { "n-b": 2, "n-c": 2 });
  });

  it("goes to the bundle that is named, wherever it moves", () => {
    const node = twoNodes();
    node.send(located(["n-a", "n-b"]));
    const bundle = { strategy: { placementGroup: groupId, bundleIndex: 1 } };
    node.want(3, bundle);
    assertEquals(sumsOf(node), { "n-b": 3 });
    node.send(located(["n-a", undefined]));
    assertEquals(sumsOf(node), {});
    node.send(located(["n-a", "n-a"]));
    assertEquals(sumsOf(node), { "n-a": 3 });
  });

  it("fails what is for a group that is gone, or for no bundle of it", () => {
    const node = twoNodes();
    node.send(located(["n-a", "n-b"]));
    const reasons = [
      node.want(1, { strategy: { ...strategy, bundleIndex: 7 } }),
      node.want(1, { strategy, needs: { CPU: 3 } }),
      (node.want(1, { strategy }), node.send({ type: "group_gone", groupId })),
      node.want(1, { strategy }),
    ].map((actions) =>
      actions.flatMap((action) =>
        action.type === "fail_demand" ? [action.reason] : []
      )
    );
    assertEquals(reasons, [
      ["bundle_unknown"],
      ["bundle_too_small"],
      ["group_removed"],
      ["group_removed"],
    ]);
    assertEquals(sumsOf(node), {});
  });
});

/** The own node and another one, of 4 CPUs each. */
function twoNodes(free = { CPU: 4 }): DrivenSpread {
  const node = new DrivenSpread({ CPU: 4 });
  node.ownFree = free;
  node.view("n-b", { total: { CPU: 4 } });
  return node;
}

/** What each node is asked for by all owners. */
function sumsOf({ spread }: DrivenSpread): Record<string, number> {
  const sums: Record<string, number> = {};
  const shares = spread.demands().flatMap(({ shares }) => [...shares.values()]);
  for (const { node: { nodeId }, count } of shares) {
    if (count > 0) sums[nodeId] = (sums[nodeId] ?? 0) + count;
  }
  return Object.fromEntries(Object.entries(sums).sort());
}

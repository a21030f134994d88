// How nodes are listed from the head's views of them.

import { assertEquals, describe, it } from "../support/harness.ts";
import { newId } from "../../runtime/base/ids.ts";
import {
  clusterAvailable,
  clusterTotals,
  listedNode,
} from "../../runtime/listed_nodes.ts";
import type { NodeView } from "../../runtime/protocol/cluster_messages.ts";

function newView(
  state: NodeView["state"],
  reason?: string,
): NodeView {
  return {
    state,
    facts: {
      nodeId: newId("node"),
      address: "10.0.0.7:6380",
      hostname: "worker",
      isHead: false,
      total: { CPU: 25_000, license: 10_000, memory: 640_000 },
      labels: { zone: "a" },
      storeBytes: 4_096,
      pid: 12,
      version: "1.2.3",
      startedAtMs: 7,
    },
    report: {
      available: { CPU: 5_000, license: 10_000, memory: 640_000 },
      storeUsedBytes: 1_024,
      storeSpilledBytes: 2_048,
      waiting: 0,
      isDraining: state === "draining",
    },
    ...(reason === undefined ? {} : { reason }),
  };
}

describe("listedNode()", () => {
  it("gives what a user sees of a node", () => {
    const view = newView("alive");
    assertEquals(listedNode(view), {
      nodeId: view.facts.nodeId,
      address: "10.0.0.7:6380",
      hostname: "worker",
      alive: true,
      isHead: false,
      state: "alive",
      resources: { CPU: 2.5, GPU: 0, license: 1, memory: 64 },
      available: { CPU: 0.5, GPU: 0, license: 1, memory: 64 },
      labels: { zone: "a" },
      objectStore: {
        capacityBytes: 4_096,
        usedBytes: 1_024,
        spilledBytes: 2_048,
      },
      pid: 12,
      version: "1.2.3",
      startedAtMs: 7,
    });
  });

  it("holds a draining node for alive", () => {
    const { alive, state } = listedNode(newView("draining"));
    assertEquals([alive, state], [true, "draining"]);
  });

  it("says why a node is dead, and that it has nothing any more", () => {
    const info = listedNode(newView("dead", "it has left the cluster"));
    assertEquals(info.alive, false);
    assertEquals(info.deathReason, "it has left the cluster");
    assertEquals(info.available, { CPU: 0, GPU: 0 });
    assertEquals(info.objectStore.usedBytes, 0);
    assertEquals(info.objectStore.spilledBytes, 0);
  });
});

describe("clusterTotals() and clusterAvailable()", () => {
  it("are sums over living nodes", () => {
    const views = [newView("alive"), newView("draining"), newView("dead")];
    assertEquals(clusterTotals(views), {
      CPU: 5,
      GPU: 0,
      license: 2,
      memory: 128,
    });
    assertEquals(clusterAvailable(views), {
      CPU: 1,
      GPU: 0,
      license: 2,
      memory: 128,
    });
  });

  it("name CPUs and GPUs where there are none", () => {
    assertEquals(clusterTotals([]), { CPU: 0, GPU: 0 });
  });
});

// How what no node was asked for is listed.

import { assertEquals, describe, it } from "../support/harness.ts";
import { listedWaiting } from "../../runtime/listed_waiting.ts";
import type { NodeView } from "../../runtime/protocol/cluster_messages.ts";

function viewOf(
  total: Record<string, number>,
  state: NodeView["state"] = "alive",
): NodeView {
  return { facts: { total }, state } as NodeView;
}

const GOLD = { kind: "task", resources: { gold: 10_000 }, count: 2 } as const;

describe("listedWaiting", () => {
  it("names what no node has", () => {
    const listed = [
      { kind: "task", resources: { gold: 1 }, count: 2, why: "resources" },
    ];
    assertEquals(listedWaiting([GOLD], [viewOf({ CPU: 10_000 })]), listed);
    const dead = viewOf({ gold: 10_000 }, "dead");
    assertEquals(listedWaiting([GOLD], [dead]), listed);
  });

  it("lists what is alike once", () => {
    const actor = { ...GOLD, kind: "actor", count: 1 } as const;
    assertEquals(
      listedWaiting([GOLD, actor, GOLD], [viewOf({ gold: 10_000 })]),
      [
        { kind: "task", resources: { gold: 1 }, count: 4, why: "nodes" },
        { kind: "actor", resources: { gold: 1 }, count: 1, why: "nodes" },
      ],
    );
  });

  it("does not measure a group by one node", () => {
    const group = { ...GOLD, kind: "group", resources: { CPU: 1e9 } } as const;
    const [listed] = listedWaiting([group], [viewOf({ CPU: 10_000 })]);
    assertEquals(listed?.why, "nodes");
  });
});

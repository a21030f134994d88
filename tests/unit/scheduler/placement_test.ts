// Policies on lists of nodes, more than a single node has use for.

import type { NodeId } from "../../../runtime/base/ids.ts";
import { placeBundles } from "../../../runtime/scheduler/bundle_placement.ts";
import {
  labelsMatch,
  parseLabelSelector,
} from "../../../runtime/scheduler/label_selector.ts";
import type { GroupStrategy } from "../../../runtime/scheduler/messages.ts";
import {
  chooseNode,
  type NodeStrategy,
  type NodeView,
} from "../../../runtime/scheduler/placement.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

describe("chooseNode()", () => {
  it("packs the local node up to half, then the others, then spreads", () => {
    assertEquals(choose("default", [view("a", 4, 4, true), view("b", 4)]), "a");
    assertEquals(
      choose("default", [view("a", 4, 2, true), view("b", 4, 3)]),
      "b",
    );
    assertEquals(
      choose("default", [view("a", 4, 2, true), view("b", 4, 1)]),
      "a",
    );
  });

  it("spreads to the node that is used least", () => {
    const nodes = [view("a", 4, 3, true), view("b", 8, 7), view("c", 4, 1)];

    assertEquals(choose("spread", nodes), "b");
  });

  it("waits at the local node when all that could take it are full", () => {
    const nodes = [view("a", 4, 0), view("b", 4, 0, true)];

    assertEquals(choose("default", nodes), "busy b");
  });

  it("holds hard affinity and lets soft affinity go elsewhere", () => {
    const nodes = [view("a", 1, 1, true), view("b", 4, 0)];
    const b = "b" as NodeId;
    const gone = "gone" as NodeId;

    assertEquals(choose({ nodeId: b, soft: false }, nodes), "busy b");
    assertEquals(choose({ nodeId: gone, soft: true }, nodes), "a");
    assertEquals(
      choose({ nodeId: gone, soft: false }, nodes),
      "never node_unknown",
    );
  });
});

describe("placeBundles()", () => {
  it("packs on one node where it can, else on few", () => {
    const nodes = [view("a", 2), view("b", 4), view("c", 2)];

    assertEquals(place("pack", [2, 2], nodes), "bb");
    assertEquals(place("strictPack", [2, 2], nodes), "bb");
    assertEquals(place("pack", [2, 2, 2], nodes), "abb");
    assertEquals(place("strictPack", [2, 2, 2], nodes), "infeasible resources");
  });

  it("spreads on as many nodes as there are, strictly or not", () => {
    const nodes = [view("a", 4), view("b", 4)];

    assertEquals(place("spread", [1, 1, 1], nodes), "aba");
    assertEquals(place("strictSpread", [1, 1], nodes), "ab");
    assertEquals(place("strictSpread", [1, 1, 1], nodes), "infeasible nodes");
  });

  it("waits when only what is in use is in the way", () => {
    assertEquals(place("pack", [2, 2], [view("a", 4, 3)]), "busy");
  });

  it("finds the only way to spread bundles of unequal size", () => {
    const nodes = [view("a", 4), view("b", 1)];

    assertEquals(place("strictSpread", [1, 4], nodes), "ba");
  });
});

describe("labelsMatch()", () => {
  it("knows values, lists and their negations", () => {
    const labels = { zone: "west", gpu: "A100" };
    for (
      const [text, expected] of [
        ["west", true],
        ["east", false],
        ["!east", true],
        ["!west", false],
        ["in(east,west)", true],
        ["in( east )", false],
        ["!in(east, north)", true],
        ["!in(east, west)", false],
      ] as const
    ) {
      const tests = parseLabelSelector({ zone: text });
      assertEquals(labelsMatch(labels, tests), expected, text);
    }
  });

  it("takes a missing label for one that is different", () => {
    assertEquals(labelsMatch({}, parseLabelSelector({ zone: "west" })), false);
    assertEquals(labelsMatch({}, parseLabelSelector({ zone: "!west" })), true);
    assertEquals(
      labelsMatch({}, parseLabelSelector({ constructor: "!x" })),
      true,
    );
  });

  it("needs every label of the selector", () => {
    const tests = parseLabelSelector({ zone: "west", gpu: "!A100" });

    assertEquals(labelsMatch({ zone: "west", gpu: "H100" }, tests), true);
    assertEquals(labelsMatch({ zone: "west", gpu: "A100" }, tests), false);
  });
});

function view(
  name: string,
  total: number,
  available = total,
  isLocal = false,
): NodeView {
  return {
    nodeId: name as NodeId,
    isLocal,
    labels: {},
    total: { CPU: total },
    available: { CPU: available },
  };
}

function choose(strategy: NodeStrategy, nodes: readonly NodeView[]): string {
  const request = { resources: { CPU: 1 }, strategy, labels: [] };
  const choice = chooseNode(nodes, request);
  if (choice.type === "fits") return choice.node.nodeId;
  return "node" in choice
    ? `busy ${choice.node.nodeId}`
    : `${choice.type} ${choice.reason}`;
}

function place(
  strategy: GroupStrategy,
  cpus: readonly number[],
  nodes: readonly NodeView[],
): string {
  const bundles = cpus.map((CPU) => ({ CPU }));
  const choice = placeBundles(nodes, { bundles, strategy, labels: [] });
  if (choice.type === "busy") return "busy";
  if (choice.type === "infeasible") return `infeasible ${choice.reason}`;
  return choice.nodes.map((node) => node.nodeId).join("");
}

// The head's placing of actors: which node is asked, and who is asked next.

import { assertEquals, describe, it } from "../../../support/harness.ts";
import { DrivenPlacement, wordsOf } from "./placement_fixture.ts";

describe("ClusterPlacement of actors", () => {
  it("packs the first node up to half, then spreads evenly", () => {
    const head = threeNodes();
    const nodes = Array.from({ length: 9 }, (_, at) => head.actor(`a-${at}`));
    assertEquals(
      nodes.flat().join(" "),
      "n-a n-a n-b n-b n-c n-c n-a n-b n-c",
    );
  });

  it("counts what actors hold until it is reported", () => {
    const head = threeNodes();
    head.ownFree = { CPU: 0 };
    const held = { placement: { CPU: 4 }, held: { CPU: 4 } };
    assertEquals(head.actor("a-1", held), ["n-b"]);
    // Reported before it arrived there.
    head.view("n-b");
    assertEquals(head.actor("a-2", held), ["n-c"]);
    head.placed("a-1", "n-b");
    head.view("n-b", { free: {} });
    assertEquals(head.actor("a-3", { ...held, near: "n-b" }), ["n-b"]);
  });

  it("tries the node of who made it first", () => {
    const head = threeNodes();
    const near = "n-c";
    assertEquals(head.actor("a-1", { near }), ["n-c"]);
    assertEquals(head.actor("a-2", { near }), ["n-c"]);
    assertEquals(head.actor("a-3", { near }), ["n-a"]);
  });

  it("goes round the nodes when it is told to spread", () => {
    const head = threeNodes();
    const strategy = "spread";
    const nodes = [1, 2, 3, 4].flatMap((at) =>
      head.actor(`a-${at}`, { strategy })
    );
    assertEquals(nodes, ["n-a", "n-b", "n-c", "n-a"]);
  });

  it("asks the least busy node where there is no room, to wait there", () => {
    const head = new DrivenPlacement({ CPU: 0 });
    head.view("n-b", { free: {}, waiting: 3 });
    head.view("n-c", { free: {}, waiting: 1 });
    assertEquals(head.actor("a-1"), ["n-c"]);
    assertEquals(head.placement.isWaiting, true);
    assertEquals(wordsOf(head.placed("a-1", "n-c")), ["place_actor n-c"]);
    assertEquals(head.placement.isWaiting, false);
  });

  it("asks another node as soon as that one has room", () => {
    const head = new DrivenPlacement({ CPU: 0 });
    head.view("n-b", { free: {} });
    head.actor("a-1");
    head.view("n-b", { free: {}, waiting: 1 });
    head.view("n-c", { free: { CPU: 1 } });
    head.tick(0);
    assertEquals(wordsOf(head.tick(400)), ["release_actor n-b", "n-c"]);
    // Late: it was released there.
    assertEquals(head.placed("a-1", "n-b"), []);
    assertEquals(wordsOf(head.placed("a-1", "n-c")), ["place_actor n-c"]);
  });

  it("leaves an actor where its thread is starting", () => {
    const head = new DrivenPlacement({ CPU: 0 });
    head.view("n-b", { free: { CPU: 1 } });
    head.actor("a-1", { held: { CPU: 1 } });
    head.view("n-b", { free: {}, waiting: 0 });
    head.view("n-c");
    for (let nowMs = 0; nowMs < 5_000; nowMs += 100) {
      assertEquals(head.tick(nowMs), []);
    }
  });

  it("asks another node when one refuses, and fails after three", () => {
    const head = threeNodes();
    head.view("n-d");
    assertEquals(head.actor("a-1"), ["n-a"]);
    assertEquals(head.refused("a-1", "n-a"), ["n-b"]);
    assertEquals(head.refused("a-1", "n-a"), []);
    assertEquals(head.refused("a-1", "n-b"), ["n-c"]);
    assertEquals(head.refused("a-1", "n-c"), ["failed: limit_reached"]);
  });

  it("asks another node when one dies, and places a restarted one anew", () => {
    const head = threeNodes();
    head.actor("a-1");
    head.actor("a-2", { near: "n-b" });
    head.placed("a-1", "n-a");
    assertEquals(wordsOf(head.gone("n-b")), ["n-a"]);
    assertEquals(head.actor("a-1", { near: "n-c" }), ["n-c"]);
  });

  it("does not release at a dead node what was placed there", () => {
    const head = threeNodes();
    head.actor("a-1", { near: "n-b" });
    head.placed("a-1", "n-b");
    head.gone("n-b");
    assertEquals(head.released("a-1"), []);
    assertEquals(head.released("a-1"), []);
  });

  it("frees what a released actor held", () => {
    const head = new DrivenPlacement({ CPU: 0 });
    head.view("n-b");
    const held = { held: { CPU: 4 } };
    assertEquals(head.actor("a-1", held), ["n-b"]);
    head.placed("a-1", "n-b");
    head.view("n-b", { free: {} });
    assertEquals(head.released("a-1"), ["release_actor n-b"]);
    head.view("n-c", { free: { CPU: 3 } });
    assertEquals(head.actor("a-2", held), ["n-b"]);
  });

  it("heeds node affinity, hard and soft, and labels", () => {
    const head = threeNodes();
    head.view("n-c", { labels: { zone: "x" } });
    const at = (nodeId: string, soft: boolean) => ({
      strategy: { nodeId: nodeId as never, soft },
    });
    assertEquals(head.actor("a-1", at("n-b", false)), ["n-b"]);
    assertEquals(head.actor("a-2", at("n-z", true)), ["n-a"]);
    assertEquals(head.actor("a-3", at("n-z", false)), ["failed: node_unknown"]);
    head.gone("n-b");
    assertEquals(head.actor("a-4", at("n-b", false)), ["failed: node_unknown"]);
  });

  it("names once what no node could ever hold, and places it when one can", () => {
    const head = threeNodes();
    const large = { placement: { CPU: 64 } };
    assertEquals(head.actor("a-1", large), []);
    assertEquals(head.actor("a-2", large), []);
    const warned: string[] = [];
    for (let nowMs = 0; nowMs < 30_000; nowMs += 1_000) {
      warned.push(...wordsOf(head.tick(nowMs)));
    }
    assertEquals(warned, ["warned: resources"]);
    const actions = head.view("n-z", { total: { CPU: 64 } });
    assertEquals(wordsOf(actions), ["n-z", "n-z"]);
  });

  it("takes back what waits at a node that is draining", () => {
    const head = threeNodes();
    head.actor("a-1", { near: "n-b" });
    const actions = head.view("n-b", { state: "draining" });
    assertEquals(wordsOf(actions), ["release_actor n-b", "n-a"]);
  });
});

describe("ClusterPlacement of groups", () => {
  const two = [{ CPU: 2 }, { CPU: 2 }];

  it("asks every node of the plan, then tells all of them", () => {
    const head = threeNodes();
    const actions = head.group("p-1", two, "strictSpread");
    assertEquals(wordsOf(actions), ["n-a: 0", "n-b: 1"]);
    const [first, second] = actions.filter((action) =>
      action.type === "prepare_bundles"
    );
    assertEquals(head.answer(first!, true), []);
    assertEquals(head.placement.groupState("p-1" as never), "preparing");
    assertEquals(wordsOf(head.answer(second!, true)), [
      "commit_bundles n-a",
      "commit_bundles n-b",
      "confirmed: n-a n-b",
    ]);
    assertEquals(head.answer(second!, true), []);
    assertEquals(head.placement.locate("p-1" as never)?.[1]?.nodeId, "n-b");
    assertEquals(head.removed("p-1"), ["remove_group n-a", "remove_group n-b"]);
    assertEquals(head.removed("p-1"), []);
  });

  it("heeds the four strategies", () => {
    const three = [{ CPU: 2 }, { CPU: 2 }, { CPU: 2 }];
    const plans = (["pack", "spread", "strictPack", "strictSpread"] as const)
      .map((strategy) => wordsOf(threeNodes().group("p-1", three, strategy)));
    assertEquals(plans, [
      ["n-a: 0 1", "n-b: 2"],
      ["n-a: 0", "n-b: 1", "n-c: 2"],
      [],
      ["n-a: 0", "n-b: 1", "n-c: 2"],
    ]);
  });

  it("gives all back when one node cannot, and tries again later", () => {
    const head = threeNodes();
    const [first, second] = head.group("p-1", two, "strictSpread");
    head.answer(first as never, true);
    assertEquals(wordsOf(head.answer(second as never, false)), [
      "return_bundles n-a",
      "return_bundles n-b",
    ]);
    const again = head.tick(1_000);
    assertEquals(wordsOf(again), ["n-b: 0", "n-c: 1"]);
    assertEquals(head.answer(first as never, true), []);
    assertEquals(wordsOf(head.prepareAll(again)).at(-1), "confirmed: n-b n-c");
  });

  it("gives up nodes that do not answer in time", () => {
    const head = threeNodes();
    head.group("p-1", two, "strictSpread");
    head.tick(0);
    assertEquals(wordsOf(head.tick(1_100)), [
      "return_bundles n-a",
      "return_bundles n-b",
    ]);
    assertEquals(wordsOf(head.tick(1_500)), ["n-b: 0", "n-c: 1"]);
  });

  it("has nodes make room for one group at a time", () => {
    const head = new DrivenPlacement({ CPU: 0 });
    head.view("n-b", { free: {} });
    head.view("n-c", { free: {} });
    const actions = head.group("p-1", two, "strictSpread");
    assertEquals(wordsOf(actions), ["n-b: 0", "n-c: 1"]);
    assertEquals(head.group("p-2", two, "strictSpread"), []);
    head.tick(0);
    assertEquals(head.tick(3_000), []);
    const words = wordsOf(head.prepareAll(actions));
    assertEquals(words.slice(2), ["confirmed: n-b n-c", "n-b: 0", "n-c: 1"]);
  });

  it("places lost bundles anew, before groups that are new", () => {
    const head = threeNodes();
    head.view("n-c", { total: { CPU: 2 } });
    head.prepareAll(head.group("p-1", [{ CPU: 4 }, { CPU: 2 }], "spread"));
    head.ownFree = { CPU: 0 };
    const places = () =>
      head.placement.locate("p-1" as never)?.map(({ nodeId }) => nodeId);
    assertEquals(places(), ["n-a", "n-b"]);
    const actions = head.gone("n-b");
    assertEquals(wordsOf(actions), ["n-c: 1"]);
    assertEquals(places(), ["n-a", undefined]);
    assertEquals(wordsOf(head.prepareAll(actions)), ["commit_bundles n-c"]);
    assertEquals(places(), ["n-a", "n-c"]);
  });

  it("keeps lost bundles off the nodes that have the others", () => {
    const head = new DrivenPlacement();
    head.view("n-b");
    head.prepareAll(head.group("p-1", two, "strictSpread"));
    assertEquals(wordsOf(head.gone("n-b")), []);
    assertEquals(head.placement.groupState("p-1" as never), "broken");
    const warned: string[] = [];
    for (let nowMs = 0; nowMs < 20_000; nowMs += 1_000) {
      warned.push(...wordsOf(head.tick(nowMs)));
    }
    assertEquals(warned, ["warned: nodes"]);
    head.view("n-c");
    assertEquals(wordsOf(head.tick(21_000)), ["n-c: 1"]);
  });

  it("begins anew when a node dies while others are being asked", () => {
    const head = threeNodes();
    const [first] = head.group("p-1", two, "strictSpread");
    head.answer(first as never, true);
    assertEquals(wordsOf(head.gone("n-b")), [
      "return_bundles n-a",
      "n-c: 0",
      "n-a: 1",
    ]);
  });

  it("places actors in their bundles when these are there", () => {
    const head = threeNodes();
    const strategy = { placementGroup: "p-1" as never, bundleIndex: 1 };
    assertEquals(head.actor("a-1", { strategy }), []);
    const actions = head.group("p-1", two, "strictSpread");
    assertEquals(wordsOf(head.prepareAll(actions)).at(-1), "n-b");
    const none = { strategy: { ...strategy, bundleIndex: 2 } };
    assertEquals(head.actor("a-2", none), ["failed: bundle_unknown"]);
    const large = { strategy, held: { CPU: 3 } };
    assertEquals(head.actor("a-3", large), ["failed: bundle_too_small"]);
    assertEquals(head.removed("p-1"), [
      "failed: group_removed",
      "remove_group n-a",
      "remove_group n-b",
    ]);
    assertEquals(head.actor("a-4", { strategy }), ["failed: group_removed"]);
  });
});

/** The head's node and two others, of 4 CPUs each. */
function threeNodes(): DrivenPlacement {
  const head = new DrivenPlacement();
  head.view("n-b", { total: { CPU: 4 } });
  head.view("n-c", { total: { CPU: 4 } });
  return head;
}

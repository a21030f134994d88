// Bundles of a group that has others on other nodes: set aside when there is
// room, used when committed, given back when not.

import type { PlacementGroupId } from "../../../runtime/base/ids.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";
import {
  type Amounts,
  DrivenScheduler,
  grantsIn,
  typesOf,
  units,
} from "./scheduler_fixture.ts";

const groupId = "p-1" as PlacementGroupId;

describe("Scheduler bundles", () => {
  it("sets bundles aside, and lets them be used once committed", () => {
    const node = new DrivenScheduler({ CPU: 4 });
    assertEquals(answersOf(want(node, 1, { 2: { CPU: 1 }, 5: { CPU: 2 } })), [
      true,
    ]);
    assertEquals(node.available(), { CPU: 1 });

    const strategy = { placementGroup: groupId, bundleIndex: 5 };
    assertEquals(node.demand("w-1", { count: 3, strategy }), []);
    const grants = node.startAll(settle(node, "bundles_committed", 1));
    assertEquals(grants.map(({ bundleIndex }) => bundleIndex), [5, 5]);
    assertEquals(settle(node, "bundles_returned", 1), []);

    assertEquals(typesOf(node.groupRemoved("p-1")), [
      "revoke_lease",
      "revoke_lease",
      "fail_demand",
    ]);
    assertEquals(node.available(), { CPU: 4 });
  });

  it("answers again what it was asked again", () => {
    const node = new DrivenScheduler({ CPU: 4 });
    want(node, 1, { 0: { CPU: 3 } });
    assertEquals(answersOf(want(node, 1, { 0: { CPU: 3 } })), [true]);
    settle(node, "bundles_committed", 1);
    assertEquals(answersOf(want(node, 1, { 0: { CPU: 3 } })), [true]);
    assertEquals(node.available(), { CPU: 1 });
  });

  it("gives back what is not committed", () => {
    const node = new DrivenScheduler({ CPU: 4, GPU: 1 });
    want(node, 1, { 0: { CPU: 3, GPU: 0.5 } });
    assertEquals(settle(node, "bundles_returned", 7), []);
    assertEquals(node.available(), { CPU: 1, GPU: 0.5 });
    settle(node, "bundles_returned", 1);
    assertEquals(node.available(), { CPU: 4, GPU: 1 });
    assertEquals(settle(node, "bundles_committed", 1), []);
    want(node, 2, { 0: { CPU: 3 } });
    want(node, 3, { 1: { CPU: 4 } });
    assertEquals(node.available(), { CPU: 0, GPU: 1 });
    node.groupRemoved("p-1");
    assertEquals(node.available(), { CPU: 4, GPU: 1 });
    assertEquals(answersOf(want(node, 4, { 0: { CPU: 1 } })), [false]);
  });

  it("waits for room, has it made, and refuses what it can never have", () => {
    const node = new DrivenScheduler({ CPU: 2 });
    const [lease] = node.grant("w-1", { count: 5 });
    assertEquals(typesOf(want(node, 1, { 0: { CPU: 1 } })), ["reclaim_lease"]);
    assertEquals(answersOf(node.returned(lease!.leaseId)), [true]);
    assertEquals(answersOf(want(node, 2, { 0: { CPU: 3 } })), [false]);
    assertEquals(node.scheduler.pending().map(({ kind }) => kind), ["task"]);
  });

  it("adds bundles that were lost elsewhere to those that it has", () => {
    const node = new DrivenScheduler({ CPU: 4 });
    want(node, 1, { 0: { CPU: 1 } });
    settle(node, "bundles_committed", 1);
    const bundle = { placementGroup: groupId, bundleIndex: 1 };
    // The bundle may be on its way here.
    assertEquals(node.demand("w-1", { count: 1, strategy: bundle }), []);
    want(node, 2, { 1: { CPU: 2 } });
    settle(node, "bundles_returned", 2);
    assertEquals(node.available(), { CPU: 3 });
    want(node, 3, { 1: { CPU: 2 } });
    const grants = node.startAll(settle(node, "bundles_committed", 3));
    assertEquals(grants.map(({ bundleIndex }) => bundleIndex), [1]);
    const strategy = { placementGroup: groupId };
    const any = node.demand("w-2", { count: 1, strategy });
    assertEquals(grantsIn(node.startAll(any)).length, 1);
    assertEquals(node.available(), { CPU: 1 });
    node.groupRemoved("p-1");
    assertEquals(node.available(), { CPU: 4 });
  });
});

function want(
  node: DrivenScheduler,
  attempt: number,
  bundles: Readonly<Record<number, Amounts>>,
) {
  return node.send({
    type: "bundles_wanted",
    groupId,
    attempt,
    bundles: Object.entries(bundles).map(([index, amounts]) =>
      [Number(index), units(amounts)] as const
    ),
  });
}

function settle(
  node: DrivenScheduler,
  type: "bundles_committed" | "bundles_returned",
  attempt: number,
) {
  return node.send({ type, groupId, attempt });
}

function answersOf(actions: ReturnType<DrivenScheduler["send"]>): boolean[] {
  return actions.flatMap((action) =>
    action.type === "answer_bundles" ? [action.isPrepared] : []
  );
}

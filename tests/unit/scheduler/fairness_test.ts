// Fair sharing: who is served first, who is asked to return a lease, and that
// nobody waits for ever. Warnings of what can never be held stand here, too.

import type { NodeId } from "../../../runtime/base/ids.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";
import {
  DrivenScheduler,
  grantsIn,
  NODE_ID,
  typesOf,
} from "./scheduler_fixture.ts";

describe("Scheduler fairness", () => {
  it("serves the owner with the fewest leases first", () => {
    const node = new DrivenScheduler({ CPU: 3 });
    const leases = node.grant("w-a", { count: 9 });
    node.demand("w-b", { count: 9 });

    const owners = leases.map(({ leaseId }) => {
      const [next] = grantsIn(node.returned(leaseId));
      return next?.owner;
    });

    assertEquals(owners, ["w-b", "w-b", "w-a"]);
  });

  it("serves nested tasks before others of equal share", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    const [lease] = node.grant("w-a", { count: 1 });
    node.demand("w-b", { count: 1, depth: 0 });
    node.demand("w-c", { count: 1, depth: 3 });
    node.demand("w-d", { count: 1, depth: 1 });
    node.demand("w-a", { count: 0 });

    const [next] = grantsIn(node.returned(lease!.leaseId));

    assertEquals(next?.owner, "w-c");
  });

  it("asks for one lease back for each owner that has none", () => {
    const node = new DrivenScheduler({ CPU: 4 });
    node.grant("w-a", { count: 9 });

    assertEquals(typesOf(node.demand("w-b", { count: 9 })), ["reclaim_lease"]);
    assertEquals(typesOf(node.demand("w-c", { count: 9 })), ["reclaim_lease"]);
    assertEquals(node.demand("w-c", { count: 8 }), []);
  });

  it("takes turns on one CPU, by the clock", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    let [lease] = node.grant("w-a", { count: 9 });
    assertEquals(node.demand("w-b", { count: 9 }), []);
    const owners: string[] = [];

    for (let nowMs = 100; nowMs < 3_000; nowMs += 100) {
      const [reclaim] = node.tick(nowMs);
      if (reclaim?.type !== "reclaim_lease") continue;
      assertEquals(reclaim.leaseId, lease!.leaseId);
      [lease] = grantsIn(node.returned(reclaim.leaseId));
      owners.push(lease!.owner);
    }

    assertEquals(owners.slice(0, 4), ["w-b", "w-a", "w-b", "w-a"]);
  });

  it("asks again for a lease that was not returned", () => {
    const node = new DrivenScheduler({ CPU: 2 });
    const [lease] = node.grant("w-a", { count: 2 });
    node.demand("w-b", { count: 1 });

    assertEquals(typesOf(node.tick(999)), []);
    const [again] = node.tick(1_000);
    assert(again?.type === "reclaim_lease");
    assertEquals(again.unanswered, lease?.threadId);
    assertEquals(typesOf(node.tick(1_500)), []);
  });

  it("gives no lease to who does not answer, until it does", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    const [silent] = node.grant("w-a", { count: 9 });
    node.demand("w-b", { count: 1 });
    const { leaseId } = silent!;

    const thread = node.send({ type: "lease_blocked", leaseId, isIdle: true });
    const [start] = thread;
    const first = start?.type === "start_thread"
      ? grantsIn(node.started(start.threadId))
      : grantsIn(thread);
    node.demand("w-b", { count: 0 });
    const freed = grantsIn(node.returned(first[0]!.leaseId));
    const answered = grantsIn(node.returned(leaseId));

    assertEquals(first.map(({ owner }) => owner), ["w-b"]);
    assertEquals(freed, []);
    assertEquals(answered.map(({ owner }) => owner), ["w-a"]);
  });

  it("lets who has not answered have more when its lease has work", () => {
    const node = new DrivenScheduler({ CPU: 2 });
    const [lease] = node.grant("w-a", { count: 1 });
    const { leaseId } = lease!;
    node.send({ type: "lease_blocked", leaseId, isIdle: true });

    const more = node.demand("w-a", { count: 2 });
    const resumed = node.unblocked(leaseId);

    assertEquals(more, []);
    assertEquals(resumed.length > 0, true);
  });

  it("asks no lease back that would not help", () => {
    const node = new DrivenScheduler({ CPU: 4, custom: 1 });
    node.grant("w-a", { count: 4, needs: { CPU: 1 } });
    node.grant("w-c", { count: 1, needs: { custom: 1 } });

    assertEquals(node.demand("w-b", { count: 1, needs: { custom: 1 } }), []);
  });

  it("serves shallow demands in the end while deep ones keep coming", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    let [lease] = node.grant("w-deep", { count: 9, depth: 5 });
    node.demand("w-driver", { count: 1 });

    let served = false;
    for (let nowMs = 0; nowMs < 2_000 && !served; nowMs += 50) {
      node.tick(nowMs);
      [lease] = grantsIn(node.returned(lease!.leaseId));
      served = lease?.owner === "w-driver";
    }

    assert(served);
  });

  it("meets a large demand while small ones keep coming", () => {
    const node = new DrivenScheduler({ CPU: 4 });
    const leases = node.grant("w-small", { count: 99 });
    node.demand("w-large", { count: 1, needs: { CPU: 4 } });

    let served = false;
    for (let nowMs = 0; nowMs < 20_000 && !served; nowMs += 50) {
      leases.push(...node.startAll(node.tick(nowMs)));
      const { leaseId } = leases.shift() ?? {};
      if (leaseId) leases.push(...node.startAll(node.returned(leaseId)));
      served = leases.some((lease) => lease.owner === "w-large");
    }

    assert(served);
  });

  it("keeps no room for what an actor that lives on leaves none for", () => {
    const node = new DrivenScheduler({ CPU: 2 });
    node.startAll(node.actor("a-1", { held: { CPU: 1 } }));
    let [lease] = node.grant("w-small", { count: 99 });
    node.demand("w-large", { count: 1, needs: { CPU: 2 } });

    for (let nowMs = 0; nowMs < 20_000; nowMs += 50) {
      assertEquals(node.tick(nowMs), []);
      [lease] = grantsIn(node.returned(lease!.leaseId));
      assertEquals(lease?.owner, "w-small");
    }
  });

  it("keeps room by turns when several large demands starve", () => {
    const node = new DrivenScheduler({ CPU: 2, GPU: 1 });
    const leases = node.grant("w-small", { count: 99 });
    node.demand("w-large", { count: 1, needs: { CPU: 2 } });
    // Waits for the GPU, which its holder does not return.
    node.grant("w-holder", { count: 1, needs: { GPU: 1 } });
    node.demand("w-stuck", { count: 1, needs: { CPU: 2, GPU: 1 } });

    let served = false;
    for (let nowMs = 0; nowMs < 20_000 && !served; nowMs += 50) {
      leases.push(...node.startAll(node.tick(nowMs)));
      const { leaseId } = leases.shift() ?? {};
      if (leaseId) leases.push(...node.startAll(node.returned(leaseId)));
      served = leases.some((lease) => lease.owner === "w-large");
    }

    assert(served);
  });

  it("lets nested tasks through while room is kept for a large one", () => {
    const node = new DrivenScheduler({ CPU: 2, custom: 1 });
    const [parent] = node.grant("w-driver", {
      count: 1,
      needs: { CPU: 1, custom: 1 },
    });
    node.demand("w-large", { count: 1, needs: { CPU: 2, custom: 1 } });
    for (let nowMs = 0; nowMs <= 800; nowMs += 100) node.tick(nowMs);
    node.blocked(parent!.leaseId);

    assertEquals(node.demand("w-late", { count: 1 }), []);
    const nested = node.grant("w-t0", { count: 1, depth: 1 });

    assertEquals(nested.length, 1);
  });
});

describe("Scheduler strategies on one node", () => {
  it("fails hard affinity to a node that is not there, not soft", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    const nodeId = "n-gone" as NodeId;

    const hard = node.demand("w-a", {
      count: 1,
      strategy: { nodeId, soft: false },
    });
    const soft = node.demand("w-a", {
      count: 1,
      strategy: { nodeId, soft: true },
    });

    assertEquals(typesOf(hard), ["fail_demand"]);
    assertEquals(typesOf(soft), ["start_thread"]);
  });

  it("fails hard affinity to a node that can never hold the task", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    const strategy = { nodeId: NODE_ID, soft: false };

    const needs = { GPU: 1 };
    const [action] = node.demand("w-a", { count: 1, strategy, needs });

    assertEquals(
      action?.type === "fail_demand" && action.reason,
      "node_too_small",
    );
  });

  it("runs what the node's labels allow and lets the rest wait", () => {
    const node = new DrivenScheduler({ CPU: 2 }, { zone: "west" });

    const fit = { zone: "in(east, west)" };
    const unfit = { zone: "!west" };

    assertEquals(
      typesOf(node.demand("w-a", { count: 1, labelSelector: fit })),
      ["start_thread"],
    );
    assertEquals(node.demand("w-a", { count: 1, labelSelector: unfit }), []);
  });

  it("warns after ten seconds, once, of what the node can never hold", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    node.demand("w-a", { count: 1, needs: { CPU: 3, GPU: 1 } });
    node.demand("w-b", { count: 1, needs: { CPU: 3, GPU: 1 } });
    node.tick(0);
    assertEquals(node.tick(9_999), []);

    const [warning, ...others] = node.tick(10_000);

    assertEquals(others, []);
    assert(warning?.type === "warn_infeasible");
    assertEquals(warning.lacking, { CPU: 20_000, GPU: 10_000 });
    assertEquals(node.tick(60_000), []);
  });

  it("warns of an actor that no node can hold, not of busy demands", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    node.grant("w-a", { count: 2 });
    node.actor("a-1", { placement: { GPU: 1 } });
    node.tick(0);

    const types = typesOf(node.tick(10_000));

    assertEquals(types, ["warn_infeasible"]);
  });
});

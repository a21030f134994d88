// Leases: who gets them, on which thread, and what happens to them when
// tasks wait, owners end and threads go.

import { assert, assertEquals, describe, it } from "../../support/harness.ts";
import { DrivenScheduler, grantsIn, typesOf } from "./scheduler_fixture.ts";

describe("Scheduler leases", () => {
  it("starts as many threads as there is demand and CPU, at once", () => {
    const node = new DrivenScheduler({ CPU: 2 });

    const actions = node.demand("w-driver", { count: 1_000 });

    assertEquals(typesOf(actions), ["start_thread", "start_thread"]);
    assertEquals(typesOf(node.started("w-t1")), ["grant_lease"]);
    assertEquals(typesOf(node.started("w-t0")), ["grant_lease"]);
    assertEquals(node.available(), { CPU: 0 });
  });

  it("starts no thread for what nobody asked for", () => {
    const node = new DrivenScheduler({ CPU: 8 });

    assertEquals(typesOf(node.demand("w-driver", { count: 1 })), [
      "start_thread",
    ]);
  });

  it("reuses an idle thread, the one used last by the same demand", () => {
    const node = new DrivenScheduler({ CPU: 2 });
    const [first, second] = node.grant("w-driver", { count: 2 });
    node.demand("w-driver", { count: 1 });
    node.returned(first!.leaseId);
    node.demand("w-driver", { count: 0 });
    node.returned(second!.leaseId);

    const actions = node.demand("w-driver", { count: 1 });

    assertEquals(typesOf(actions), ["grant_lease"]);
    assertEquals(node.scheduler.leases().length, 1);
  });

  it("gives an assigned lease to a thread that becomes free first", () => {
    const node = new DrivenScheduler({ CPU: 2 });
    const [parent] = node.grant("w-driver", { count: 1 });
    assertEquals(
      typesOf(node.demand("w-t0", { count: 1, depth: 1 })),
      ["start_thread"],
    );

    const grants = grantsIn(node.blocked(parent!.leaseId));

    assertEquals(grants.map((grant) => grant.threadId), ["w-t0"]);
    assertEquals(typesOf(node.started("w-t1")), []);
  });

  it("takes back an assigned lease that is not wanted any more", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    node.demand("w-driver", { count: 1 });

    node.demand("w-driver", { count: 0 });

    assertEquals(node.available(), { CPU: 1 });
    assertEquals(typesOf(node.started("w-t0")), []);
  });

  it("does not take back granted leases when the count drops", () => {
    const node = new DrivenScheduler({ CPU: 2 });
    node.grant("w-driver", { count: 2 });

    assertEquals(node.demand("w-driver", { count: 0 }), []);
    assertEquals(node.scheduler.leases().length, 2);
  });

  it("does nothing for repeated events", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    const [lease] = node.grant("w-driver", { count: 3 });

    assertEquals(node.demand("w-driver", { count: 3 }), []);
    assertEquals(node.started("w-t0"), []);
    assertEquals(grantsIn(node.blocked(lease!.leaseId)).length, 1);
    assertEquals(node.blocked(lease!.leaseId), []);
    assertEquals(node.unblocked(lease!.leaseId), []);
    assertEquals(node.unblocked(lease!.leaseId), []);
    node.demand("w-driver", { count: 1 });
    assertEquals(node.returned(lease!.leaseId), []);
    assertEquals(node.returned(lease!.leaseId), []);
    assertEquals(node.available(), { CPU: 0 });
  });

  it("gives the CPU of a waiting task away, the other resources not", () => {
    const node = new DrivenScheduler({ CPU: 1, GPU: 1 });
    const [lease] = node.grant("w-driver", {
      count: 2,
      needs: { CPU: 1, GPU: 1 },
    });

    node.blocked(lease!.leaseId);

    assertEquals(node.available(), { CPU: 1, GPU: 0 });
  });

  it("runs nested tasks on one CPU, on the thread of their parent", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    let [lease] = node.grant("w-driver", { count: 1 });
    const chain = [lease!];

    for (let depth = 1; depth <= 5; depth++) {
      node.demand("w-t0", { count: depth, depth });
      [lease] = grantsIn(node.blocked(lease!.leaseId));
      assertEquals(lease?.threadId, "w-t0");
      chain.push(lease!);
    }

    for (const { leaseId } of chain.reverse()) {
      node.unblocked(leaseId);
      node.demand("w-t0", { count: 0 });
      node.demand("w-driver", { count: 0 });
      node.returned(leaseId);
    }
    assertEquals(node.available(), { CPU: 1 });
  });

  it("never shows less than nothing while unblocked tasks exceed", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    const [first] = node.grant("w-driver", { count: 2 });
    const [second] = grantsIn(node.blocked(first!.leaseId));

    node.unblocked(first!.leaseId);

    assertEquals(node.available(), { CPU: 0 });
    node.demand("w-driver", { count: 1 });
    node.returned(second!.leaseId);
    assertEquals(node.available(), { CPU: 0 });
    node.demand("w-driver", { count: 0 });
    node.returned(first!.leaseId);
    assertEquals(node.available(), { CPU: 1 });
  });

  it("puts ten leases of 0.1 CPU on one thread and the next elsewhere", () => {
    const node = new DrivenScheduler({ CPU: 2 });

    const grants = node.grant("w-driver", { count: 11, needs: { CPU: 0.1 } });

    const threads = grants.map((grant) => grant.threadId);
    assertEquals(threads.filter((id) => id === "w-t0").length, 10);
    assertEquals(new Set(threads).size, 2);
    assertEquals(node.available(), { CPU: 0.9 });
  });

  it("keeps whole leases off threads with fractional ones", () => {
    const node = new DrivenScheduler({ CPU: 2 });
    const [small] = node.grant("w-driver", { count: 1, needs: { CPU: 0.5 } });

    const [whole] = node.grant("w-driver", { count: 1 });

    assert(small!.threadId !== whole!.threadId);
  });

  it("bounds leases of no CPU by threads, and frees places as they end", () => {
    const node = new DrivenScheduler({ CPU: 2 });

    const grants = node.grant("w-driver", { count: 1_000, needs: {} });

    assertEquals(grants.length, 128);
    assertEquals(new Set(grants.map((grant) => grant.threadId)).size, 2);
    node.demand("w-driver", { count: 999, needs: {} });
    const next = grantsIn(node.returned(grants[0]!.leaseId));
    assertEquals(next.length, 1);
  });

  it("ends the leases of an owner that ended and forgets its demands", () => {
    const node = new DrivenScheduler({ CPU: 2 });
    node.grant("w-driver", { count: 5 });

    const actions = node.ownerEnded("w-driver");

    assertEquals(typesOf(actions), ["revoke_lease", "revoke_lease"]);
    assertEquals(node.available(), { CPU: 2 });
    assertEquals(node.demand("w-driver", { count: 1 }), []);
    assertEquals(node.ownerEnded("w-driver"), []);
  });

  it("starts a fresh thread for the demands of one that ended", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    node.grant("w-driver", { count: 2 });

    const actions = node.threadEnded("w-t0");

    assertEquals(typesOf(actions), ["revoke_lease", "start_thread"]);
    assertEquals(typesOf(node.started("w-t1")), ["grant_lease"]);
    assertEquals(node.threadEnded("w-t0"), []);
  });

  it("ends what a thread that ended had submitted itself", () => {
    const node = new DrivenScheduler({ CPU: 2 });
    node.grant("w-driver", { count: 1 });
    node.grant("w-t0", { count: 1, depth: 1 });

    node.demand("w-driver", { count: 0 });
    const actions = node.threadEnded("w-t0");

    assertEquals(typesOf(actions), ["revoke_lease", "revoke_lease"]);
    assertEquals(node.available(), { CPU: 2 });
  });

  it("pauses before it starts a thread again after a failure", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    node.demand("w-driver", { count: 1 });

    const failed = node.send({
      type: "thread_failed_to_start",
      threadId: node.scheduler.leases()[0]!.threadId,
    });

    assertEquals(failed, []);
    assertEquals(node.available(), { CPU: 1 });
    assertEquals(node.tick(10), []);
    assertEquals(typesOf(node.tick(2_000)), ["start_thread"]);
  });
});

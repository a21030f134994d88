// Leases: who gets them, on which thread, and what happens to them when
// tasks wait, owners end and threads go.

import { assert, assertEquals, describe, it } from "../../support/harness.ts";
import { WAITING_THREADS_MAX } from "../../../runtime/base/limits.ts";
import type { GrantLease } from "../../../runtime/scheduler/messages.ts";
import {
  type DemandWords,
  DrivenScheduler,
  grantsIn,
  typesOf,
} from "./scheduler_fixture.ts";

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

    node.demand("w-driver", { count: 0 });
    const grants = grantsIn(node.returned(parent!.leaseId));

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
    assertEquals(node.startAll(node.blocked(lease!.leaseId)).length, 1);
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

  it("runs a chain of nested tasks on one CPU, each beside its parent", () => {
    const node = new DrivenScheduler({ CPU: 1 });

    const chain = nest(node, 100);

    const threads = chain.map((lease) => lease.threadId);
    assertEquals(threads.length, 100);
    assertEquals(new Set(threads).size, WAITING_THREADS_MAX + 1);
    for (let depth = 1; depth < threads.length; depth++) {
      assert(threads[depth] !== threads[depth - 1], `own thread at ${depth}`);
    }
    for (const { leaseId, owner } of chain.reverse()) {
      node.unblocked(leaseId);
      node.demand(owner, { count: 0 });
      node.returned(leaseId);
    }
    assertEquals(node.available(), { CPU: 1 });
  });

  it("gives every task with a time limit a thread where nobody waits", () => {
    const node = new DrivenScheduler({ CPU: 1 });

    const chain = nest(node, 20, { isTimed: true });

    assertEquals(new Set(chain.map((lease) => lease.threadId)).size, 20);
  });

  it("lets as many threads wait as there are CPUs", () => {
    const node = new DrivenScheduler({ CPU: 8 });
    const parents = node.grant("w-driver", { count: 8 });

    const children = parents.flatMap(({ leaseId, threadId }) => {
      node.blocked(leaseId);
      return node.grant(threadId, { count: 1, depth: 1 });
    });

    const threads = [...parents, ...children].map((lease) => lease.threadId);
    assertEquals(new Set(threads).size, 16);
  });

  it("reuses a thread whose task waits while none can be started", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    const [parent] = node.grant("w-driver", { count: 1 });
    node.demand("w-t0", { count: 1, depth: 1 });
    const [start] = node.blocked(parent!.leaseId);
    assert(start?.type === "start_thread");

    const actions = node.send({
      type: "thread_failed_to_start",
      threadId: start.threadId,
    });

    assertEquals(
      grantsIn(actions).map((grant) => grant.threadId),
      ["w-t0"],
    );
  });

  it("keeps a small child off the thread of its small parent", () => {
    const node = new DrivenScheduler({ CPU: 2 });
    const needs = { CPU: 0.25 };
    const [parent] = node.grant("w-driver", { count: 2, needs });
    node.blocked(parent!.leaseId);

    const [child] = node.grant("w-t0", { count: 1, needs, depth: 1 });

    assertEquals(child?.threadId, "w-t1");
  });

  it("never shows less than nothing while unblocked tasks exceed", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    const [first] = node.grant("w-driver", { count: 2 });
    const [second] = node.startAll(node.blocked(first!.leaseId));

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

/** A chain of tasks, each of which waits for the next; the last one runs. */
function nest(
  node: DrivenScheduler,
  length: number,
  words: Partial<DemandWords> = {},
): GrantLease[] {
  const chain: GrantLease[] = [];
  let owner: string = "w-driver";
  for (let depth = 0; depth < length; depth++) {
    const above = chain.filter((lease) => lease.owner === owner).length;
    const demand = node.demand(owner, { ...words, count: above + 1, depth });
    const last = chain.at(-1);
    const blocked = last ? node.blocked(last.leaseId) : [];
    const [lease] = node.startAll([...demand, ...blocked]);
    if (!lease) break;
    chain.push(lease);
    owner = lease.threadId;
  }
  return chain;
}

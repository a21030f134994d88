// Leases and actors in child processes: who gets which, and that nobody shares.

import { assertEquals, describe, it } from "../../support/harness.ts";
import { DrivenScheduler } from "./scheduler_fixture.ts";

const CHILD = { isolation: "process" } as const;

describe("Scheduler isolation", () => {
  it("gives no child to leases of threads, nor the other way", () => {
    const node = new DrivenScheduler({ CPU: 2 });
    const [child] = node.grant("w-d", { count: 1, ...CHILD });
    node.demand("w-d", { count: 0, ...CHILD });
    node.returned(child!.leaseId);

    const [thread] = node.grant("w-d", { count: 1 });
    assertEquals(thread!.threadId === child!.threadId, false);

    const [again] = node.grant("w-d", { count: 1, ...CHILD });
    assertEquals(again!.threadId, child!.threadId);
  });

  it("gives leases below one CPU a child each", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    const needs = { CPU: 0.25 };
    const leases = node.grant("w-d", { count: 3, needs, ...CHILD });
    assertEquals(new Set(leases.map(({ threadId }) => threadId)).size, 3);
  });

  it("starts another rather than use one whose task waits", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    const [parent] = node.grant("w-d", { count: 1, ...CHILD });
    node.blocked(parent!.leaseId);

    const [nested] = node.grant(parent!.threadId, { count: 1, ...CHILD });
    assertEquals(nested!.threadId === parent!.threadId, false);
  });

  it("gives each actor a child of its own", () => {
    const node = new DrivenScheduler({ CPU: 2 });
    node.startAll(node.actor("a-1", CHILD));
    node.startAll(node.actor("a-2", CHILD));
    const threads = node.scheduler.actors().map(({ threadId }) => threadId);
    assertEquals(new Set(threads).size, 2);
  });
});

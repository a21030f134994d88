// Actors: placed on a thread of their own or on a shared one, by what must be
// free to place them and what they hold afterwards.

import { assertEquals, describe, it } from "../../support/harness.ts";
import { DrivenScheduler, typesOf } from "./scheduler_fixture.ts";

describe("Scheduler actors", () => {
  it("gives an actor a thread of its own, which ends with it", () => {
    const node = new DrivenScheduler({ CPU: 2 });

    assertEquals(typesOf(node.actor("a-1")), ["start_thread"]);
    assertEquals(typesOf(node.started("w-t0")), ["place_actor"]);
    assertEquals(typesOf(node.actorEnded("a-1")), ["stop_thread"]);
    assertEquals(node.threadEnded("w-t0"), []);
    assertEquals(node.scheduler.actors(), []);
  });

  it("places any number of default actors where one CPU is free", () => {
    const node = new DrivenScheduler({ CPU: 1 });

    for (let index = 0; index < 20; index++) node.actor(`a-${index}`);

    const states = node.scheduler.actors().map((actor) => actor.state);
    assertEquals(states, Array(20).fill("placing"));
    assertEquals(node.available(), { CPU: 1 });
  });

  it("lets an actor that holds resources wait for them", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    const needs = { placement: { CPU: 1 }, held: { CPU: 1 } };
    node.actor("a-1", needs);
    node.started("w-t0");

    assertEquals(node.actor("a-2", needs), []);
    assertEquals(node.available(), { CPU: 0 });

    const actions = node.actorEnded("a-1");
    assertEquals(typesOf(actions), ["stop_thread", "start_thread"]);
  });

  it("asks an owner with several leases to make room for an actor", () => {
    const node = new DrivenScheduler({ CPU: 2 });
    const leases = node.grant("w-driver", { count: 9 });

    assertEquals(typesOf(node.actor("a-1")), ["reclaim_lease"]);

    const actions = node.returned(leases[0]!.leaseId);
    assertEquals(typesOf(actions), ["start_thread", "grant_lease"]);
  });

  it("spreads shared actors evenly over as many threads as CPUs", () => {
    const node = new DrivenScheduler({ CPU: 2 });

    for (let index = 0; index < 10; index++) {
      node.startAll(node.actor(`a-${index}`, { isolation: "shared" }));
    }

    const threads = node.scheduler.actors().map((actor) => actor.threadId);
    assertEquals(threads.filter((id) => id === "w-t0").length, 5);
    assertEquals(threads.filter((id) => id === "w-t1").length, 5);
  });

  it("places a shared actor on a node that has no CPU, if it needs none", () => {
    const node = new DrivenScheduler({});
    const words = { placement: {}, isolation: "shared" } as const;

    assertEquals(typesOf(node.actor("a-1", words)), ["start_thread"]);
    assertEquals(typesOf(node.started("w-t0")), ["place_actor"]);
    assertEquals(typesOf(node.actor("a-2")), []);
  });

  it("forgets the actors of a thread that ended and takes them again", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    const words = { held: { CPU: 0.5 }, isolation: "shared" } as const;
    node.actor("a-1", words);
    node.started("w-t0");

    node.threadEnded("w-t0");

    assertEquals(node.scheduler.actors(), []);
    assertEquals(node.available(), { CPU: 1 });
    assertEquals(typesOf(node.actor("a-1", words)), ["start_thread"]);
  });

  it("fails an actor whose threads did not start three times", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    node.actor("a-1");

    for (const [index, nowMs] of [5_000, 10_000].entries()) {
      assertEquals(failStart(node, `w-t${index}`), []);
      assertEquals(typesOf(node.tick(nowMs)), ["start_thread"]);
    }

    assertEquals(typesOf(failStart(node, "w-t2")), ["fail_actor"]);
    assertEquals(node.scheduler.actors(), []);
  });

  it("takes back an actor that is cancelled while its thread starts", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    node.actor("a-1", { held: { CPU: 1 } });

    const actions = node.send({
      type: "actor_cancelled",
      actorId: "a-1" as never,
    });

    assertEquals(typesOf(actions), ["stop_thread"]);
    assertEquals(node.started("w-t0"), []);
    assertEquals(node.available(), { CPU: 1 });
  });

  it("does nothing for an actor that is requested again", () => {
    const node = new DrivenScheduler({ CPU: 1 });
    node.actor("a-1");

    assertEquals(node.actor("a-1"), []);
    node.started("w-t0");
    assertEquals(node.actor("a-1"), []);
  });

  it("places actors whose resources have the names of object members", () => {
    const node = new DrivenScheduler({ CPU: 1, constructor: 1 });
    const held = { constructor: 1, valueOf: 1 };

    assertEquals(node.actor("a-1", { placement: held, held }), []);
    const [pending] = node.scheduler.pending();
    assertEquals([pending?.kind, pending?.why], ["actor", "resources"]);
  });
});

function failStart(node: DrivenScheduler, threadId: string) {
  return node.send({
    type: "thread_failed_to_start",
    threadId: threadId as never,
  });
}

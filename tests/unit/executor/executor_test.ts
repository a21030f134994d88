import { RunAbandoned } from "../../../runtime/executor/executor.ts";
import type { TaskRun } from "../../../runtime/executor/task_run.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";
import {
  ACTOR,
  ExecutorFixture,
  Held,
  LEASE,
  OWNER,
} from "./executor_fixture.ts";

describe("Executor", () => {
  it("runs tasks in order and gives their results back in columns", async () => {
    const fixture = new ExecutorFixture();
    let count = 0;
    const template = fixture.define((n: number) => n + ++count);

    fixture.push(template, [1, 2], [10]);
    const deeds = await fixture.take();

    const results = deeds.flatMap((deed) => deed["values"]);
    assertEquals(results, [11, 12]);
    assert(fixture.executor.isIdle);
  });

  it("does not run what its owner has taken back", async () => {
    const fixture = new ExecutorFixture();
    const ran: string[] = [];
    const template = fixture.define(() => void ran.push("ran"));
    fixture.push(template, [1, 2]);

    fixture.claims.revoke(0);
    const deeds = await fixture.take();

    assertEquals(ran, ["ran"]);
    assertEquals(deeds.flatMap((deed) => deed["numbers"]), [2]);
  });

  it("tells what user code threw", async () => {
    const fixture = new ExecutorFixture();
    const template = fixture.define(() => {
      throw new RangeError("no");
    });

    fixture.push(template, [3]);
    const [deed] = await fixture.take();

    assertEquals(deed?.["type"], "task_failed");
    assertEquals((deed?.["error"] as Error).message, "no");
  });

  it("runs one task of a lease at a time, awaits included", async () => {
    const fixture = new ExecutorFixture();
    const steps: string[] = [];
    const template = fixture.define(async () => {
      steps.push("begin");
      await undefined;
      steps.push("end");
    });

    fixture.push(template, [1, 2]);
    await fixture.take();

    assertEquals(steps, ["begin", "end", "begin", "end"]);
  });

  it("sends back what waits behind a task that waits, also late", async () => {
    const fixture = new ExecutorFixture();
    const { waiting, template } = waitingTask(fixture);
    fixture.push(template, [1, 2]);
    await fixture.take();

    fixture.executor.waitBegun(waiting());
    const blocked = await fixture.take();
    fixture.push(template, [3]);
    const late = await fixture.take();
    fixture.executor.waitEnded(waiting());
    const resumed = await fixture.take();

    assertEquals(blocked, [
      { blocked: LEASE },
      { to: OWNER, type: "lease_blocked", lease: LEASE, returned: [2] },
    ]);
    assertEquals(late.flatMap((deed) => deed["returned"]), [3]);
    assertEquals(resumed, [
      { unblocked: LEASE },
      { to: OWNER, type: "lease_resumed", lease: LEASE },
    ]);
  });

  it("leaves a lease that is over when what ran under it has ended", async () => {
    const fixture = new ExecutorFixture();
    const { promise, resolve } = Promise.withResolvers<void>();
    const ran: string[] = [];
    const template = fixture.define(async () => {
      ran.push("ran");
      await promise;
    });
    fixture.push(template, [1, 2]);
    await fixture.take();

    fixture.executor.leaseOver(LEASE, new Error("Over"));
    const under = await fixture.take();
    resolve();
    const ended = await fixture.take();

    assertEquals(under, []);
    assertEquals(ended.filter((deed) => "left" in deed), [{ left: LEASE }]);
    assertEquals(ran, ["ran"]);
  });

  it("leaves a lease that is over at once if nothing runs there", async () => {
    const fixture = new ExecutorFixture();

    fixture.executor.leaseOver(LEASE, new Error("Over"));

    assertEquals(await fixture.take(), [{ left: LEASE }]);
  });

  it("lends a lease out that is asked back in vain, until there is work", async () => {
    const fixture = new ExecutorFixture();
    const { promise, resolve } = Promise.withResolvers<void>();
    fixture.push(fixture.define(() => promise), [1]);
    await fixture.take();

    fixture.executor.leaseUnanswered(LEASE);
    const busy = await fixture.take();
    resolve();
    await fixture.take();
    fixture.executor.leaseUnanswered(LEASE);
    fixture.executor.leaseUnanswered(LEASE);
    const idle = await fixture.take();
    fixture.push(fixture.define(() => 1), [2]);
    const [resumed] = await fixture.take();

    assertEquals(busy, []);
    assertEquals(idle, [{ blocked: LEASE }]);
    assertEquals(resumed, { unblocked: LEASE });
  });

  it("aborts a running task's signal, and cancels its children", async () => {
    const fixture = new ExecutorFixture();
    const { waiting, template } = waitingTask(fixture);
    fixture.push(template, [1]);
    await fixture.take();
    const { signal } = waiting();

    cancel(fixture, 1);

    assert(signal.aborted);
    assertEquals(fixture.cancelled, [waiting()]);
  });

  it("forgets the tasks of an owner that is gone", async () => {
    const fixture = new ExecutorFixture();
    const { waiting, template } = waitingTask(fixture);
    fixture.push(template, [1, 2]);
    await fixture.take();

    fixture.executor.ownerEnded(OWNER);

    assert(waiting().signal.aborted);
    assertEquals([...waiting().slot.queue], []);
  });

  it("keeps the calls of an actor until it is made", async () => {
    const fixture = new ExecutorFixture();
    const steps: string[] = [];
    class Actor {
      constructor() {
        steps.push("made");
      }

      ask() {
        steps.push("asked");
        return 5;
      }
    }

    fixture.host(Actor);
    fixture.call(method(fixture, "ask"), [1]);
    const deeds = await fixture.take();

    assertEquals(steps, ["made", "asked"]);
    assertEquals(deeds[0], { constructed: ACTOR });
    assertEquals(deeds[1]?.["values"], [5]);
  });

  it("runs no calls that were meant for another life of an actor", async () => {
    const fixture = new ExecutorFixture();
    const ran: number[] = [];
    class Actor {
      ask() {
        ran.push(1);
      }
    }
    fixture.host(Actor);
    await fixture.take();

    fixture.call(method(fixture, "ask"), [1], 1);

    assertEquals(await fixture.take(), []);
    assertEquals(ran, []);
  });

  it("tells that an actor's constructor threw", async () => {
    const fixture = new ExecutorFixture();
    class Actor {
      constructor() {
        throw new Error("no");
      }
    }

    fixture.host(Actor);

    assertEquals(await fixture.take(), [{ failed: ACTOR, message: "no" }]);
    assertEquals(fixture.executor.actors.size, 0);
  });

  // The race: the owner keeps the place of a cancelled call until it hears.
  it("answers for a call that was cancelled while it waited", async () => {
    const fixture = new ExecutorFixture();
    const ran: number[] = [];
    class Actor {
      async ask() {
        ran.push(1);
        await new Promise(() => {});
      }

      other() {
        ran.push(2);
      }
    }
    fixture.host(Actor);
    fixture.call(method(fixture, "ask"), [1]);
    fixture.call(method(fixture, "other"), [2]);
    await fixture.take();

    cancel(fixture, 2);
    const [run] = [...fixture.executor.actors.values()][0]!.groups.values();
    run!.running = 0;
    fixture.call(method(fixture, "other"), [3]);
    const deeds = await fixture.take();

    assertEquals(ran, [1, 2]);
    assertEquals(deeds[0]?.["type"], "task_failed");
    assertEquals(deeds[0]?.["number"], 2);
    assertEquals(deeds[1]?.["numbers"], [3]);
  });

  it("ends an actor that retires once its calls are done", async () => {
    const fixture = new ExecutorFixture();
    const gate = Promise.withResolvers<void>();
    class Actor {
      ask() {
        return gate.promise;
      }
    }
    fixture.host(Actor);
    fixture.call(method(fixture, "ask"), [1]);
    await fixture.take();

    fixture.executor.retireActor(ACTOR);
    const before = await fixture.take();
    gate.resolve();
    const after = await fixture.take();

    assertEquals(before, []);
    assertEquals(after.map((deed) => deed["type"] ?? deed["exited"]), [
      "tasks_done",
      ACTOR,
    ]);
  });

  it("is idle after an actor has ended itself", async () => {
    const fixture = new ExecutorFixture();
    class Actor {
      leave() {
        throw new RunAbandoned("exitActor()");
      }
    }
    fixture.host(Actor);
    fixture.call(method(fixture, "leave"), [1]);

    const deeds = await fixture.take();

    assertEquals(deeds.at(-1), { exited: ACTOR });
    assert(fixture.executor.isIdle);
  });
});

describe("Results", () => {
  it("keeps refs inside results until their owner has them", async () => {
    const fixture = new ExecutorFixture();
    const held = [new Held(1), new Held(2)];
    const spec = { returns: 2 };
    const template = fixture.define(() => held.map((each) => [each]), spec);

    fixture.push(template, [1]);
    const [deed] = await fixture.take();
    const before = [...fixture.pinned];
    fixture.executor.receive(OWNER, { type: "results_taken", numbers: [1] });

    const returns = deed?.["returns"] as { c: unknown }[];
    assertEquals(returns.map(({ c }) => c), [[[OWNER, 1]], [[OWNER, 2]]]);
    assertEquals(before, held);
    assertEquals(fixture.pinned, []);
  });

  it("keeps nothing for an owner that is gone", async () => {
    const fixture = new ExecutorFixture();
    const gate = Promise.withResolvers<unknown>();
    const template = fixture.define(() => gate.promise);
    const early = fixture.define(() => [new Held(1)]);
    fixture.push(early, [1]);
    await fixture.take();
    fixture.push(template, [2]);
    await fixture.take();

    fixture.executor.ownerEnded(OWNER);
    gate.resolve([new Held(2)]);
    await fixture.take();

    assertEquals(fixture.pinned, []);
  });

  it("keeps nothing when a result cannot be stored", async () => {
    const fixture = new ExecutorFixture();
    fixture.storeError = new Error("full");
    const template = fixture.define(() => [
      new Held(1),
      new Uint8Array(200_000),
    ]);

    fixture.push(template, [1]);
    const [deed] = await fixture.take();

    assertEquals(deed?.["type"], "task_failed");
    assertEquals(fixture.pinned, []);
  });

  it("waits until the owners of borrowed refs know of them", async () => {
    const fixture = new ExecutorFixture();
    fixture.isAcknowledged = false;
    const template = fixture.define(() => 1);

    fixture.push(template, [1]);
    const before = await fixture.take();
    fixture.acknowledge();
    const [deed] = await fixture.take();

    assertEquals(before, []);
    assertEquals(deed?.["returns"], [{ v: 1 }]);
  });

  for (const end of ["failure", "nothing", "a stream"] as const) {
    it(`that are ${end} wait for the owners, too`, async () => {
      const fixture = new ExecutorFixture();
      fixture.isAcknowledged = false;
      const targets = {
        failure: () => {
          throw new Error("no");
        },
        nothing: () => {},
        "a stream": () => [],
      };
      const returns = end === "nothing" ? 0 : end === "a stream" ? -1 : 1;
      const template = fixture.define(targets[end], { returns });

      fixture.push(template, [1, 2]);
      const before = await fixture.take();
      fixture.acknowledge();
      const after = await fixture.take();

      const types = {
        failure: "task_failed",
        nothing: "task_returned",
        "a stream": "stream_ended",
      };
      assertEquals(before, []);
      assertEquals(after.map(({ type }) => type), [
        types[end],
        end === "nothing" ? "tasks_done" : types[end],
      ]);
      assertEquals(fixture.executor.isIdle, true);
    });
  }

  it("stores large results, and says where they are", async () => {
    const fixture = new ExecutorFixture();
    const template = fixture.define(() => new Uint8Array(200_000));

    fixture.push(template, [6]);

    assertEquals(await fixture.take(), [
      { written: [OWNER, 6] },
      {
        to: OWNER,
        type: "task_returned",
        number: 6,
        returns: [{ o: [OWNER, 6] }],
      },
    ]);
  });

  it("refuses a number of results that was not agreed on", async () => {
    const fixture = new ExecutorFixture();
    const template = fixture.define(() => [1], { returns: 2 });

    fixture.push(template, [1]);
    const [deed] = await fixture.take();

    assertEquals((deed?.["error"] as Error).name, "TypeError");
  });
});

describe("Streams", () => {
  it("are no further ahead of their reader than agreed", async () => {
    const fixture = new ExecutorFixture();
    const template = fixture.define(function* () {
      yield* [1, 2, 3];
    }, { returns: -1, backpressure: 1 });

    fixture.push(template, [5]);
    const first = await fixture.take();
    const type = "stream_consumed";
    fixture.executor.receive(OWNER, { type, number: 5, consumed: 2 });
    const rest = await fixture.take();
    fixture.executor.receive(OWNER, { type, number: 5, consumed: 3 });
    const end = await fixture.take();

    assertEquals(first.map((deed) => deed["item"]), [{ v: 1 }]);
    assertEquals(rest.map((deed) => deed["item"]), [{ v: 2 }, { v: 3 }]);
    assertEquals(end.map((deed) => deed["count"]), [3]);
  });

  it("run the `finally` of a generator that is cancelled", async () => {
    const fixture = new ExecutorFixture();
    let isClosed = false;
    const template = fixture.define(function* () {
      try {
        for (let n = 0;; n++) yield n;
      } finally {
        isClosed = true;
      }
    }, { returns: -1, backpressure: 2 });

    fixture.push(template, [5]);
    await fixture.take();
    cancel(fixture, 5);
    const deeds = await fixture.take();

    assert(isClosed);
    assertEquals(deeds.at(-1)?.["type"], "task_failed");
    assert(fixture.executor.isIdle);
  });
});

function cancel(fixture: ExecutorFixture, number: number): void {
  fixture.executor.receive(OWNER, {
    type: "task_cancel",
    number,
    recursive: true,
  });
}

function method(fixture: ExecutorFixture, name: string): number {
  return fixture.define(() => {}, { actorId: ACTOR, method: name });
}

/** A task that does not end, and the run of it. */
function waitingTask(fixture: ExecutorFixture) {
  let run: TaskRun | undefined;
  const template = fixture.define(() => {
    run = fixture.current;
    return new Promise(() => {});
  });
  return { template, waiting: () => run! };
}

// How calls of one actor run at the same time on an embedded cluster, what
// bounds them, how they are cancelled, and actors that share threads.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertThrows,
  describe,
  it,
} from "../support/harness.ts";
import {
  ActorDiedError,
  type ActorHandle,
  cancel,
  context,
  get,
  kill,
  type ObjectRef,
  PendingCallsLimitError,
  remote,
  TaskCancelledError,
  TaskTimeoutError,
} from "../../mod.ts";
import { Gate, settled, useCluster } from "../support/cluster.ts";

type GateHandle = ActorHandle<InstanceType<typeof Gate.local>>;

/** Calls that wait for one another, and a record of what ran when. */
class Meeting {
  readonly #log: string[] = [];
  #running = 0;
  #most = 0;
  #release = Promise.withResolvers<void>();

  /** Runs until somebody lets it go. */
  async stay(name: string): Promise<string> {
    this.#enter(name);
    await this.#release.promise;
    this.#leave(name);
    return name;
  }

  /** Runs until so many run at the same time. */
  async meet(name: string, count: number): Promise<string> {
    this.#enter(name);
    if (this.#running >= count) this.#release.resolve();
    await this.#release.promise;
    this.#leave(name);
    return name;
  }

  async pass(name: string, { gate }: { gate: GateHandle }): Promise<string> {
    this.#enter(name);
    await get(gate.pass.remote());
    this.#leave(name);
    return name;
  }

  release(): void {
    this.#release.resolve();
  }

  log(): string[] {
    return this.#log;
  }

  most(): number {
    return this.#most;
  }

  #enter(name: string): void {
    this.#log.push(`+${name}`);
    this.#most = Math.max(this.#most, ++this.#running);
  }

  #leave(name: string): void {
    this.#log.push(`-${name}`);
    this.#running--;
  }
}

const RemoteMeeting = remote({ numCpus: 0 }, Meeting);

class Loader {
  readonly #gates = new Map<string, PromiseWithResolvers<void>>();

  async load(name: string): Promise<string> {
    await this.#gate(name).promise;
    return name;
  }

  async compute(name: string): Promise<string> {
    await this.#gate(name).promise;
    return name;
  }

  open(name: string): void {
    this.#gate(name).resolve();
  }

  #gate(name: string): PromiseWithResolvers<void> {
    let gate = this.#gates.get(name);
    if (!gate) this.#gates.set(name, gate = Promise.withResolvers());
    return gate;
  }
}

/** What a cancelled call sees of it. */
class Cancellable {
  #aborted = 0;
  #ran: string[] = [];

  /** Heeds its signal. */
  async heed({ gate }: { gate: GateHandle }): Promise<void> {
    const { signal } = context();
    signal.addEventListener("abort", () => this.#aborted++);
    const arrived = gate.pass.remote();
    await new Promise<void>((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason))
    );
    await get(arrived);
  }

  /** Ignores its signal, and ends at its next call of the API. */
  async ignore({ gate }: { gate: GateHandle }): Promise<void> {
    await get(gate.pass.remote());
    this.#ran.push("after the gate");
  }

  run(name: string): string[] {
    this.#ran.push(name);
    return this.#ran;
  }

  aborted(): number {
    return this.#aborted;
  }
}

const RemoteCancellable = remote({ numCpus: 0 }, Cancellable);

class Small {
  #n: number;

  constructor(n: number) {
    this.#n = n;
  }

  increment(): number {
    return ++this.#n;
  }

  thread(): string {
    return context().workerId;
  }

  id(): string | undefined {
    return context().actorId;
  }

  fail(): never {
    throw new RangeError("just me");
  }

  async passGate({ gate }: { gate: GateHandle }): Promise<number> {
    await get(gate.pass.remote());
    return this.#n;
  }
}

const SharedSmall = remote({ numCpus: 0, isolation: "shared" }, Small);

describe("maxConcurrency", () => {
  useCluster();

  it("of 1 runs one call at a time, awaits included", async () => {
    using gate = Gate.remote();
    const meeting = RemoteMeeting.remote();
    const refs = ["a", "b", "c"].map((name) =>
      meeting.pass.remote(name, { gate })
    );
    await get(gate.arrivals.remote(1));
    gate.open.remote();

    assertEquals(await get(refs), ["a", "b", "c"]);
    assertEquals(
      await get(meeting.log.remote()),
      ["+a", "-a", "+b", "-b", "+c", "-c"],
    );
  });

  it("above 1 interleaves calls at their awaits", async () => {
    const meeting = RemoteMeeting.options({ maxConcurrency: 3 }).remote();
    const refs = ["a", "b", "c"].map((name) => meeting.meet.remote(name, 3));

    assertEquals(await get(refs), ["a", "b", "c"]);
    assertEquals(await get(meeting.most.remote()), 3);
  });

  it("is a limit, and calls begin in order", async () => {
    using gate = Gate.remote();
    const meeting = RemoteMeeting.options({ maxConcurrency: 2 }).remote();
    const names = ["a", "b", "c", "d", "e"];
    const refs = names.map((name) => meeting.pass.remote(name, { gate }));
    await get(gate.arrivals.remote(2));

    gate.open.remote();

    assertEquals(await get(refs), names);
    assertEquals(await get(meeting.most.remote()), 2);
    const log = await get(meeting.log.remote());
    assertEquals(
      log.filter((line) => line[0] === "+"),
      names.map((n) => `+${n}`),
    );
  });

  it("lets many wait for one", async () => {
    const meeting = RemoteMeeting.options({ maxConcurrency: 1000 }).remote();
    const refs = Array.from(
      { length: 500 },
      (_, index) => meeting.stay.remote(`${index}`),
    );

    await get(meeting.release.remote());

    assertEquals((await get(refs)).length, 500);
    assertEquals(await get(meeting.most.remote()), 500);
  });
});

describe("concurrencyGroups", () => {
  useCluster();

  const Grouped = remote({
    numCpus: 0,
    concurrencyGroups: { io: 2 },
    methods: {
      load: { concurrencyGroup: "io" },
      open: { concurrencyGroup: "control" },
    },
  }, Loader).options({ concurrencyGroups: { io: 2, control: 1 } });

  it("run beside one another, each with its own limit", async () => {
    const loader = Grouped.remote();
    const loads = ["a", "b", "c"].map((name) => loader.load.remote(name));
    const computed = loader.compute.remote("x");

    // "c" is the third of a group of two: it waits for "a" or "b".
    await get(loader.open.remote("c"));
    await get(loader.open.remote("x"));
    assertEquals(await get(computed), "x");
    await assertRejects(get(loads[2]!, { timeout: 0 }));
    await get(loader.open.remote("b"));

    assertEquals(await get([loads[1]!, loads[2]!]), ["b", "c"]);
    await get(loader.open.remote("a"));
    assertEquals(await get(loads[0]!), "a");
  });

  it("can be chosen by a call", async () => {
    const loader = Grouped.remote();
    const blocking = loader.compute.remote("slow");
    const beside = loader.compute.options({ concurrencyGroup: "io" })
      .remote("fast");

    await get(loader.open.remote("fast"));

    assertEquals(await get(beside), "fast");
    await get(loader.open.remote("slow"));
    assertEquals(await get(blocking), "slow");
  });

  it("must exist", () => {
    const Wrong = remote({
      methods: { load: { concurrencyGroup: "net" } },
    }, Loader);

    assertThrows(() => Wrong.remote(), RangeError, "concurrencyGroup");
    assertThrows(
      () =>
        Grouped.remote().compute.options({ concurrencyGroup: "net" }).remote(
          "x",
        ),
      RangeError,
      "net",
    );
  });
});

describe("maxPendingCalls", () => {
  useCluster();

  it("refuses calls beyond it, at the call", async () => {
    const meeting = RemoteMeeting
      .options({ maxPendingCalls: 2, maxConcurrency: 3 }).remote();
    const refs = [meeting.stay.remote("a"), meeting.stay.remote("b")];

    assertThrows(
      () => meeting.stay.remote("c"),
      PendingCallsLimitError,
      "maxPendingCalls",
    );
    cancel(refs[0]!);
    await assertRejects(get(refs[0]!), TaskCancelledError);
    await eventuallyAccepts(meeting);

    assertEquals(await get(refs[1]!), "b");
  });

  it("does not count calls that have failed", async () => {
    const meeting = RemoteMeeting.options({ maxPendingCalls: 1 }).remote();
    kill(meeting);
    for (let call = 0; call < 5; call++) {
      await assertRejects(get(meeting.most.remote()), ActorDiedError);
    }
  });
});

/** Releases a meeting as soon as it takes one more call. */
async function eventuallyAccepts(
  meeting: ActorHandle<Meeting>,
): Promise<void> {
  for (;;) {
    try {
      return await get(meeting.release.remote());
    } catch (error) {
      assertInstanceOf(error, PendingCallsLimitError);
      await new Promise((resolve) => setTimeout(resolve));
    }
  }
}

describe("cancel() of an actor's call", () => {
  useCluster();

  it("takes a queued call out: it never runs", async () => {
    using gate = Gate.remote();
    const actor = RemoteCancellable.remote();
    const running = actor.ignore.remote({ gate });
    const queued = actor.run.remote("cancelled");
    const last = actor.run.remote("last");
    await get(gate.arrivals.remote(1));

    cancel(queued);
    await assertRejects(get(queued), TaskCancelledError);
    gate.open.remote();

    await get(running);
    assertEquals(await get(last), ["after the gate", "last"]);
  });

  it("fires the signal of a running call", async () => {
    using gate = Gate.remote();
    const actor = RemoteCancellable.options({ maxConcurrency: 2 }).remote();
    const running = actor.heed.remote({ gate });
    await get(gate.arrivals.remote(1));

    cancel(running);

    await assertRejects(get(running), TaskCancelledError);
    assertEquals(await get(actor.aborted.remote()), 1);
    gate.open.remote();
  });

  it("ends a call that ignores it at its wait for the API", async () => {
    using gate = Gate.remote();
    const actor = RemoteCancellable.remote();
    const running = actor.ignore.remote({ gate });
    await get(gate.arrivals.remote(1));

    cancel(running);

    await assertRejects(get(running), TaskCancelledError);
    assertEquals(await get(actor.run.remote("next")), ["next"]);
    gate.open.remote();
  });

  it("has no effect on a finished call", async () => {
    const actor = RemoteCancellable.remote();
    const done = actor.run.remote("done");
    await get(done);

    cancel(done);

    assertEquals(await get(done), ["done"]);
  });

  it("with force is a TypeError, and the call runs on", async () => {
    using gate = Gate.remote();
    const actor = RemoteCancellable.remote();
    const running = actor.ignore.remote({ gate });

    assertThrows(() => cancel(running, { force: true }), TypeError, "kill()");
    gate.open.remote();
    await get(running);
  });

  it("spares the actor: its state is what it was", async () => {
    using gate = Gate.remote();
    const actor = RemoteCancellable.remote();
    await get(actor.run.remote("before"));
    const running = actor.ignore.remote({ gate });
    await get(gate.arrivals.remote(1));

    cancel(running);

    assertEquals(await get(actor.run.remote("after")), ["before", "after"]);
    gate.open.remote();
  });
});

describe("the timeout of an actor's call", () => {
  useCluster();

  it("ends the call with TaskTimeoutError", async () => {
    using gate = Gate.remote();
    const actor = RemoteCancellable.remote();
    const late = actor.ignore.options({ timeout: 1 }).remote({ gate });

    await assertRejects(get(late), TaskTimeoutError);
    assertEquals(await get(actor.run.remote("lives")), ["lives"]);
    gate.open.remote();
  });

  it("spares the actors beside it", async () => {
    using gate = Gate.remote();
    const actor = SharedSmall.remote(1);
    const beside = Array.from({ length: 8 }, (_, n) => SharedSmall.remote(n));
    await get(beside.map((other) => other.increment.remote()));
    const late = actor.passGate.options({ timeout: 1 }).remote({ gate });

    await assertRejects(get(late), TaskTimeoutError);
    const values = await get(beside.map((other) => other.increment.remote()));
    assertEquals(values, [2, 3, 4, 5, 6, 7, 8, 9]);
    gate.open.remote();
  });
});

describe('isolation: "shared"', () => {
  useCluster();

  it("lets many actors live on few threads", async () => {
    const actors = Array.from(
      { length: 1_000 },
      (_, index) => SharedSmall.remote(index),
    );

    const values = await get(actors.map((actor) => actor.increment.remote()));
    assertEquals(values, actors.map((_, index) => index + 1));
    const threads = await get(actors.map((actor) => actor.thread.remote()));
    const ids = await get(actors.map((actor) => actor.id.remote()));
    assert(new Set(threads).size <= 8, `${new Set(threads).size} threads`);
    assertEquals(new Set(ids).size, 1_000);
  });

  it("kills one and spares those beside it", async () => {
    using gate = Gate.remote();
    const actors = [1, 2, 3, 4, 5, 6].map((n) => SharedSmall.remote(n));
    const waiting = actors.map((actor) => actor.passGate.remote({ gate }));
    await get(gate.arrivals.remote(6));

    kill(actors[0]!);
    await assertRejects(get(waiting[0]!), ActorDiedError);
    gate.open.remote();

    assertEquals(await get(waiting.slice(1)), [2, 3, 4, 5, 6]);
    await assertRejects(get(actors[0]!.increment.remote()), ActorDiedError);
    assertEquals(await get(actors[1]!.increment.remote()), 3);
  });

  it("keeps the errors of one to itself", async () => {
    const [one, two] = [SharedSmall.remote(1), SharedSmall.remote(2)];

    const failed: ObjectRef<unknown> = one.fail.remote();
    await assertRejects(get(failed), Error, "just me");
    assertEquals(
      await get([one.increment.remote(), two.increment.remote()]),
      [2, 3],
    );
  });

  it("ends each with its last handle", async () => {
    const kept = SharedSmall.remote(0);
    await (async () => {
      const more = [1, 2, 3].map((n) => SharedSmall.remote(n));
      await get(more.map((actor) => actor.increment.remote()));
    })();

    await settled({ actors: 1 });
    assertEquals(await get(kept.increment.remote()), 1);
  });
});

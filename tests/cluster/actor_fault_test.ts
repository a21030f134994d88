// Actors that die and come back on an embedded cluster: restarts, retries of
// calls, what callers see of it, and that nothing hangs.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  describe,
  it,
} from "../support/harness.ts";
import {
  ActorDiedError,
  type ActorHandle,
  ActorUnavailableError,
  availableResources,
  cancel,
  context,
  get,
  kill,
  MantaError,
  type ObjectRef,
  put,
  remote,
  TaskCancelledError,
  TaskError,
  wait,
} from "../../mod.ts";
import {
  eventually,
  Gate,
  newFlag,
  settled,
  useCluster,
} from "../support/cluster.ts";

type GateHandle = ActorHandle<InstanceType<typeof Gate.local>>;

class Counter {
  #n = 0;

  increment(): number {
    return ++this.#n;
  }

  echo(value: unknown): unknown {
    return value;
  }

  die(): never {
    process.exit(1);
  }

  /** Dies unless the flag is up; raises it first. */
  dieOnce(flag: Int32Array): number {
    if (Atomics.exchange(flag, 0, 1) === 0) process.exit(1);
    return ++this.#n;
  }

  /** Dies while there is something to count down. */
  dieTimes(deaths: Int32Array): number {
    if (Atomics.sub(deaths, 0, 1) > 0) process.exit(1);
    return ++this.#n;
  }

  life() {
    const { wasRestarted, workerId, actorId, attempt } = context();
    return { wasRestarted, workerId, actorId, attempt };
  }

  throwTimes(left: Int32Array): number {
    if (Atomics.sub(left, 0, 1) > 0) throw new RangeError("again");
    return context().attempt;
  }

  async block(box: { gate: GateHandle }): Promise<number> {
    await get(box.gate.pass.remote());
    return ++this.#n;
  }

  async crashLater(): Promise<void> {
    setTimeout(() => {
      throw new Error("nobody catches this");
    });
    await new Promise(() => {});
  }
}

const RemoteCounter = remote({ numCpus: 0 }, Counter);

/** Fails to start from its second life on. */
class Mortal {
  constructor(lives: Int32Array) {
    if (Atomics.sub(lives, 0, 1) <= 0) throw new RangeError("no lives left");
  }

  die(): never {
    process.exit(1);
  }

  ping(): string {
    return "pong";
  }
}

const RemoteMortal = remote({ numCpus: 0 }, Mortal);

/** Calls another actor, in this life and the next. */
class Caller {
  readonly #callee: ActorHandle<Counter>;

  constructor(callee: { handle: ActorHandle<Counter> }) {
    this.#callee = callee.handle;
  }

  async call(times: number): Promise<number> {
    let last = 0;
    for (let n = 0; n < times; n++) {
      last = await get(this.#callee.increment.remote());
    }
    return last;
  }

  die(): never {
    process.exit(1);
  }
}

const RemoteCaller = remote({ numCpus: 0 }, Caller);

const plusOne = remote(function plusOne(x: number) {
  return x + 1;
});

/** Calls an actor, and its first attempt dies after that. */
const callAndDie = remote(
  { maxRetries: 1 },
  async function callAndDie(counter: ActorHandle<Counter>) {
    const counted = await get(counter.increment.remote());
    if (context().attempt === 0) process.exit(1);
    return [counted, await get(counter.increment.remote())];
  },
);

/** Waits until the actor has come back. */
async function restarted(counter: ActorHandle<Counter>): Promise<void> {
  await eventually(
    async () => {
      try {
        return (await get(counter.life.remote())).wasRestarted;
      } catch (error) {
        assertInstanceOf(error, ActorUnavailableError);
        return false;
      }
    },
    () => "the actor to be restarted",
  );
}

describe("R-20 an actor with maxRestarts", () => {
  useCluster();

  it("keeps the order, and fails only what was under way", async () => {
    const counter = RemoteCounter.options({ maxRestarts: 1 }).remote();
    const refs = Array.from({ length: 100 }, () => counter.increment.remote());
    const dead = counter.die.remote();
    refs.push(
      ...Array.from({ length: 100 }, () => counter.increment.remote()),
    );

    const outcomes = await Promise.allSettled(refs.map((ref) => get(ref)));
    const values = outcomes.slice(0, 100).map((outcome) =>
      outcome.status === "fulfilled" ? outcome.value : outcome.reason
    );
    assertEquals(values, Array.from({ length: 100 }, (_, index) => index + 1));
    let before = 0;
    for (const outcome of outcomes.slice(100)) {
      if (outcome.status === "fulfilled") {
        assertEquals(outcome.value, ++before);
      } else {
        assertEquals(before, 0);
        assertInstanceOf(outcome.reason, ActorUnavailableError);
      }
    }
    await assertRejects(get(dead), ActorUnavailableError);
    await restarted(counter);
  });

  it("is dead for good once the restarts are used up", async () => {
    const counter = RemoteCounter.options({ maxRestarts: 1 }).remote();
    await assertRejects(get(counter.die.remote()), ActorUnavailableError);
    await restarted(counter);

    await assertRejects(get(counter.die.remote()), ActorDiedError);

    const more = Array.from({ length: 10 }, () => counter.increment.remote());
    for (const ref of more) await assertRejects(get(ref), ActorDiedError);
  });

  it("starts anew, in a new thread, with the same id", async () => {
    const counter = RemoteCounter.options({ maxRestarts: -1 }).remote();
    const first = await get(counter.life.remote());
    await get(counter.increment.remote());
    assertEquals(first.wasRestarted, false);

    await assertRejects(get(counter.die.remote()), ActorUnavailableError);
    await restarted(counter);

    const second = await get(counter.life.remote());
    assertEquals(second.actorId, first.actorId);
    assert(second.workerId !== first.workerId);
    assertEquals(await get(counter.increment.remote()), 1);
  });

  it("is not restarted when it ends on purpose", async () => {
    const counter = RemoteCounter.options({ maxRestarts: -1 }).remote();
    await get(counter.increment.remote());

    kill(counter);

    await assertRejects(get(counter.increment.remote()), ActorDiedError);
  });

  it("may fail to start again: then it is dead, with that cause", async () => {
    const lives = await put(new Int32Array(64 * 1024).fill(1));
    const mortal = RemoteMortal.options({ maxRestarts: -1 }).remote(lives);
    assertEquals(await get(mortal.ping.remote()), "pong");
    const refs = [mortal.die.remote(), mortal.ping.remote()];
    for (const ref of refs as ObjectRef<unknown>[]) {
      await assertRejects(get(ref), MantaError);
    }

    await assertRejects(
      get(mortal.ping.remote()),
      ActorDiedError,
      "no lives left",
    );
  });

  it("comes back after an error that nobody catches", async () => {
    const counter = RemoteCounter.options({ maxRestarts: 1 }).remote();
    await assertRejects(
      get(counter.crashLater.remote()),
      ActorUnavailableError,
    );

    await restarted(counter);
    assertEquals(await get(counter.increment.remote()), 1);
  });
});

describe("R-21 an actor with maxTaskRetries", () => {
  useCluster();

  it("fails no call, and keeps the order", async () => {
    using flag = await newFlag();
    const options = { maxRestarts: -1, maxTaskRetries: -1 };
    const counter = RemoteCounter.options(options).remote();
    await get(counter.increment.remote());
    const dieOnce = counter.dieOnce.remote(flag.ref);
    const refs = Array.from({ length: 50 }, () => counter.increment.remote());

    assertEquals(await get(dieOnce), 1);
    assertEquals(await get(refs), refs.map((_, index) => index + 2));
  });

  it("fails a call once its retries are used up", async () => {
    using deaths = await newFlag();
    await deaths.setWord(0, 2);
    const options = { maxRestarts: -1, maxTaskRetries: 1 };
    const counter = RemoteCounter.options(options).remote();

    await assertRejects(
      get(counter.dieTimes.remote(deaths.ref)),
      ActorUnavailableError,
    );
    assertEquals(await get(counter.increment.remote()), 1);
  });

  it("fails calls when the second death exceeds maxRestarts", async () => {
    using deaths = await newFlag();
    await deaths.setWord(0, 2);
    const options = { maxRestarts: 1, maxTaskRetries: -1 };
    const counter = RemoteCounter.options(options).remote();

    const refs = [
      counter.dieTimes.remote(deaths.ref),
      counter.increment.remote(),
    ];
    for (const ref of refs) await assertRejects(get(ref), ActorDiedError);
  });

  it("retries the user's errors with retryExceptions", async () => {
    using left = await newFlag();
    await left.setWord(0, 2);
    const retried = RemoteCounter.options({
      methods: { throwTimes: { retryExceptions: true, maxTaskRetries: 2 } },
    }).remote();
    assertEquals(await get(retried.throwTimes.remote(left.ref)), 2);

    await left.setWord(0, 2);
    const plain = RemoteCounter.remote();
    await assertRejects(
      get(plain.throwTimes.remote(left.ref)),
      TaskError,
      "again",
    );
    await left.setWord(0, 2);
    const method = plain.throwTimes.options({
      retryExceptions: [RangeError],
      maxTaskRetries: 1,
    });
    await assertRejects(get(method.remote(left.ref)), TaskError, "again");
    await left.setWord(0, 1);
    assertEquals(await get(method.remote(left.ref)), 1);
    await left.setWord(0, 1);
    const other = plain.throwTimes.options({
      retryExceptions: [TypeError],
      maxTaskRetries: 5,
    });
    await assertRejects(get(other.remote(left.ref)), TaskError, "again");
  });
});

describe("R-23 a restart without pending calls", () => {
  useCluster();

  it("happens, and holds the resources again", async () => {
    const counter = RemoteCounter.options({ numCpus: 1, maxRestarts: 1 })
      .remote();
    await get(counter.increment.remote());
    assertEquals((await availableResources())["CPU"], 1);
    const life = await get(counter.life.remote());

    kill(counter, { noRestart: false });

    const next = await get(counter.life.remote());
    assert(next.workerId !== life.workerId);
    assertEquals((await availableResources())["CPU"], 1);
  });
});

describe("R-24 a restarted caller", () => {
  useCluster();

  it("goes on with the same callee", async () => {
    const counter = RemoteCounter.remote();
    const caller = RemoteCaller.options({ maxRestarts: 1, maxTaskRetries: 0 })
      .remote({ handle: counter });
    assertEquals(await get(caller.call.remote(10)), 10);

    kill(caller, { noRestart: false });

    assertEquals(await get(caller.call.remote(10)), 20);
    assertEquals(await get(counter.increment.remote()), 21);
  });
});

describe("R-25 a retried task that calls an actor", () => {
  useCluster();

  it("has its calls accepted", async () => {
    const counter = RemoteCounter.remote();

    assertEquals(await get(callAndDie.remote(counter)), [2, 3]);
  });
});

describe("R-27 wait() on a dead actor", () => {
  useCluster();

  it("takes its calls as ready", async () => {
    const counter = RemoteCounter.remote();
    const refs: ObjectRef<unknown>[] = [
      counter.die.remote(),
      counter.increment.remote(),
      counter.increment.remote(),
    ];

    const [ready, pending] = await wait(refs, { numReturns: 3 });
    assertEquals([ready.length, pending.length], [3, 0]);
    const late: ObjectRef<unknown> = counter.increment.remote();
    assertEquals(await wait([late]), [[late], []]);
    for (const ref of [...refs, late]) {
      await assertRejects(get(ref), ActorDiedError);
    }
  });
});

describe("R-33 R-34 calls of an actor whose thread dies", () => {
  useCluster();

  it("R-33 poison their dependents", async () => {
    const counter = RemoteCounter.remote();
    const result = counter.die.remote() as ObjectRef<number>;
    const dependent = plusOne.remote(plusOne.remote(result));

    await assertRejects(get(dependent), ActorDiedError);
  });

  it("R-34 all fail, queued and later ones, and none hangs", async () => {
    const counter = RemoteCounter.remote();
    const other = RemoteCounter.remote();
    const refs: ObjectRef<unknown>[] = [counter.die.remote()];
    for (let n = 0; n < 50; n++) refs.push(counter.echo.remote(n));
    refs.push(counter.echo.remote(other.increment.remote()));

    for (const ref of refs) await assertRejects(get(ref), ActorDiedError);
    for (let n = 0; n < 50; n++) {
      await assertRejects(get(counter.echo.remote(n)), ActorDiedError);
    }
  });

  it("R-34 fail when nothing was in progress", async () => {
    const counter = RemoteCounter.remote();
    await get(counter.increment.remote());
    await assertRejects(get(counter.die.remote()), ActorDiedError);

    const error = await assertRejects(
      get(counter.increment.remote()),
      ActorDiedError,
    );
    assertInstanceOf(error.cause, MantaError);
    assert(error.message.includes("process.exit(1)"), error.message);
  });

  it("fail for callers in other threads, too", async () => {
    const counter = RemoteCounter.remote();
    const caller = RemoteCaller.remote({ handle: counter });
    assertEquals(await get(caller.call.remote(1)), 1);
    await assertRejects(get(counter.die.remote()), ActorDiedError);

    const error = await assertRejects(get(caller.call.remote(1)), MantaError);
    assertInstanceOf(error, ActorDiedError);
  });
});

describe("a call that cannot be sent", () => {
  useCluster();

  it("lets those behind it go on once its argument failed", async () => {
    using gate = Gate.remote();
    const counter = RemoteCounter.remote();
    await get(counter.increment.remote());
    const failing = failAt.remote({ gate });
    const first = counter.echo.remote(failing);
    const second = counter.increment.remote();
    await get(gate.arrivals.remote(1));

    gate.open.remote();

    await assertRejects(get(first), TaskError, "at the gate");
    assertEquals(await get(second), 2);
  });

  it("lets those behind it go on once it is cancelled", async () => {
    using gate = Gate.remote();
    const counter = RemoteCounter.remote();
    await get(counter.increment.remote());
    const first = counter.echo.remote(gate.pass.remote());
    const second = counter.increment.remote();
    await get(gate.arrivals.remote(1));

    cancel(first);

    await assertRejects(get(first), TaskCancelledError);
    assertEquals(await get(second), 2);
    gate.open.remote();
  });

  it("does not keep the actor alive once it is cancelled", async () => {
    using gate = Gate.remote();
    const first = (() => {
      const counter = RemoteCounter.remote();
      return counter.echo.remote(gate.pass.remote());
    })();
    await get(gate.arrivals.remote(1));

    cancel(first);

    await assertRejects(get(first), TaskCancelledError);
    await settled({ actors: 1 });
    gate.open.remote();
  });
});

const failAt = remote(
  { numCpus: 0 },
  async function failAt({ gate }: { gate: GateHandle }) {
    await get(gate.pass.remote());
    throw new RangeError("at the gate");
  },
);

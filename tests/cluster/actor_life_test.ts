// How actors come to their end on an embedded cluster, and how they are found:
// handles, creators, kill(), exitActor(), lifetimes, names.

import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
  describe,
  it,
} from "../support/harness.ts";
import {
  ActorDiedError,
  type ActorHandle,
  ActorNameTakenError,
  cancel,
  context,
  exitActor,
  get,
  getActor,
  kill,
  type ObjectRef,
  put,
  remote,
  SerializationError,
  shutdown,
  TaskCancelledError,
  TaskError,
  wait,
} from "../../mod.ts";
import {
  blocked,
  eventually,
  Gate,
  leftovers,
  newFlag,
  settled,
  testCluster,
  useCluster,
} from "../support/cluster.ts";

type GateHandle = ActorHandle<InstanceType<typeof Gate.local>>;

class Counter {
  #n: number;

  constructor(start = 0) {
    this.#n = start;
  }

  increment(by = 1): number {
    return (this.#n += by);
  }

  where(): string {
    return context().workerId;
  }

  async passGate(gate: { handle: GateHandle }): Promise<number> {
    await get(gate.handle.pass.remote());
    return ++this.#n;
  }

  leave(): void {
    exitActor();
  }

  async leaveLater(): Promise<void> {
    await Promise.resolve();
    exitActor();
  }

  fail(): never {
    throw new RangeError("not well");
  }
}

const RemoteCounter = remote({ numCpus: 0 }, Counter);

/** Holds another actor's handle, or gives it up. */
class Keeper {
  #kept: unknown;

  keep(box: { handle: unknown }): void {
    this.#kept = box;
  }

  drop(): void {
    this.#kept = undefined;
  }
}

/** Tells when it has begun, and never ends, cancelled or not. */
class Stubborn {
  async sleep(flag: Int32Array): Promise<void> {
    Atomics.add(flag, 1, 1);
    await new Promise(() => {});
  }

  spin(flag: Int32Array): void {
    Atomics.add(flag, 1, 1);
    for (;;) if (Atomics.load(flag, 1) === 0) return;
  }
}

const RemoteStubborn = remote({ numCpus: 0 }, Stubborn);

const RemoteKeeper = remote({ numCpus: 0 }, Keeper);

/** Makes actors of its own. */
class Parent {
  start(): { child: ActorHandle<Counter> } {
    return { child: RemoteCounter.remote(1) };
  }

  startDetached(name: string): Promise<number> {
    const child = RemoteCounter.options({ name, lifetime: "detached" })
      .remote(1);
    return get(child.increment.remote());
  }
}

const RemoteParent = remote({ numCpus: 0 }, Parent);

const bumpNamed = remote(async function bumpNamed(name: string) {
  const counter = await getActor<Counter>(name);
  return await get(counter.increment.remote());
});

const bump = remote(async function bump(counter: ActorHandle<Counter>) {
  return await get(counter.increment.remote());
});

const startNamed = remote(async function startNamed(name: string) {
  const counter = RemoteCounter.options({ name, getIfExists: true }).remote();
  return await get(counter.increment.remote());
});

/** Starts an actor whose handle nobody keeps, and gives the last call's ref. */
function callAndForget(gate: GateHandle): ObjectRef<number> {
  const counter = RemoteCounter.remote(10);
  counter.increment.remote();
  return counter.passGate.remote({ handle: gate });
}

/** Resolves once so many actors are left, without a collection of garbage. */
async function actorsLeft(wanted: number): Promise<void> {
  let actors = NaN;
  await eventually(
    async () => {
      ({ actors } = await leftovers());
      return actors === wanted;
    },
    () => `${actors} actors to become ${wanted}`,
  );
}

describe("the last handle of an actor", () => {
  useCluster();

  it("ends it when it is dropped", async () => {
    await (async () => {
      const counter = RemoteCounter.remote();
      await get(counter.increment.remote());
      assertEquals((await leftovers()).actors, 1);
    })();

    await settled({ actors: 0 });
  });

  it("ends it when it is disposed of", async () => {
    const counter = RemoteCounter.remote();
    await get(counter.increment.remote());

    counter[Symbol.dispose]();

    await actorsLeft(0);
    assertThrows(() => counter.increment.remote(), TypeError, "disposed");
    assertThrows(
      () => bump.remote(counter),
      SerializationError,
      "disposed",
    );
    assertThrows(() => kill(counter), TypeError, "disposed");
    counter[Symbol.dispose]();
  });

  it("may be disposed of before its calls are done", async () => {
    using gate = Gate.remote();
    const callIn = () => {
      using counter = RemoteCounter.remote(10);
      return counter.passGate.remote({ handle: gate });
    };
    const last = callIn();
    await get(gate.arrivals.remote(1));
    // What is disposed of later, and has no call, is gone before.
    RemoteCounter.remote()[Symbol.dispose]();
    await actorsLeft(2);

    gate.open.remote();

    assertEquals(await get(last), 11);
    gate[Symbol.dispose]();
    await actorsLeft(0);
  });

  it("is not the last while values hold others", async () => {
    const counter = RemoteCounter.remote(1);
    const ref = await put({ counter });
    counter[Symbol.dispose]();
    const again = (await get(ref)).counter;
    ref[Symbol.dispose]();
    RemoteCounter.remote()[Symbol.dispose]();
    await actorsLeft(1);

    assertEquals(await get(again.increment.remote()), 2);

    again[Symbol.dispose]();
    await actorsLeft(0);
  });

  it("ends it though a cancelled call never ends", async () => {
    for (const method of ["sleep", "spin"] as const) {
      using flag = await newFlag();
      const actor = RemoteStubborn.remote();
      const call = actor[method].remote(flag.ref);
      await blocked(flag, 1);
      cancel(call);
      await assertRejects(get(call), TaskCancelledError);

      actor[Symbol.dispose]();

      await actorsLeft(0);
    }
  });

  it("waits for the calls that are pending", async () => {
    using gate = Gate.remote();
    const last = callAndForget(gate);
    await get(gate.arrivals.remote(1));
    await settled({ actors: 2 });

    gate.open.remote();

    assertEquals(await get(last), 12);
  });

  it("may be with another actor", async () => {
    const keeper = RemoteKeeper.remote();
    await (async () => {
      const counter = RemoteCounter.remote();
      await get(keeper.keep.remote({ handle: counter }));
    })();
    await settled({ actors: 2, tasks: 0 });

    await get(keeper.drop.remote());

    await settled({ actors: 1 });
    await get(keeper.drop.remote());
  });

  it("may be in a pending task", async () => {
    using gate = Gate.remote();
    const result = (() => {
      const counter = RemoteCounter.remote(4);
      return bumpAfter.remote({ counter, gate });
    })();
    await get(gate.arrivals.remote(1));
    await settled({ actors: 2 });

    gate.open.remote();

    assertEquals(await get(result), 5);
  });

  it("is not needed by a detached actor", async () => {
    const name = "detached";
    await (async () => {
      const detached = RemoteCounter.options({ name, lifetime: "detached" })
        .remote();
      await get(detached.increment.remote());
    })();
    await settled({ actors: 1 });

    const again = await getActor<Counter>(name);
    assertEquals(await get(again.increment.remote()), 2);
    kill(again);
    await settled({ actors: 0 });
  });
});

const bumpAfter = remote(
  async function bumpAfter(
    { counter, gate }: { counter: ActorHandle<Counter>; gate: GateHandle },
  ) {
    await get(gate.pass.remote());
    return await get(counter.increment.remote());
  },
);

describe("the end of an actor's creator", () => {
  useCluster();

  it("ends the actor", async () => {
    const parent = RemoteParent.remote();
    const { child } = await get(parent.start.remote());
    assertEquals(await get(child.increment.remote()), 2);

    kill(parent);

    const pending = child.passGate.remote({ handle: Gate.remote() });
    await assertRejects(get(pending), ActorDiedError, "creator");
  });

  it("leaves a detached actor alone", async () => {
    const parent = RemoteParent.remote();
    assertEquals(await get(parent.startDetached.remote("orphan")), 2);

    kill(parent);
    await settled({ actors: 1 });

    const orphan = await getActor<Counter>("orphan");
    assertEquals(await get(orphan.increment.remote()), 3);
    kill(orphan);
  });
});

describe("the end of a driver", () => {
  it("ends its actors, and their names are free in the next", async () => {
    await testCluster();
    const options = { name: "survivor", namespace: "old" };
    const counter = RemoteCounter.options(options).remote();
    await get(counter.increment.remote());

    await shutdown();

    await using _cluster = await testCluster({ namespace: "old" });
    await assertRejects(getActor("survivor"), RangeError, "survivor");
    await assertRejects(
      get(counter.increment.remote()),
      ActorDiedError,
      "its session has ended",
    );
    await assertRejects(get(bump.remote(counter)), ActorDiedError, "is dead");
  });
});

describe("kill()", () => {
  useCluster();

  it("ends a running call and those behind it at once", async () => {
    using gate = Gate.remote();
    const counter = RemoteCounter.remote();
    const running = counter.passGate.remote({ handle: gate });
    const behind = [counter.increment.remote(), counter.increment.remote()];
    await get(gate.arrivals.remote(1));

    kill(counter);

    for (const ref of [running, ...behind, counter.increment.remote()]) {
      await assertRejects(get(ref), ActorDiedError, "kill()");
    }
    gate.open.remote();
  });

  it("ends an actor in an endless loop", async () => {
    const spinner = Spinner.remote();
    const endless = spinner.spin.remote();
    assertEquals(await get(Spinner.remote().ping.remote()), "pong");

    kill(spinner);

    await assertRejects(get(endless), ActorDiedError);
  });

  it("ends an actor that is still being made", async () => {
    using gate = Gate.remote();
    const counter = RemoteCounter.remote(gate.pass.remote());
    const call = counter.increment.remote();
    await get(gate.arrivals.remote(1));

    kill(counter);
    gate.open.remote();

    await assertRejects(get(call), ActorDiedError);
  });

  it("reaches the actor through any handle, and by name", async () => {
    const counter = RemoteCounter.options({ name: "victim" }).remote();
    await get(counter.increment.remote());

    kill(await getActor("victim"));

    await assertRejects(get(counter.increment.remote()), ActorDiedError);
    await assertRejects(getActor("victim"), RangeError, "victim");
  });

  it("has no effect on a dead actor", async () => {
    const counter = RemoteCounter.remote();
    kill(counter);
    kill(counter);

    await assertRejects(get(counter.increment.remote()), ActorDiedError);
  });

  it("with noRestart false lets the actor come back, new", async () => {
    const counter = RemoteCounter.options({ maxRestarts: 1 }).remote(5);
    assertEquals(await get(counter.increment.remote()), 6);

    kill(counter, { noRestart: false });
    assertEquals(await get(counter.increment.remote()), 6);
    kill(counter, { noRestart: false });

    await assertRejects(get(counter.increment.remote()), ActorDiedError);
  });

  it("takes handles only, and known options", () => {
    assertThrows(() => kill({} as never), TypeError, "ActorHandle");
    const counter = RemoteCounter.remote();
    assertThrows(() => kill(counter, { restart: true } as never), TypeError);
  });
});

class Spins {
  spin(): never {
    for (;;);
  }

  ping(): string {
    return "pong";
  }
}

const Spinner = remote({ numCpus: 0 }, Spins);

describe("exitActor()", () => {
  useCluster();

  it("ends the actor after the call, for good", async () => {
    const counter = RemoteCounter.options({ maxRestarts: -1 }).remote();
    const leaving = counter.leave.remote();

    await assertRejects(get(leaving), ActorDiedError, "exitActor()");
    const after = counter.increment.remote();
    await assertRejects(get(after), ActorDiedError, "exitActor()");
  });

  it("fails the calls behind it, and none hangs", async () => {
    const counter = RemoteCounter.remote();
    const before = counter.increment.remote();
    const refs = [
      counter.leaveLater.remote(),
      counter.increment.remote(),
      counter.increment.remote(),
    ];

    const [ready] = await wait(refs as ObjectRef<unknown>[], {
      numReturns: 3,
    });

    assertEquals(ready.length, 3);
    assertEquals(await get(before), 1);
    for (const ref of refs) {
      await assertRejects(get(ref as ObjectRef<unknown>), ActorDiedError);
    }
  });

  it("loses no outcome of the calls before it", async () => {
    for (let round = 0; round < 150; round++) {
      using counter = RemoteCounter.options({ isolation: "shared" }).remote();
      const before = counter.increment.remote();
      const leaving = counter.leaveLater.remote();
      await assertRejects(get(leaving), ActorDiedError, "exitActor");

      assertEquals(await get(before), 1);
    }
  });

  it("is an error outside of an actor", async () => {
    assertThrows(() => exitActor(), Error, "no actor");
    const leaves = remote(function leaves() {
      exitActor();
    });
    await assertRejects(get(leaves.remote()), Error, "no actor");
  });
});

describe("R-35 an actor that ends on purpose", () => {
  useCluster();

  it("reports no error that nobody has asked for", async () => {
    const reported: unknown[] = [];
    const print = console.error;
    console.error = (...values: unknown[]) => reported.push(values);
    try {
      await (async () => {
        const counter = RemoteCounter.remote();
        await get(counter.increment.remote());
      })();
      await settled({ actors: 0 });
      const killed = RemoteCounter.remote();
      await get(killed.increment.remote());
      kill(killed);
      await settled({ actors: 0 });
    } finally {
      console.error = print;
    }

    assertEquals(reported, []);
  });
});

describe("a named actor", () => {
  useCluster({ namespace: "home" });

  it("is found by its name, in tasks too", async () => {
    const counter = RemoteCounter.options({ name: "hits" }).remote();
    await get(counter.increment.remote());

    const found = await getActor<Counter>("hits");
    assertEquals(await get(found.increment.remote()), 2);
    assertEquals(await get(bumpNamed.remote("hits")), 3);
    assertEquals(await get(counter.increment.remote()), 4);
  });

  it("is found from the call that makes it on", async () => {
    await assertRejects(get(bumpNamed.remote("nobody")), TaskError);
    for (let round = 0; round < 30; round++) {
      const options = { name: `new ${round}`, isolation: "shared" } as const;
      using counter = RemoteCounter.options(options).remote(round);
      const bumped = bumpNamed.remote(options.name);
      using found = await getActor<Counter>(options.name);

      assertEquals(await get(bumped), round + 1);
      assertEquals(await get(found.increment.remote()), round + 2);
      assertEquals(await get(counter.increment.remote()), round + 3);
    }
  });

  it("is not found when it could not be made", async () => {
    const missing = remote(function missing(): number {
      throw new Error("no start");
    });
    using counter = RemoteCounter.options({ name: "unmade" })
      .remote(missing.remote());

    await assertRejects(getActor("unmade"), RangeError, '"unmade"');
    await assertRejects(get(counter.increment.remote()), ActorDiedError);
  });

  it("keeps its name for itself: another's calls reject", async () => {
    const first = RemoteCounter.options({ name: "taken" }).remote();
    await get(first.increment.remote());
    const second = RemoteCounter.options({ name: "taken" }).remote();

    await assertRejects(
      get(second.increment.remote()),
      ActorNameTakenError,
      "taken",
    );
    await assertRejects(get(second.increment.remote()), ActorNameTakenError);
    assertEquals(await get(first.increment.remote()), 2);
  });

  it("gives its name back when it dies", async () => {
    const first = RemoteCounter.options({ name: "again" }).remote();
    await get(first.increment.remote());
    kill(first);
    await assertRejects(get(first.increment.remote()), ActorDiedError);

    const second = RemoteCounter.options({ name: "again" }).remote(50);
    assertEquals(await get(second.increment.remote()), 51);
  });

  it("has a name per namespace", async () => {
    const here = RemoteCounter.options({ name: "both" }).remote(1);
    const there = RemoteCounter.options({ name: "both", namespace: "away" })
      .remote(100);
    await get([here.increment.remote(), there.increment.remote()]);

    const found = await getActor<Counter>("both");
    const away = await getActor<Counter>("both", { namespace: "away" });
    assertEquals(await get(found.increment.remote()), 3);
    assertEquals(await get(away.increment.remote()), 102);
    assertStrictEquals(context().namespace, "home");
  });

  it("is shared with getIfExists", async () => {
    const options = { name: "shared", getIfExists: true };
    const first = RemoteCounter.options(options).remote(10);
    const second = RemoteCounter.options(options).remote(20);

    assertEquals(await get(first.increment.remote()), 11);
    assertEquals(await get(second.increment.remote()), 12);
    assertEquals(await get(startNamed.remote("shared")), 13);
  });

  it("ends with the last handle got by getIfExists", async () => {
    const options = { name: "lent", getIfExists: true };
    const first = RemoteCounter.options(options).remote(1);
    const callSecond = () => {
      using second = RemoteCounter.options(options).remote();
      return second.increment.remote();
    };

    assertEquals(await get(callSecond()), 2);
    const third = RemoteCounter.options(options).remote();
    first[Symbol.dispose]();
    assertEquals(await get(third.increment.remote()), 3);
    third[Symbol.dispose]();

    await actorsLeft(0);
  });

  it("lives on for a handle got by getIfExists alone", async () => {
    const options = { name: "kept", getIfExists: true };
    const second = await (async () => {
      const first = RemoteCounter.options(options).remote(10);
      await get(first.increment.remote());
      const second = RemoteCounter.options(options).remote();
      await get(second.increment.remote());
      return second;
    })();
    await settled({ actors: 1, tasks: 0 });
    await settled({ actors: 1, tasks: 0 });

    assertEquals(await get(second.increment.remote()), 13);
  });

  it("is passed on by a handle got by getIfExists", async () => {
    const options = { name: "passed", getIfExists: true };
    const first = RemoteCounter.options(options).remote(10);
    await get(first.increment.remote());
    const second = RemoteCounter.options(options).remote();

    assertEquals(await get(bump.remote(second)), 12);
    await get(second.increment.remote());
    assertEquals(await get(bump.remote(second)), 14);
    assertEquals(await get(first.increment.remote()), 15);
  });

  it("is killed through a handle got by getIfExists", async () => {
    const options = { name: "doomed", getIfExists: true };
    const first = RemoteCounter.options(options).remote(10);
    await get(first.increment.remote());
    const second = RemoteCounter.options(options).remote();
    await get(second.increment.remote());

    kill(second);

    await assertRejects(get(first.increment.remote()), ActorDiedError);
  });

  it("is shared in one turn, before anybody knows of it", async () => {
    const options = { name: "early", getIfExists: true };
    const [first, second] = [1, 2].map(() =>
      RemoteCounter.options(options).remote(10)
    ) as [ActorHandle<Counter>, ActorHandle<Counter>];
    const bumped = bump.remote(second);

    assertEquals(
      (await get([first.increment.remote(), second.increment.remote(), bumped]))
        .sort(),
      [11, 12, 13],
    );
  });

  it("is not found before it was started, or with a wrong name", async () => {
    await assertRejects(getActor("nobody"), RangeError, "nobody");
    await assertRejects(getActor(""), RangeError);
    await assertRejects(getActor(7 as never), TypeError);
    assertThrows(
      () => RemoteCounter.options({ getIfExists: true }).remote(),
      TypeError,
      "name",
    );
  });
});

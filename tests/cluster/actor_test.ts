// Actors on an embedded cluster: their calls and what they give, what can be
// called and what is refused, what an actor knows of itself, handles that
// travel in values.

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
  describe,
  it,
} from "../support/harness.ts";
import {
  ActorDiedError,
  type ActorHandle,
  CaptureError,
  context,
  get,
  type ObjectRef,
  put,
  remote,
  SerializationError,
  TaskError,
} from "../../mod.ts";
import { Gate, useCluster } from "../support/cluster.ts";

const STEP = 10;

function stepped(n: number): number {
  return n + STEP;
}

class Counter {
  /** A field; not reachable from outside. */
  label = "counter";
  #n: number;

  constructor(start = 0) {
    this.#n = start;
  }

  get value(): number {
    return this.#n;
  }

  increment(by = 1): number {
    return (this.#n += by);
  }

  step(): number {
    return (this.#n = stepped(this.#n));
  }

  // deno-lint-ignore require-await -- What is told apart from a plain method.
  async read(): Promise<number> {
    return this.#n;
  }

  fail(message: string): never {
    throw new RangeError(message);
  }

  pair(): [number, string] {
    return [this.#n, this.label];
  }

  total(numbers: Float64Array): number {
    return numbers.reduce((sum, n) => sum + n, this.#n);
  }

  large(length: number): Float64Array {
    return new Float64Array(length).fill(this.#n);
  }

  add(a: number, b: number): number {
    return a + b;
  }

  unsendable(): unknown {
    return { socket: () => 1 };
  }
}

const RemoteCounter = remote({ numCpus: 0 }, Counter);

/** Inherits methods, and has one of its own. */
class Doubling extends Counter {
  double(): number {
    return this.increment(this.value);
  }
}

const RemoteDoubling = remote({ numCpus: 0 }, Doubling);

class Failing {
  constructor(reason: string) {
    throw new RangeError(reason);
  }

  ping(): string {
    return "never";
  }
}

const RemoteFailing = remote({ numCpus: 0 }, Failing);

class AsyncBirth {
  #ready = false;

  constructor() {
    Promise.resolve().then(() => this.#ready = true);
  }

  isReady(): boolean {
    return this.#ready;
  }
}

class Introspective {
  #inConstructor = context();

  atBirth() {
    return pick(this.#inConstructor);
  }

  now() {
    return pick(context());
  }
}

function pick(known: ReturnType<typeof context>) {
  const { signal, ...rest } = known;
  return { ...rest, aborted: signal.aborted };
}

const Introvert = remote({ numCpus: 0 }, Introspective);

/** Starts an actor of its own and gives its handle away. */
class Parent {
  readonly #child = RemoteCounter.remote(40);

  child(): { handle: ActorHandle<Counter> } {
    return { handle: this.#child };
  }

  async throughChild(): Promise<number> {
    return await get(this.#child.increment.remote());
  }
}

const RemoteParent = remote({ numCpus: 0 }, Parent);

const bump = remote(async function bump(counter: ActorHandle<Counter>) {
  return await get(counter.increment.remote());
});

const bumpAll = remote(
  async function bumpAll(box: { counters: Map<string, ActorHandle<Counter>> }) {
    const refs = [...box.counters.values()].map((c) => c.increment.remote());
    return await get(refs);
  },
);

const gateThenFail = remote(
  { numCpus: 0 },
  async function gateThenFail(
    { gate }: { gate: ActorHandle<InstanceType<typeof Gate.local>> },
  ): Promise<number> {
    await get(gate.pass.remote());
    throw new RangeError("no start");
  },
);

const startCounter = remote(function startCounter(start: number) {
  return RemoteCounter.remote(start);
});

const double = remote(function double(x: number) {
  return 2 * x;
});

describe("actor calls", () => {
  useCluster();

  it("keep the actor's state between calls", async () => {
    const counter = RemoteCounter.remote();

    assertEquals(await get(counter.increment.remote(5)), 5);
    assertEquals(await get(counter.increment.remote()), 6);
    assertEquals(await get(counter.step.remote()), 16);
    assertEquals(await get(counter.read.remote()), 16);
  });

  it("reach different instances through different handles", async () => {
    const [one, two] = [RemoteCounter.remote(1), RemoteCounter.remote(100)];

    assertEquals(
      await get([one.increment.remote(), two.increment.remote()]),
      [2, 101],
    );
  });

  it("run in the order submitted by one caller", async () => {
    const counter = RemoteCounter.remote();
    const refs = Array.from({ length: 500 }, () => counter.increment.remote());

    const expected = refs.map((_, index) => index + 1);
    assertEquals(await get(refs), expected);
  });

  it("run in order when an earlier one waits for its arguments", async () => {
    using gate = Gate.remote();
    const counter = RemoteCounter.remote();
    const first = counter.increment.remote(gate.pass.remote());
    const second = counter.increment.remote(10);
    await get(gate.arrivals.remote(1));

    gate.open.remote();

    assertEquals(await get([first, second]), [1, 11]);
  });

  it("take refs as arguments, of tasks, of puts and of actors", async () => {
    const counter = RemoteCounter.remote(double.remote(5));
    const large = await put(new Float64Array(50_000).fill(1));

    assertEquals(await get(counter.increment.remote(double.remote(1))), 12);
    assertEquals(await get(counter.total.remote(large)), 50_012);
    const again = counter.increment.remote(counter.increment.remote(0));
    assertEquals(await get(again), 24);
  });

  it("give large results", async () => {
    const counter = RemoteCounter.remote(3);

    const numbers = await get(counter.large.remote(100_000));

    assertEquals([numbers.length, numbers[99_999]], [100_000, 3]);
  });

  it("give a ref per value with numReturns", async () => {
    const Pairing = remote({
      numCpus: 0,
      methods: { pair: { numReturns: 2 } },
    }, Counter);
    const [n, label] = Pairing.remote(4).pair.remote();

    assertEquals(await get([n, label]), [4, "counter"]);

    const plain = RemoteCounter.remote(5);
    const refs = plain.pair.options({ numReturns: 2 })
      .remote() as unknown as [ObjectRef<number>, ObjectRef<string>];
    assertEquals(await get(refs), [5, "counter"]);
  });

  it("include inherited methods", async () => {
    const doubling = RemoteDoubling.remote(21);

    assertEquals(await get(doubling.double.remote()), 42);
    assertEquals(await get(doubling.increment.remote()), 43);
  });

  it("do not wait for what the constructor leaves running", async () => {
    const actor = remote({ numCpus: 0 }, AsyncBirth).remote();

    assertEquals(typeof await get(actor.isReady.remote()), "boolean");
  });

  it("reject with the user's error, and the actor lives on", async () => {
    const counter = RemoteCounter.remote();
    const failed = counter.fail.remote("not this");
    const after = counter.increment.remote();

    const error = await assertRejects(get(failed), TaskError, "not this");
    assertInstanceOf(error.cause, RangeError);
    assertMatch(error.message, /Counter\.fail/);
    assertEquals(await get(after), 1);
  });

  it("reject with SerializationError for a result that cannot travel", async () => {
    const counter = RemoteCounter.remote();

    await assertRejects(
      get(counter.unsendable.remote()),
      SerializationError,
      "result.socket",
    );
    assertEquals(await get(counter.increment.remote()), 1);
  });

  it("fail without running when an argument failed", async () => {
    const counter = RemoteCounter.remote();
    const bad = counter.fail.remote("broken");
    const dependent = counter.increment.remote(bad);

    await assertRejects(get(dependent), TaskError, "broken");
    assertEquals(await get(counter.read.remote()), 0);
  });
});

describe("R-30 an actor whose constructor fails", () => {
  useCluster();

  it("rejects every call, with the constructor's error as cause", async () => {
    const failing = RemoteFailing.remote("no luck");

    for (let call = 0; call < 3; call++) {
      const error = await assertRejects(
        get(failing.ping.remote()),
        ActorDiedError,
        "no luck",
      );
      assertInstanceOf(error.cause, Error);
      const deepest = rootOf(error);
      assertInstanceOf(deepest, RangeError);
      assertEquals(deepest.message, "no luck");
    }
  });

  it("rejects calls when an argument of the constructor failed", async () => {
    const counter = RemoteCounter.remote();
    const dependent = RemoteCounter.remote(counter.fail.remote("no start"));

    const error = await assertRejects(
      get(dependent.increment.remote()),
      ActorDiedError,
    );
    assertEquals(rootOf(error).message, "no start");
  });

  it("rejects the calls of others who were given a handle", async () => {
    using gate = Gate.remote();
    const doomed = RemoteCounter.remote(gateThenFail.remote({ gate }));
    const bumped = bump.remote(doomed);
    await get(gate.arrivals.remote(1));

    gate.open.remote();

    await assertRejects(get(bumped), ActorDiedError);
    await assertRejects(get(bump.remote(doomed)), ActorDiedError);
  });
});

function rootOf(error: Error): Error {
  return error.cause instanceof Error ? rootOf(error.cause) : error;
}

describe("R-31 misuse of actors", () => {
  useCluster();

  it("is a TypeError at the call for a method that is not there", async () => {
    const counter = RemoteCounter.remote();
    const untyped = counter as unknown as Record<
      string,
      { remote(): unknown }
    >;

    assertThrows(() => untyped["decrement"]!.remote(), TypeError, "decrement");
    assertThrows(() => untyped["value"]!.remote(), TypeError, "value");
    assertThrows(() => untyped["label"]!.remote(), TypeError, "label");
    assertThrows(
      () => untyped["constructor"]!.remote(),
      TypeError,
    );
    await get(counter.increment.remote());
  });

  it("is a TypeError at the call for a wrong number of arguments", () => {
    const counter = RemoteCounter.remote();
    const { add } = counter as unknown as {
      add: { remote(...args: unknown[]): unknown };
    };
    const untyped = RemoteCounter as unknown as {
      remote(...args: unknown[]): unknown;
    };

    assertThrows(() => add.remote(1), TypeError, "Counter.add");
    assertThrows(() => add.remote(1, 2, 3), TypeError, "Counter.add");
    assertThrows(() => untyped.remote(1, 2), TypeError, "Counter");
  });

  it("is a TypeError for an actor class made with new, or extended", () => {
    const Class = RemoteCounter as unknown as typeof Counter;

    assertThrows(() => new Class(), TypeError, ".remote()");
    assertThrows(
      () => (RemoteCounter as unknown as () => void)(),
      TypeError,
      ".remote()",
    );
    assertThrows(() => {
      const Child = class extends Class {};
      return new Child();
    }, TypeError);
  });

  it("is a TypeError when an actor's method is called directly", () => {
    using counter = RemoteCounter.remote();
    const { increment } = counter;
    const call = increment as unknown as () => void;

    assertThrows(call, TypeError, "Use .increment.remote(…)");
    assertEquals(counter.increment, increment);
  });

  it("is a CaptureError for a class that captures a variable", () => {
    const captured = Math.random();
    class Capturing {
      give(): number {
        return captured;
      }
    }
    assertThrows(() => remote(Capturing).remote(), CaptureError, "captured");
  });

  it("names unknown options, and values out of range", () => {
    type Loose = { options(options: unknown): unknown };
    const loose = RemoteCounter as unknown as Loose;

    assertThrows(
      () => loose.options({ maxRestart: 1 }),
      TypeError,
      "maxRestart",
    );
    assertThrows(
      () => loose.options({ maxConcurrency: 0 }),
      RangeError,
      "maxConcurrency",
    );
    assertThrows(
      () => loose.options({ maxRestarts: -2 }),
      RangeError,
      "maxRestarts",
    );
    assertThrows(
      () => loose.options({ methods: { decrement: {} } }),
      TypeError,
      "decrement",
    );
    assertThrows(
      () => loose.options({ isolation: "fiber" }),
      RangeError,
      "isolation",
    );
  });

  it("leaves the plain class in local", () => {
    const plain = new RemoteCounter.local(3);

    assertStrictEquals(plain.increment(), 4);
  });
});

describe("context() in an actor", () => {
  useCluster();

  it("tells of the actor and its thread", async () => {
    const name = "introvert";
    const actor = Introvert.options({ name }).remote();

    const birth = await get(actor.atBirth.remote());
    const now = await get(actor.now.remote());

    assert(birth.actorId !== undefined);
    assertEquals(birth.taskId, undefined);
    assertEquals(birth.wasRestarted, false);
    assertEquals(now.actorId, birth.actorId);
    assertEquals(now.actorName, name);
    assertEquals(now.workerId, birth.workerId);
    assertEquals(now.nodeId, context().nodeId);
    assertEquals(now.jobId, context().jobId);
    assert(now.workerId !== context().workerId);
    assert(now.taskId !== undefined);
    assertEquals(now.attempt, 0);
    assertEquals(now.aborted, false);
    assertEquals(now.assignedResources, {});
  });

  it("tells what the actor holds", async () => {
    const actor = Introvert.options({ numCpus: 0.5 }).remote();

    const { assignedResources, actorName } = await get(actor.now.remote());

    assertEquals(assignedResources, { CPU: 0.5 });
    assertEquals(actorName, undefined);
  });

  it("gives calls of one actor ids of their own", async () => {
    const actor = Introvert.remote();
    const calls = await get([actor.now.remote(), actor.now.remote()]);

    assert(calls[0].taskId !== calls[1].taskId);
  });
});

describe("a handle that travels", () => {
  useCluster();

  it("is an argument of a task", async () => {
    const counter = RemoteCounter.remote();

    assertEquals(await get(bump.remote(counter)), 1);
    assertEquals(await get(bump.remote(counter)), 2);
    assertEquals(await get(counter.increment.remote()), 3);
  });

  it("is nested in values, more than once", async () => {
    const counter = RemoteCounter.remote();
    const counters = new Map([["a", counter], ["b", counter]]);

    assertEquals(await get(bumpAll.remote({ counters })), [1, 2]);
  });

  it("can be put and read back", async () => {
    const counter = RemoteCounter.remote();
    const box = await get(await put({ counter }));

    assertEquals(await get(box.counter.increment.remote()), 1);
    assertEquals(await get(counter.increment.remote()), 2);
  });

  it("is returned by an actor that made the other", async () => {
    const parent = RemoteParent.remote();
    const { handle } = await get(parent.child.remote());

    assertEquals(await get(handle.increment.remote()), 41);
    assertEquals(await get(parent.throughChild.remote()), 42);
  });

  it("is returned by a task that made the actor", async () => {
    const counter = await get(startCounter.remote(8));

    assertEquals(await get(counter.increment.remote()), 9);
  });

  it("stays what it is through await and inspection", async () => {
    const counter = RemoteCounter.remote();
    const same = await (async () => {
      await Promise.resolve();
      return counter;
    })();

    assertStrictEquals(same, counter);
    assertEquals(await get(same.increment.remote()), 1);
  });
});

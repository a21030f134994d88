// Compile-time tests of remote classes and handles.

import { getActor, kill, put, remote } from "../../mod.ts";
import type {
  ActorClass,
  ActorHandle,
  ActorMethod,
  ObjectRef,
  ObjectRefGenerator,
} from "../../mod.ts";
import { hasType } from "./expect.ts";

class Counter {
  #n: number;
  label = "counter";
  protected step = 1;
  constructor(start: number, label?: string) {
    this.#n = start;
    if (label) this.label = label;
  }
  static make() {
    return new Counter(0);
  }
  get value() {
    return this.#n;
  }
  increment(by = 1) {
    return (this.#n += by);
  }
  async later(ms: number) {
    return await Promise.resolve(`${ms}`);
  }
  *items(last: number) {
    for (let n = 0; n < last; n++) yield n;
  }
  async *lines() {
    yield await Promise.resolve("a");
  }
  pair(): [number, string] {
    return [this.#n, this.label];
  }
  reset(): void {}
  protected hidden() {}
}
class LoudCounter extends Counter {
  shout() {
    return "!";
  }
}
const CounterActor = remote(Counter);
declare const aNumber: ObjectRef<number>;
declare const aString: ObjectRef<string>;

// -- The class --

hasType<ActorClass<typeof Counter>>()(CounterActor);
hasType<typeof Counter>()(CounterActor.local);
const counter = CounterActor.remote(0);
hasType<ActorHandle<Counter>>()(counter);
CounterActor.remote(aNumber, aString);
CounterActor.options({ numCpus: 1, name: "c" }).remote(1);
// @ts-expect-error: an argument is missing
CounterActor.remote();
// @ts-expect-error: the wrong type
CounterActor.remote("0");
// @ts-expect-error: an actor is not made directly
new CounterActor(0);
// @ts-expect-error: statics stay with the plain class
CounterActor.make();
abstract class Shape {
  abstract area(): number;
}
// @ts-expect-error: an abstract class has no instances
remote(Shape);

// -- Methods --

hasType<ObjectRef<number>>()(counter.increment.remote());
hasType<ObjectRef<number>>()(counter.increment.remote(5));
hasType<ObjectRef<number>>()(counter.increment.remote(aNumber));
hasType<ObjectRef<string>>()(counter.later.remote(10));
hasType<ObjectRefGenerator<number>>()(counter.items.remote(3));
hasType<ObjectRefGenerator<string>>()(counter.lines.remote());
hasType<ObjectRef<void>>()(counter.reset.remote());
hasType<ObjectRef<[number, string]>>()(counter.pair.remote());
hasType<[ObjectRef<number>, ObjectRef<string>]>()(
  counter.pair.options({ numReturns: 2 }).remote(),
);
counter.later.options({ timeout: 5, concurrencyGroup: "io", name: "l" });
// @ts-expect-error: the wrong type
counter.increment.remote("1");
// @ts-expect-error: an argument too many
counter.increment.remote(1, 2);
// @ts-expect-error: a method is called with remote
counter.increment(1);
// @ts-expect-error: unknown method
counter.decrement;
// @ts-expect-error: a getter
counter.value;
// @ts-expect-error: a field
counter.label;
// @ts-expect-error: protected
counter.hidden;
// @ts-expect-error: the constructor is no method
counter.constructor.remote;
// @ts-expect-error: an option of the class
counter.increment.options({ maxConcurrency: 2 });
// @ts-expect-error: a task's option
counter.increment.options({ numCpus: 2 });

// -- Handles --

const base: ActorHandle<Counter> = remote(LoudCounter).remote(1);
// @ts-expect-error: a Counter does not shout
const loud: ActorHandle<LoudCounter> = counter;
void loud;
kill(base);
kill(counter, { noRestart: false });
// @ts-expect-error: not a handle
kill(aNumber);
{
  using scoped = CounterActor.remote(1);
  scoped.reset.remote();
}
const useCounter = remote((c: ActorHandle<Counter>) => c.increment.remote(1));
useCounter.remote(counter);
useCounter.remote(await put(counter));
hasType<ActorHandle<Counter>>()(await getActor<Counter>("c"));
const untyped = await getActor("c", { namespace: "n" });
hasType<ActorMethod<(...args: unknown[]) => unknown> | undefined>()(
  untyped["anything"],
);

// -- Options --

const Mixed = remote({
  maxConcurrency: 4,
  concurrencyGroups: { io: 2 },
  methods: {
    later: { concurrencyGroup: "io" },
    pair: { numReturns: 2 },
  },
  maxRestarts: -1,
  maxTaskRetries: 2,
  maxPendingCalls: 100,
  lifetime: "detached",
  name: "mixed",
  namespace: "n",
  getIfExists: true,
  isolation: "shared",
}, Counter);
hasType<[ObjectRef<number>, ObjectRef<string>]>()(
  Mixed.remote(0).pair.remote(),
);
hasType<ObjectRef<string>>()(Mixed.remote(0).later.remote(1));
hasType<[ObjectRef<number>, ObjectRef<string>]>()(
  Mixed.options({ numCpus: 2 }).remote(0).pair.remote(),
);
hasType<[ObjectRef<number>, ObjectRef<string>]>()(
  CounterActor.options({ methods: { pair: { numReturns: 2 } } })
    .remote(0).pair.remote(),
);
hasType<ObjectRef<[number, string]>>()(
  remote({ numCpus: 1 }, Counter).remote(0).pair.remote(),
);
// @ts-expect-error: no such method
remote({ methods: { decrement: { concurrencyGroup: "io" } } }, Counter);
// @ts-expect-error: an option of tasks
remote({ maxRetries: 1 }, Counter);
// @ts-expect-error: no such lifetime
CounterActor.options({ lifetime: "forever" });

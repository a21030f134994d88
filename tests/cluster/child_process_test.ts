// Tasks and actors with isolation "process" on an embedded cluster: the same
// API as in threads, and that what ends a child ends nothing else.

import { existsSync, readFileSync } from "node:fs";
import process from "node:process";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  describe,
  it,
} from "../support/harness.ts";
import {
  ActorDiedError,
  type ActorHandle,
  ActorUnavailableError,
  cancel,
  context,
  get,
  getActor,
  kill,
  MantaError,
  type ObjectRef,
  OutOfMemoryError,
  placementGroup,
  put,
  remote,
  TaskCancelledError,
  TaskError,
  TaskTimeoutError,
  wait,
  WorkerDiedError,
} from "../../mod.ts";
import {
  eventually,
  Gate,
  testCluster,
  useCluster,
} from "../support/cluster.ts";

type GateHandle = ActorHandle<InstanceType<typeof Gate.local>>;

const CHILD = { isolation: "process" } as const;
const OFFSET = 100;
const MIB = 1024 * 1024;

const pidOf = remote(CHILD, function pidOf() {
  return process.pid;
});
const threadPid = remote(function threadPid() {
  return process.pid;
});
const shifted = remote(CHILD, function shifted(n: number) {
  return n + OFFSET;
});
const fail = remote(CHILD, function fail(): never {
  throw new RangeError("on purpose");
});
const parent = remote(CHILD, async function parent() {
  const pids = [pidOf.remote(), threadPid.remote(), pidOf.remote()];
  return [process.pid, ...await get(pids)];
});
const putOne = remote(CHILD, async function putOne(length: number) {
  return { ref: await put(new Float64Array(length).fill(2)) };
});
const total = remote(CHILD, function total(values: Float64Array) {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
});
const filled = remote(CHILD, function filled(length: number, value: number) {
  return new Float64Array(length).fill(value);
});
const countTo = remote(CHILD, function* countTo(last: number) {
  for (let n = 1; n <= last; n++) yield n;
});
const forEver = remote(CHILD, async function* forEver() {
  for (let n = 0;; n++) {
    yield n;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
});
const pass = remote(CHILD, async function pass({ gate }: { gate: GateHandle }) {
  return await get(gate.pass.remote());
});
const spin = remote(CHILD, async function spin({ gate }: { gate: GateHandle }) {
  await get(gate.pass.remote());
  while (true);
});
const signal = remote(
  { ...CHILD, maxRetries: 0 },
  function signal(name: string) {
    // Deno's own handler swallows the first one of some.
    for (;;) process.kill(process.pid, name);
  },
);
const variable = remote(CHILD, function variable() {
  return process.env["MANTA_TEST_CHILD"];
});
const eat = remote(
  { ...CHILD, memory: 100 * MIB, maxRetries: 0 },
  async function eat() {
    const eaten: Uint8Array[] = [];
    for (;;) {
      eaten.push(new Uint8Array(8 * MIB).fill(1));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  },
);

class Counter {
  #n = 0;
  add(by: number): number {
    return this.#n += by;
  }
  pid(): number {
    return process.pid;
  }
  life() {
    const { wasRestarted, workerId, actorName } = context();
    return { wasRestarted, workerId, actorName };
  }
  die(): void {
    process.kill(process.pid, "SIGKILL");
  }
  async askTwice(name: string): Promise<number> {
    const other = (await getActor(name)) as unknown as CounterHandle;
    await get(other.add.remote(1));
    return await get(other.add.remote(1));
  }
}
const RemoteCounter = remote(CHILD, Counter);
type CounterHandle = ActorHandle<Counter>;

function assertDiffers(actual: unknown, other: unknown): void {
  assert(actual !== other, `${actual} is the same`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  return true;
}

describe("tasks in child processes", () => {
  useCluster({ numCpus: 4 });

  it("run in another process, and the next one in the same", async () => {
    const first = await get(pidOf.remote());

    assertDiffers(first, process.pid);
    assertStrictEquals(await get(pidOf.remote()), first);
    assertStrictEquals(await get(threadPid.remote()), process.pid);
  });

  it("capture what their module has, and throw what theirs throw", async () => {
    assertEquals(
      await get([1, 2, 3].map((n) => shifted.remote(n))),
      [101, 102, 103],
    );
    const error = await assertRejects(get(fail.remote()), TaskError);
    assertInstanceOf(error.cause, RangeError);
  });

  it("call tasks in threads and in children", async () => {
    const [own, child, thread, other] = await get(parent.remote());

    assertStrictEquals(thread, process.pid);
    assert(child !== process.pid && other !== process.pid);
    assert(own !== child, "what waits is not to die with what runs");
  });

  it("give and take large values, and refs of them", async () => {
    using made = filled.remote(200_000, 3);
    assertStrictEquals(await get(total.remote(made)), 600_000);
    const values = await get(made);
    assertStrictEquals(values.length, 200_000);
    using own = await put(values);
    assertStrictEquals(await get(total.remote(own)), 600_000);

    const { ref } = await get(putOne.remote(100_000));
    using lent = ref as ObjectRef<Float64Array>;
    assertStrictEquals((await get(lent))[99_999], 2);
    assertStrictEquals(await get(total.remote(lent)), 200_000);
  });

  it("share the memory of what they read", async () => {
    if (!existsSync("/proc/self/status")) return;
    using big = await put(new Float64Array(8 * MIB).fill(1));
    const read = remote(CHILD, function read(values: Float64Array) {
      const anonymousKib = () => {
        const status = readFileSync("/proc/self/status", "utf8");
        return Number(/RssAnon:\s+(\d+)/.exec(status)![1]);
      };
      const before = anonymousKib();
      let sum = 0;
      for (let at = 0; at < values.length; at += 64) sum += values[at]!;
      return [sum * 64, (anonymousKib() - before) * 1024];
    });

    const results = await get([read.remote(big), read.remote(big)]);

    for (const [sum, grownBytes] of results) {
      assertStrictEquals(sum, 8 * MIB);
      assert(grownBytes! < 32 * MIB, `${grownBytes} bytes of its own`);
    }
  });

  it("stream, and end when nobody listens", async () => {
    const numbers: number[] = [];
    for await (const ref of countTo.remote(5)) numbers.push(await get(ref));
    assertEquals(numbers, [1, 2, 3, 4, 5]);

    for await (const ref of forEver.remote()) {
      if (await get(ref) === 3) break;
    }
  });

  it("are cancelled where they wait, and by force whatever they do", async () => {
    using gate = Gate.remote();
    const waiting = pass.remote({ gate });
    await get(gate.arrivals.remote(1));
    cancel(waiting);
    await assertRejects(get(waiting), TaskCancelledError);

    const busy = spin.remote({ gate });
    await get(gate.arrivals.remote(2));
    await get(gate.open.remote());
    cancel(busy, { force: true });
    await assertRejects(get(busy), TaskCancelledError);
  });

  it("are bound to their time", async () => {
    using gate = Gate.remote();
    await get(gate.open.remote());
    const limited = spin.options({ timeout: 300 }).remote({ gate });
    await assertRejects(get(limited), TaskTimeoutError);
  });

  it("have the variables of their environment", async () => {
    const env = { envVars: { MANTA_TEST_CHILD: "set" } };
    const set = variable.options({ runtimeEnv: env });
    assertStrictEquals(await get(set.remote()), "set");
    assertStrictEquals(await get(variable.remote()), undefined);
  });

  it("run in placement groups", async () => {
    const group = await placementGroup([{ CPU: 1 }]);
    await group.ready();
    const placed = pidOf.options({
      schedulingStrategy: { placementGroup: group },
    });
    assertDiffers(await get(placed.remote()), process.pid);
    await group.remove();
  });

  it("without CPUs have a child each", async () => {
    using gate = Gate.remote();
    const light = pass.options({ numCpus: 0 });
    const refs = [1, 2, 3].map(() => light.remote({ gate }));
    await get(gate.arrivals.remote(3));
    await get(gate.open.remote());
    const [ready] = await wait(refs, { numReturns: 3 });
    assertStrictEquals(ready.length, 3);
  });
});

describe("a child process that dies", () => {
  useCluster();

  for (const name of ["SIGSEGV", "SIGABRT", "SIGKILL"]) {
    it(`of ${name} is named, and nothing else is lost`, async () => {
      using other = RemoteCounter.remote();
      assertStrictEquals(await get(other.add.remote(1)), 1);

      const error = await assertRejects(
        get(signal.remote(name)),
        WorkerDiedError,
      );

      assertMatch(error.message, new RegExp(`ended by signal ${name}`));
      assertStrictEquals(await get(other.add.remote(1)), 2);
      assertStrictEquals(await get(shifted.remote(1)), 101);
    });
  }

  it("by an exit of its user is told so", async () => {
    const exit = remote({ ...CHILD, maxRetries: 0 }, function exit() {
      process.exit(3);
    });
    const error = await assertRejects(get(exit.remote()), WorkerDiedError);
    assertMatch(error.message, /user code called process\.exit\(3\)/);
  });

  it("has its task run again in another", async () => {
    using counter = RemoteCounter.remote();
    const once = remote(CHILD, async function once(
      { counter }: { counter: CounterHandle },
    ) {
      if (await get(counter.add.remote(1)) === 1) {
        process.kill(process.pid, "SIGKILL");
      }
      return process.pid;
    });
    assertDiffers(await get(once.remote({ counter })), process.pid);
    assertStrictEquals(await get(counter.add.remote(1)), 3);
  });

  it("may be killed from outside", async () => {
    const pid = await get(pidOf.remote());
    process.kill(pid, "SIGKILL");
    await eventually(() => !isAlive(pid), () => `${pid} to end`);
    assertDiffers(await get(pidOf.remote()), pid);
  });

  it("has used more memory than its option allows", async () => {
    const error = await assertRejects(get(eat.remote()), MantaError);
    assertInstanceOf(error.cause, OutOfMemoryError);
    assertMatch(error.message, /eat .*"memory" allows 104857600/);
    assertStrictEquals(await get(shifted.remote(1)), 101);
  });

  it("gives up the files of the objects that it had open", async () => {
    using big = await put(new Float64Array(MIB).fill(1));
    const hold = remote({ ...CHILD, maxRetries: 0 }, function hold(
      values: Float64Array,
    ) {
      if (values[0] === 1) process.kill(process.pid, "SIGKILL");
      return 0;
    });
    await assertRejects(get(hold.remote(big)), WorkerDiedError);
  });
});

describe("actors in child processes", () => {
  useCluster();

  it("keep their state in a process of their own", async () => {
    using first = RemoteCounter.remote();
    using second = RemoteCounter.remote();

    assertEquals(
      await get([first.add.remote(1), first.add.remote(2)]),
      [1, 3],
    );
    const [one, two] = await get([first.pid.remote(), second.pid.remote()]);
    assert(one !== two && one !== process.pid);
  });

  it("are found by name, also from other children", async () => {
    using named = RemoteCounter.options({ name: "in a child" }).remote();
    await get(named.add.remote(1));
    using asking = RemoteCounter.remote();

    assertStrictEquals(await get(asking.askTwice.remote("in a child")), 3);
    const { actorName } = await get(named.life.remote());
    assertStrictEquals(actorName, "in a child");
  });

  it("start again in a new one", async () => {
    using counter = RemoteCounter.options({ maxRestarts: 1 }).remote();
    const pid = await get(counter.pid.remote());
    await get(counter.add.remote(5));

    await assertRejects(get(counter.die.remote()), ActorUnavailableError);

    assertStrictEquals(await get(counter.add.remote(1)), 1);
    assertDiffers(await get(counter.pid.remote()), pid);
    assert((await get(counter.life.remote())).wasRestarted);
    await assertRejects(get(counter.die.remote()), ActorDiedError);
  });

  it("leave no process behind", async () => {
    using counter = RemoteCounter.remote();
    const pid = await get(counter.pid.remote());
    kill(counter);
    await eventually(() => !isAlive(pid), () => `${pid} to end`);
  });
});

describe("the end of a session", () => {
  it("ends its children", async () => {
    let pids: number[];
    {
      await using _cluster = await testCluster();
      pids = await get([pidOf.remote(), pidOf.remote()]);
    }
    await eventually(
      () => !pids.some(isAlive),
      () => `${pids.join(", ")} to end`,
    );
  });
});

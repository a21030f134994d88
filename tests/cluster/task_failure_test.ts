// How tasks fail: user errors, retries, threads that end, dependencies,
// timeouts, cancelling. Each outcome is typed, and nothing hangs.

import process from "node:process";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  describe,
  it,
} from "../support/harness.ts";
import {
  type ActorHandle,
  type AnyObjectRef,
  cancel,
  context,
  get,
  GetTimeoutError,
  MantaError,
  type ObjectRef,
  put,
  remote,
  SerializationError,
  TaskCancelledError,
  TaskError,
  TaskTimeoutError,
  wait,
  WorkerDiedError,
} from "../../mod.ts";
import {
  blocked,
  blockUntil,
  eventually,
  Gate,
  newFlag,
  useCluster,
} from "../support/cluster.ts";

type Passing = Pick<ActorHandle<InstanceType<typeof Gate.local>>, "pass">;

class ColdError extends Error {
  override readonly name = "ColdError";
}

/** Code that only the driver can load. */
const driverOnly = onlyHere();

function onlyHere(): number {
  if (Reflect.has(globalThis, "__manta")) {
    throw new RangeError("this is no driver");
  }
  return 5;
}

const useDriverOnly = remote(function useDriverOnly() {
  return driverOnly;
});

const square = remote(function square(x: number) {
  return x * x;
});

const fail = remote(function fail(message: string): number {
  throw Object.assign(new RangeError(message, { cause: "why" }), { at: 7 });
});

const failLater = remote(async function failLater(): Promise<number> {
  await Promise.resolve();
  throw new ColdError("later");
});

const failThrice = remote({ numReturns: 3 }, function failThrice() {
  if (context().attempt >= 0) throw new TypeError("no three");
  return [1, 2, 3] as [number, number, number];
});

const throwIt = remote(function throwIt(value: unknown): void {
  throw value;
});

const throwSymbol = remote(function throwSymbol(): void {
  throw Symbol("odd");
});

/** What not even its text can be had of without care. */
const throwHostile = remote(
  { maxRetries: 0 },
  function throwHostile(kind: "frozen" | "bare" | "mute"): void {
    if (kind === "frozen") throw Object.freeze(new RangeError("frozen"));
    if (kind === "bare") throw Object.create(null);
    throw Object.defineProperty(new Error(), "message", {
      get: () => {
        throw new Error("no message");
      },
    });
  },
);

const add = remote(function add(a: number, b: number) {
  return a + b;
});

const pass = remote(async function pass(box: { gate: Passing }, x = 0) {
  await get(box.gate.pass.remote());
  return x;
});

const passTwice = remote(
  { numReturns: 2 },
  async function passTwice(box: { gate: Passing }) {
    await get(box.gate.pass.remote());
    return [1, 2] as [number, number];
  },
);

const hold = remote(function hold(flag: Int32Array) {
  blockUntil(flag);
  return flag[0];
});

/** Counts its runs in shared memory, then ends the way it is told to. */
const attempt = remote(
  async function attempt(runs: Int32Array, end: string, failures: number) {
    Atomics.add(runs, 0, 1);
    const { attempt } = context();
    if (attempt >= failures) return attempt;
    switch (end) {
      case "exit":
        process.exit(3);
        break;
      case "rejection":
        void Promise.reject(new Error("nobody caught this"));
        await new Promise(() => {});
        break;
      case "timer":
        setTimeout(() => {
          throw new Error("thrown in a timer");
        });
        await new Promise(() => {});
        break;
      case "error":
        throw new ColdError("again");
      case "type":
        throw new TypeError("again");
    }
    return attempt;
  },
);

const nestedAttempts = remote(
  async function nestedAttempts(
    runs: ObjectRef<Int32Array>[],
    retries: number,
  ) {
    const ref = attempt.options({ maxRetries: retries })
      .remote(runs[0]!, "exit", 100);
    // Not in `get`, which would lend this thread to the task that ends it.
    while ((await wait([ref], { timeout: 0 }))[0].length === 0) {
      await new Promise((wake) => setTimeout(wake, 1));
    }
    return await get(ref).then(() => "done", (error: Error) => error.name);
  },
);

const spin = remote(function spin(flag: Int32Array) {
  Atomics.add(flag, 1, 1);
  while (true);
});

const napUntilCancelled = remote(
  async function napUntilCancelled(flag: Int32Array) {
    const { signal } = context();
    Atomics.add(flag, 1, 1);
    await new Promise((resolve) => {
      signal.addEventListener("abort", resolve, { once: true });
    });
    Atomics.store(flag, 2, signal.aborted ? 1 : 2);
  },
);

const sleep = remote(async function sleep(ms: number) {
  await new Promise((wake) => setTimeout(wake, ms));
  return ms;
});

const returnSocket = remote(function returnSocket() {
  return { deep: [{ socket: () => {} }] };
});

const cancelIt = remote(function cancelIt(refs: AnyObjectRef[]) {
  for (const ref of refs) cancel(ref);
});

const runChild = remote(
  async function runChild(box: { gate: Passing }): Promise<number> {
    return await get(pass.remote(box, 1));
  },
);

/** The messages of why a task's thread has ended, causes included. */
async function deathOf(ref: AnyObjectRef): Promise<string> {
  let cause: unknown = await assertRejects(get(ref), WorkerDiedError);
  const messages: string[] = [];
  while (cause instanceof Error) {
    messages.push(cause.message);
    cause = cause.cause;
  }
  return messages.join("; ");
}

describe("failing tasks", () => {
  useCluster();

  describe("user errors", () => {
    it("R-28 reach the driver with class, fields, cause, stack", async () => {
      const error = await assertRejects(get(fail.remote("cold")), TaskError);

      assertStringIncludes(error.message, "fail");
      assertStringIncludes(error.message, context().nodeId);
      assertStringIncludes(error.message, "cold");
      assertStrictEquals(error.code, "task_error");
      const cause = error.cause;
      assertInstanceOf(cause, RangeError);
      assertStrictEquals(cause.message, "cold");
      assertStrictEquals(cause.cause, "why");
      assertStrictEquals((cause as RangeError & { at: number }).at, 7);
      assertMatch(cause.stack ?? "", /task_failure_test\.ts:\d+/);
    });

    it("keep the name of classes that are not registered", async () => {
      const error = await assertRejects(get(failLater.remote()), TaskError);

      assertInstanceOf(error.cause, Error);
      assertStrictEquals(error.cause.name, "ColdError");
      assertStrictEquals(error.cause.message, "later");
    });

    it("R-28 fail all refs of several", async () => {
      const refs = failThrice.remote();
      for (const ref of refs) {
        const error = await assertRejects(get(ref), TaskError, "no three");
        assertInstanceOf(error.cause, TypeError);
      }
      const [ready] = await wait([...refs], { numReturns: 3 });
      assertStrictEquals(ready.length, 3);
    });

    it("can be any value", async () => {
      for (const value of [null, undefined, 5, "text", { code: 1 }]) {
        const error = await assertRejects(
          get(throwIt.remote(value)),
          TaskError,
        );
        assertEquals(error.cause, value);
      }
      await assertRejects(get(throwSymbol.remote()), TaskError, "Symbol(odd)");
    });

    it("can be what cannot be changed or made a string", async () => {
      const frozen = await assertRejects(
        get(throwHostile.remote("frozen")),
        TaskError,
        "RangeError: frozen",
      );
      assertInstanceOf(frozen.cause, RangeError);
      assertMatch(frozen.cause.stack ?? "", /task_failure_test\.ts:\d+/);
      for (const kind of ["bare", "mute"] as const) {
        await assertRejects(get(throwHostile.remote(kind)), TaskError);
      }
    });

    it("reject at each get, as an error of its own", async () => {
      const ref = fail.remote("twice");
      await assertRejects(get(ref), TaskError, "twice");
      await assertRejects(get([ref, ref]), TaskError, "twice");
    });

    it("R-29 get([fail, slow]) rejects before slow has ended", async () => {
      using gate = Gate.remote();
      const slow = pass.remote({ gate });
      await get(gate.arrivals.remote(1));
      await assertRejects(get([slow, fail.remote("fast")]), TaskError, "fast");
      assertEquals(await wait([slow], { timeout: 0 }), [[], [slow]]);
      await get(gate.open.remote());
      await get(slow);
    });

    it("fail what depends on them with the same error, unrun", async () => {
      const failed = fail.remote("root");
      const first = add.remote(failed, 1);
      const last = add.remote(2, add.remote(first, 1));
      const error = await assertRejects(get(last), TaskError, "root");

      assertInstanceOf(error.cause, RangeError);
      assertStringIncludes(error.message, "fail");
      assert(!error.message.includes("add"), error.message);
    });

    it("of Manta's own are told as they are", async () => {
      const error = await assertRejects(
        get(throwIt.remote(new GetTimeoutError("waited"))),
        GetTimeoutError,
      );
      assertStrictEquals(error.retryable, true);
    });
  });

  it("R-36 say so when their code cannot be loaded", async () => {
    const refs = [useDriverOnly.remote(), useDriverOnly.remote()];
    for (const ref of refs) {
      const error = await assertRejects(get(ref), MantaError);
      assertStringIncludes(error.message, "this is no driver");
    }
    assertStrictEquals(await get(square.remote(3)), 9);
  });

  describe("retries", () => {
    it("R-18 run maxRetries + 1 times when the thread ends", async () => {
      for (const maxRetries of [0, 1, 2]) {
        using runs = await newFlag();
        const ref = attempt.options({ maxRetries })
          .remote(runs.ref, "exit", 100);
        await assertRejects(get(ref), WorkerDiedError);
        assertStrictEquals(await runs.word(0), maxRetries + 1);
      }
    });

    it("R-18 run 4 times by default, nested ones as told", async () => {
      using runs = await newFlag();
      await assertRejects(
        get(attempt.remote(runs.ref, "exit", 100)),
        WorkerDiedError,
      );
      assertStrictEquals(await runs.word(0), 4);
      using nested = await newFlag();
      const name = await get(nestedAttempts.remote([nested.ref], 1));
      assertStrictEquals(name, "WorkerDiedError");
      assertStrictEquals(await nested.word(0), 2);
    });

    it("R-79 are three, of which the last succeeds", async () => {
      using runs = await newFlag();
      assertStrictEquals(await get(attempt.remote(runs.ref, "exit", 3)), 3);
      assertStrictEquals(await runs.word(0), 4);
    });

    it("succeed when a later attempt does", async () => {
      for (const end of ["exit", "rejection", "timer"]) {
        using runs = await newFlag();
        assertStrictEquals(await get(attempt.remote(runs.ref, end, 2)), 2);
        assertStrictEquals(await runs.word(0), 3);
      }
    });

    it("are not for user errors, unless asked for", async () => {
      using runs = await newFlag();
      await assertRejects(get(attempt.remote(runs.ref, "error", 1)), TaskError);
      assertStrictEquals(await runs.word(0), 1);
      const retried = attempt.options({ retryExceptions: true });
      assertStrictEquals(await get(retried.remote(runs.ref, "error", 2)), 2);
      assertStrictEquals(await runs.word(0), 4);
      await assertRejects(get(retried.remote(runs.ref, "error", 9)), TaskError);
      assertStrictEquals(await runs.word(0), 8);
    });

    it("are for the listed classes of errors alone", async () => {
      using runs = await newFlag();
      const retried = attempt.options({
        retryExceptions: [TypeError, ColdError],
        maxRetries: 1,
      });
      assertStrictEquals(await get(retried.remote(runs.ref, "type", 1)), 1);
      assertStrictEquals(await get(retried.remote(runs.ref, "error", 1)), 1);
      const other = attempt.options({ retryExceptions: [RangeError] });
      await assertRejects(get(other.remote(runs.ref, "type", 1)), TaskError);
      assertStrictEquals(await runs.word(0), 5);
    });
  });

  describe("threads that end", () => {
    it("R-32 fail their task with WorkerDiedError that says why", async () => {
      using runs = await newFlag();
      const once = attempt.options({ maxRetries: 0 });
      const exit = once.remote(runs.ref, "exit", 1);
      const error = await assertRejects(get(exit), WorkerDiedError, "attempt");
      assertStrictEquals(error.retryable, true);
      assertMatch(error.message, /exit.*3/);
      const rejected = once.remote(runs.ref, "rejection", 1);
      assertStringIncludes(await deathOf(rejected), "nobody caught this");
      const thrown = once.remote(runs.ref, "timer", 1);
      assertStringIncludes(await deathOf(thrown), "thrown in a timer");
    });

    it("leave the cluster as it was", async () => {
      using runs = await newFlag();
      const once = attempt.options({ maxRetries: 0 });
      const refs = Array.from(
        { length: 8 },
        () => once.remote(runs.ref, "exit", 1),
      );
      for (const ref of refs) await assertRejects(get(ref), WorkerDiedError);
      assertEquals(await get([1, 2, 3].map((x) => square.remote(x))), [
        1,
        4,
        9,
      ]);
    });

    it("do not harm tasks queued behind the one that ended it", async () => {
      using runs = await newFlag();
      const bad = attempt.options({ maxRetries: 0 }).remote(
        runs.ref,
        "exit",
        1,
      );
      const good = Array.from({ length: 200 }, (_, x) => square.remote(x));
      await assertRejects(get(bad), WorkerDiedError);

      assertEquals(await get(good), good.map((_, x) => x * x));
    });
  });

  describe("timeouts", () => {
    it("fail the task with TaskTimeoutError", async () => {
      const limited = sleep.options({ timeout: 30 });
      const error = await assertRejects(
        get(limited.remote(600_000)),
        TaskTimeoutError,
      );
      assertMatch(error.message, /30 ms/);
      assertStrictEquals(
        await get(limited.options({ timeout: 60_000 }).remote(1)),
        1,
      );
    });

    it("end even what never awaits", async () => {
      using flag = await newFlag();
      await assertRejects(
        get(spin.options({ timeout: 50 }).remote(flag.ref)),
        TaskTimeoutError,
      );
      assertStrictEquals(await flag.word(1), 1);
    });

    it("count from the start of the run", async () => {
      using flag = await newFlag();
      const holding = [hold.remote(flag.ref), hold.remote(flag.ref)];
      await blocked(flag, 2);
      const limited = square.options({ timeout: 300 }).remote(3);
      await assertRejects(get(limited, { timeout: 400 }), GetTimeoutError);
      flag.raise();
      await get(holding);

      assertStrictEquals(await get(limited), 9);
    });
  });

  describe("results that cannot be serialised", () => {
    it("fail with SerializationError and the path", async () => {
      await assertRejects(
        get(returnSocket.remote()),
        SerializationError,
        "result.deep[0].socket",
      );
    });

    it("throw at the call for arguments, with the path", () => {
      const bad = { list: [1, () => {}] } as unknown as string;
      assertThrows(
        () => fail.remote(bad),
        SerializationError,
        "args[0].list[1]",
      );
      assertThrows(
        () => throwIt.remote(Symbol("odd")),
        SerializationError,
        "args[0]",
      );
    });
  });

  describe("cancelled tasks", () => {
    it("that wait never run", async () => {
      using flag = await newFlag();
      using runs = await newFlag();
      const holding = [hold.remote(flag.ref), hold.remote(flag.ref)];
      await blocked(flag, 2);
      const queued = attempt.remote(runs.ref, "none", 0);
      cancel(queued);
      await assertRejects(get(queued), TaskCancelledError);
      flag.raise();
      await get(holding);
      await get(square.remote(1));

      assertStrictEquals(await runs.word(0), 0);
    });

    it("that run have their signal aborted", async () => {
      using flag = await newFlag();
      const ref = napUntilCancelled.remote(flag.ref);
      await blocked(flag, 1);
      cancel(ref);
      await assertRejects(get(ref), TaskCancelledError);

      await eventually(
        async () => await flag.word(2) === 1,
        () => "the signal to be aborted",
      );
    });

    it("end at their next await on the API", async () => {
      using gate = Gate.remote();
      const ref = pass.remote({ gate });
      await get(gate.arrivals.remote(1));
      cancel(ref);
      await assertRejects(get(ref), TaskCancelledError);
      await get(gate.open.remote());
    });

    it("end by force whatever they do, and are not retried", async () => {
      using flag = await newFlag();
      const ref = spin.remote(flag.ref);
      await blocked(flag, 1);
      cancel(ref, { force: true });
      await assertRejects(get(ref), TaskCancelledError);
      await get([square.remote(1), square.remote(2)]);

      assertStrictEquals(await flag.word(1), 1);
    });

    it("that have finished stay as they are", async () => {
      const ref = square.remote(3);
      await get(ref);
      cancel(ref);
      cancel(ref, { force: true });

      assertStrictEquals(await get(ref), 9);
    });

    it("take their children along, unless told otherwise", async () => {
      for (const recursive of [true, false]) {
        using gate = Gate.remote();
        const parent = runChild.remote({ gate });
        await get(gate.arrivals.remote(1));
        cancel(parent, { recursive });
        await assertRejects(get(parent), TaskCancelledError);
        await get(gate.open.remote());
      }
    });

    it("are ready for wait", async () => {
      using gate = Gate.remote();
      const [one, two] = [pass.remote({ gate }), pass.remote({ gate })];
      await get(gate.arrivals.remote(2));
      cancel(two);
      assertEquals(await wait([one, two]), [[two], [one]]);
      await get(gate.open.remote());
      await get(one);
    });

    for (const force of [false, true]) {
      it(`R-63 in a chain leave what is upstream (force ${force})`, async () => {
        using gate = Gate.remote();
        const first = pass.remote({ gate }, 1);
        const middle = add.remote(first, 1);
        const last = add.remote(middle, 1);
        cancel(middle, { force });
        await assertRejects(get(middle), TaskCancelledError);
        await assertRejects(get(last), TaskCancelledError);
        await get(gate.open.remote());

        assertStrictEquals(await get(first), 1);
      });
    }

    it("R-64 5 % of 5,100 queued tasks: all have an outcome", async () => {
      using flag = await newFlag();
      const holding = [hold.remote(flag.ref), hold.remote(flag.ref)];
      await blocked(flag, 2);
      const refs = Array.from({ length: 5_100 }, (_, x) => square.remote(x));
      const cancelled = refs.filter((_, index) => index % 20 === 7);
      for (const ref of cancelled) cancel(ref);
      flag.raise();
      const [ready] = await wait(refs, { numReturns: refs.length });
      assertStrictEquals(ready.length, refs.length);
      await get(holding);

      for (const [x, ref] of refs.entries()) {
        if (x % 20 === 7) await assertRejects(get(ref), TaskCancelledError);
        else assertStrictEquals(await get(ref), x * x);
      }
    });

    it("R-64 while they run: all have an outcome", async () => {
      const refs = Array.from({ length: 1_000 }, (_, x) => square.remote(x));
      const outcomes = refs.map(async (ref, x) => {
        if (x % 5 === 0) cancel(ref, { force: x % 50 === 0 });
        try {
          return await get(ref) === x * x;
        } catch (error) {
          return error instanceof TaskCancelledError && x % 5 === 0;
        }
      });

      assert((await Promise.all(outcomes)).every(Boolean));
    });

    it("R-64 can be cancelled by who borrows the ref", async () => {
      using gate = Gate.remote();
      const ref = pass.remote({ gate });
      await get(gate.arrivals.remote(1));
      await get(cancelIt.remote([ref]));
      await assertRejects(get(ref), TaskCancelledError);
      const value = await put(1);
      await get(cancelIt.remote([value]));
      await get(gate.open.remote());

      assertStrictEquals(await get(value), 1);
    });

    it("are cancelled from another task by any of their results", async () => {
      using gate = Gate.remote();
      const [first, second] = passTwice.remote({ gate });
      await get(gate.arrivals.remote(1));
      await get(cancelIt.remote([second]));
      await assertRejects(get(first), TaskCancelledError);
      await assertRejects(get(second), TaskCancelledError);
      await get(gate.open.remote());
    });

    it("are named by a ref", () => {
      assertThrows(() => cancel({} as AnyObjectRef), TypeError);
      assertThrows(() => cancel(1 as unknown as AnyObjectRef), TypeError);
    });
  });
});

// `manta/state` against what really runs: each attempt of a task is listed
// once, whoever tells of it, and an actor with why it died.

import process from "node:process";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  describe,
  it,
} from "../support/harness.ts";
import {
  type ActorHandle,
  cancel,
  context,
  get,
  kill,
  placementGroup,
  put,
  remote,
} from "../../mod.ts";
import {
  listActors,
  listJobs,
  listNodes,
  listObjects,
  listPlacementGroups,
  listTasks,
  listWorkers,
  summarizeActors,
  summarizeTasks,
} from "../../lib/state/mod.ts";
import {
  blocked,
  blockUntil,
  eventually,
  Gate,
  newFlag,
  useCluster,
} from "../support/cluster.ts";

type Passing = Pick<ActorHandle<InstanceType<typeof Gate.local>>, "pass">;

const dieThrice = remote({ maxRetries: 3 }, function dieThrice() {
  if (context().attempt < 3) process.exit(1);
  return context().attempt;
});

const dieThriceInChild = remote(
  { maxRetries: 3, isolation: "process" },
  function dieThriceInChild() {
    if (context().attempt < 3) process.kill(process.pid, "SIGKILL");
    return context().attempt;
  },
);

const alwaysDie = remote({ maxRetries: 1 }, function alwaysDie(): void {
  process.exit(1);
});

const failTwice = remote(
  { maxRetries: 3, retryExceptions: true },
  function failTwice() {
    if (context().attempt < 2) throw new RangeError("not yet");
    return "done";
  },
);

const pass = remote({ numCpus: 0 }, async function passGate(
  box: { gate: Passing },
) {
  await get(box.gate.pass.remote());
});

const block = remote(function block(flag: Int32Array) {
  blockUntil(flag);
});

const greedy = remote({ numCpus: 64 }, function greedy() {});

const use = remote(function use(_value: unknown) {});

const listHere = remote({ numCpus: 0 }, async function listHere(name: string) {
  const { items } = await listTasks({ filters: [["name", "=", name]] });
  return items.map(({ state }) => state);
});

class Counter {
  #count = 0;
  add(): number {
    return ++this.#count;
  }
  leave(): void {
    process.exit(3);
  }
}
const Counting = remote(Counter);
const Lasting = remote(
  { maxRestarts: 1, maxTaskRetries: 1 },
  class Lasting {
    life() {
      if (!context().wasRestarted) process.exit(3);
      return "second";
    }
  },
);

const WAITING = "PENDING_ARGS_AVAIL";

async function attemptsOf(name: string, detail = false) {
  const { items } = await listTasks({
    filters: [["name", "=", name]],
    limit: 1_000,
    detail,
  });
  return items.toSorted((a, b) => a.attempt - b.attempt);
}

async function statesOf(name: string) {
  return (await attemptsOf(name)).map(({ state }) => state);
}

describe("listTasks()", () => {
  useCluster();

  for (const [name, task] of Object.entries({ dieThrice, dieThriceInChild })) {
    it(`counts each attempt of ${name} once`, async () => {
      assertEquals(await get(task.remote()), 3);

      const attempts = await attemptsOf(name, true);

      assertEquals(
        attempts.map(({ state }) => state),
        ["FAILED", "FAILED", "FAILED", "FINISHED"],
      );
      assertEquals(attempts.map(({ attempt }) => attempt), [0, 1, 2, 3]);
      assertEquals(new Set(attempts.map(({ id }) => id)).size, 1);
      assertEquals(new Set(attempts.map(({ workerId }) => workerId)).size, 4);
      assertEquals(
        attempts.map(({ errorType }) => errorType),
        [...new Array(3).fill("WorkerDiedError"), undefined],
      );
      assert(attempts.every(({ nodeId }) => nodeId?.startsWith("n-")));
      assert(attempts.every(({ ownerId }) => ownerId?.startsWith("w-")));
      const last = attempts[3]!;
      assert(last.startedAtMs! <= last.endedAtMs!);
      assert(attempts[0]!.endedAtMs! <= last.endedAtMs!);
    });
  }

  it("has the last attempt of what is not tried again", async () => {
    await assertRejects(() => get(alwaysDie.remote()));

    assertEquals(await statesOf("alwaysDie"), ["FAILED", "FAILED"]);
  });

  it("has attempts that threw, with what they threw", async () => {
    assertEquals(await get(failTwice.remote()), "done");

    const attempts = await attemptsOf("failTwice");

    assertEquals(
      attempts.map(({ state, errorType }) => [state, errorType]),
      [["FAILED", "TaskError"], ["FAILED", "TaskError"], [
        "FINISHED",
        undefined,
      ]],
    );
    assertMatch(attempts[0]!.errorMessage!, /not yet/);
  });

  it("has what waits and what runs, in Ray's words", async () => {
    const gate = Gate.remote();
    const running = pass.remote({ gate });
    await get(gate.arrivals.remote(1));
    const waiting = use.remote(running);
    const large = greedy.remote();

    assertEquals(await statesOf("passGate"), ["RUNNING"]);
    assertEquals(await statesOf("use"), [WAITING]);
    await eventually(
      async () => `${await statesOf("greedy")}` === "PENDING_NODE_ASSIGNMENT",
      () => "the task to wait for a node",
    );
    const [call] = await attemptsOf("Gate.pass");
    assertEquals([call?.state, call?.type], ["RUNNING", "ACTOR_TASK"]);
    assert(call?.actorId?.startsWith("a-"));
    await eventually(
      async () => `${await get(listHere.remote("use"))}` === WAITING,
      () => "a task to see what waits",
    );

    await get(gate.open.remote());
    await get(waiting);
    cancel(large);
    await assertRejects(() => get(large));
    assertEquals(await statesOf("greedy"), ["FAILED"]);
    assertEquals(await statesOf("passGate"), ["FINISHED"]);
  });
});

describe("listActors()", () => {
  useCluster();

  it("has why an actor died", async () => {
    const counter = Counting.remote();
    assertEquals(await get(counter.add.remote()), 1);
    await assertRejects(() => get(counter.leave.remote()));
    const killed = Counting.options({ name: "killed" }).remote();
    await get(killed.add.remote());
    kill(killed);

    const dead = async () =>
      (await listActors({
        filters: [["className", "=", "Counter"], ["state", "=", "DEAD"]],
        detail: true,
      })).items;
    await eventually(
      async () => (await dead()).length === 2,
      () => "both actors to be dead",
    );

    const [left, other] = await dead();
    assertEquals([left!.errorType, left!.restarts], ["ActorDiedError", 0]);
    assertMatch(left!.deathCause!, /process\.exit\(3\)|exit/);
    assertEquals([other!.name, other!.isDetached], ["killed", false]);
    assertMatch(other!.deathCause!, /kill/);
    const { items } = await summarizeActors({
      filters: [["className", "=", "Counter"]],
    });
    assertEquals(items, [{ name: "Counter", total: 2, states: { DEAD: 2 } }]);
  });

  it("has one that lives again, and both attempts of its call", async () => {
    const lasting = Lasting.remote();
    assertEquals(await get(lasting.life.remote()), "second");

    const { items: [actor] } = await listActors({
      filters: [["className", "=", "Lasting"]],
    });
    assertEquals([actor!.state, actor!.restarts], ["ALIVE", 1]);
    assertEquals(await statesOf("Lasting.life"), ["FAILED", "FINISHED"]);
  });
});

describe("manta/state", () => {
  useCluster();

  it("lists a task that computes, and names what it cannot ask", async () => {
    using flag = await newFlag();
    const busy = block.remote(flag.ref);
    await blocked(flag, 1);

    const { items, warnings } = await listTasks({
      filters: [["name", "=", "block"]],
    });

    assertEquals(items.map(({ state }) => state), ["RUNNING"]);
    assertMatch(warnings.join(), /1 thread was busy/);
    flag.raise();
    await get(busy);
  });

  it("lists nodes, jobs, workers, objects and groups", async () => {
    const large = await put(new Uint8Array(1_000_000));
    const group = placementGroup([{ CPU: 1 }], { name: "one" });
    await group.ready();
    const { nodeId, jobId } = context();

    const nodes = await listNodes();
    const jobs = await listJobs();
    const workers = await listWorkers({ filters: [["type", "=", "DRIVER"]] });
    const objects = await listObjects({ detail: true });
    const groups = await listPlacementGroups({ detail: true });

    assert(
      nodes.items.some(({ id, state }) => id === nodeId && state === "ALIVE"),
    );
    assertEquals(nodes.items[0]!.resources, undefined);
    assertEquals(jobs.items.map(({ id }) => id), [jobId]);
    assertEquals(workers.items.map((worker) => worker.jobId), [jobId]);
    const object = objects.items.find(({ id }) => id === large.id);
    assertEquals(object?.state, "SEALED");
    assert(object!.sizeBytes >= 1_000_000);
    assertEquals(object!.ownerId, workers.items[0]!.id);
    assertEquals(
      groups.items.map(({ name, state, bundles }) => [name, state, bundles]),
      [["one", "CREATED", [{ CPU: 1 }]]],
    );
    await group.remove();
    large[Symbol.dispose]();
  });

  it("counts tasks by name and state, and bounds what it gives", async () => {
    await get(Array.from({ length: 5 }, () => use.remote(1)));

    const filters = [["name", "=", "use"]] as const;
    const some = await listTasks({ filters, limit: 2 });
    const { items: [summary] } = await summarizeTasks({ filters });

    assertEquals([some.items.length, some.truncated], [2, true]);
    assert(some.total >= 5);
    assertEquals(summary!.name, "use");
    assertEquals(summary!.total, some.total);
    assertEquals(summary!.states["FINISHED"], some.total);
  });

  it("says what is wrong with what it is asked for", async () => {
    const list = (options: object) => listTasks(options as never);

    await assertRejects(() => list({ limit: 0 }), RangeError, "from 1 on");
    await assertRejects(() => list({ limt: 1 }), TypeError, "takes filters");
    await assertRejects(() => list({ filters: "x" }), TypeError, "a list such");
    await assertRejects(
      () => list({ filters: [["stat", "=", "RUNNING"]] }),
      RangeError,
      "a field of tasks: id, name, state",
    );
    await assertRejects(
      () => list({ filters: [["state", "<", "RUNNING"]] }),
      RangeError,
      '"=" or "!="',
    );
  });
});

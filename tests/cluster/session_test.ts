// A session from beginning to end: how it starts, what it tells of its
// cluster, what is left when it is over.

import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  afterEach,
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
  describe,
  it,
} from "../support/harness.ts";
import {
  availableResources,
  clusterResources,
  ConnectionError,
  context,
  get,
  init,
  type InitOptions,
  isInitialized,
  MantaError,
  nodes,
  type ObjectRef,
  put,
  remote,
  shutdown,
  timeline,
  wait,
} from "../../mod.ts";
import {
  blocked,
  blockUntil,
  eventually,
  newFlag,
} from "../support/cluster.ts";

const MIB = 1024 * 1024;

const square = remote(function square(x: number) {
  return x * x;
});

const hold = remote(function hold(flag: Int32Array) {
  blockUntil(flag);
});

const never = remote(async function never(flag: Int32Array) {
  Atomics.add(flag, 1, 1);
  await new Promise(() => {});
});

const count = remote({ numCpus: 0 }, function* count(flag: Int32Array) {
  blockUntil(flag);
  yield 1;
});

describe("a session", () => {
  afterEach(() => shutdown());

  it("starts with init and ends with shutdown", async () => {
    assertStrictEquals(isInitialized(), false);
    const cluster = await init({ numCpus: 2, namespace: "tests" });
    assertStrictEquals(isInitialized(), true);
    assertStrictEquals(cluster.numCpus, 2);
    assertStrictEquals(cluster.namespace, "tests");
    assertStrictEquals(cluster.resources["CPU"], 2);
    assertStrictEquals(cluster.jobId, context().jobId);
    assertStrictEquals(cluster.nodeId, context().nodeId);
    assertStrictEquals(cluster.dashboardUrl, undefined);
    await shutdown();
    assertStrictEquals(isInitialized(), false);
    await shutdown();
  });

  it("starts by itself with the first call", async () => {
    assertStrictEquals(await get(square.remote(3)), 9);
    assertStrictEquals(isInitialized(), true);
    await shutdown();
    assertEquals(await get(await put({ a: 1 })), { a: 1 });
    await shutdown();
    assert((await nodes()).length === 1);
  });

  it("is one at a time, and another can follow", async () => {
    const first = await init({ numCpus: 1 });
    await assertRejects(init({ numCpus: 2 }), Error, "ignoreReinit");
    const same = await init({ numCpus: 2, ignoreReinit: true });
    assertStrictEquals(same.jobId, first.jobId);
    assertStrictEquals(same.numCpus, 1);
    await shutdown();
    const second = await init({ numCpus: 2 });
    assert(second.jobId !== first.jobId);
    assertStrictEquals(await get(square.remote(2)), 4);
  });

  it("ends with the scope of its info", async () => {
    {
      await using cluster = await init({ numCpus: 1 });
      assertStrictEquals(cluster.numCpus, 1);
    }
    assertStrictEquals(isInitialized(), false);
  });

  it("refuses unknown options and wrong values", async () => {
    const given = (options: unknown) => init(options as InitOptions);
    await assertRejects(given({ numCPUs: 2 }), TypeError, "numCPUs");
    await assertRejects(given({ numCpus: "2" }), TypeError, "numCpus");
    await assertRejects(given({ numCpus: -1 }), RangeError, "numCpus");
    await assertRejects(given({ resources: { GPU: 1 } }), RangeError, "GPU");
    await assertRejects(given({ address: 1 }), TypeError, "address");
    assertStrictEquals(isInitialized(), false);
  });

  it("tells of a cluster that it cannot reach", async () => {
    await assertRejects(init({ address: "auto" }), ConnectionError);
    await assertRejects(
      init({ address: "127.0.0.1:1", token: "t" }),
      MantaError,
    );
    assertStrictEquals(isInitialized(), false);
  });

  it("has no context before it starts", () => {
    assertThrows(() => context(), Error, "no session");
  });

  it("tells of its node and resources", async () => {
    await init({
      numCpus: 2,
      numGpus: 1,
      resources: { disk: 3 },
      labels: { zone: "a" },
      objectStoreMemory: 64 * MIB,
      memory: 128 * MIB,
    });
    const total = {
      CPU: 2,
      GPU: 1,
      memory: 128 * MIB,
      objectStoreMemory: 64 * MIB,
      disk: 3,
    };
    assertEquals(await clusterResources(), total);
    assertEquals(await availableResources(), total);
    const [node] = await nodes();
    assert(node !== undefined);
    assertStrictEquals(node.nodeId, context().nodeId);
    assertEquals(
      [node.alive, node.isHead, node.state, node.pid],
      [true, true, "alive", process.pid],
    );
    assertEquals({ ...node.resources }, total);
    assertEquals(node.labels["zone"], "a");
    assertEquals(node.objectStore.capacityBytes, 64 * MIB);
    assertEquals(node.objectStore.spilledBytes, 0);
    assertMatch(node.version, /^\d+\.\d+\.\d+/);
    assert(node.startedAtMs <= Date.now());
  });

  it("holds the resources of tasks while they run", async () => {
    await init({ numCpus: 2, resources: { disk: 1 } });
    using flag = await newFlag();
    const task = hold.options({ numCpus: 0.5, resources: { disk: 0.25 } });
    const running = task.remote(flag.ref);
    await blocked(flag, 1);
    const available = await availableResources();
    assertStrictEquals(available["CPU"], 1.5);
    assertStrictEquals(available["disk"], 0.75);
    flag.raise();
    await get(running);

    await eventually(
      async () => (await availableResources())["CPU"] === 2,
      () => "the CPU to be given back",
    );
    assertStrictEquals((await availableResources())["disk"], 1);
  });

  it("records a timeline of its tasks", async () => {
    await init({ numCpus: 1 });
    await get([1, 2, 3].map((x) => square.remote(x)));
    const path = join(tmpdir(), `manta-timeline-${process.pid}.json`);
    let events: unknown[] = [];
    await eventually(
      async () => {
        events = await timeline(path);
        return JSON.stringify(events).split('"square"').length > 3;
      },
      () => `three tasks in ${JSON.stringify(events)}`,
    );
    assertEquals(JSON.parse(await readFile(path, "utf8")), events);
    await rm(path);
  });

  it("ends with tasks under way and refs unread", async () => {
    await init({ numCpus: 2 });
    using flag = await newFlag();
    const running = never.remote(flag.ref);
    const queued = Array.from({ length: 100 }, (_, x) => square.remote(x));
    const spun = hold.remote(flag.ref);
    await blocked(flag, 1);
    await put(new Uint8Array(MIB));
    await shutdown();

    const refs: ObjectRef<unknown>[] = [running, ...queued, spun];
    for (const ref of refs.slice(0, 3)) {
      await assertRejects(wait([ref]), MantaError);
      await assertRejects(get(ref), MantaError);
    }
  });

  it("fails waits that are under way when it ends", async () => {
    await init({ numCpus: 1 });
    using flag = await newFlag();
    const running = never.remote(flag.ref);
    await blocked(flag, 1);
    const stream = count.remote(flag.ref);
    const waiting = Promise.all([
      assertRejects(get(running), ConnectionError, "ended"),
      assertRejects(get([running], { timeout: 2 ** 40 }), ConnectionError),
      assertRejects(wait([running]), ConnectionError),
      // Its item is a ref that rejects, as any failure of a stream.
      stream.next(),
    ]);
    await shutdown();
    await waiting;
  });
});

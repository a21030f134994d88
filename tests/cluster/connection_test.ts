// A driver whose head is another process: what its user sees of the connection,
// when it works, when it breaks, and when it cannot be had. That all else is as
// in an embedded cluster is seen by the other tests of this folder, which run
// over a connection, too (`MANTA_TEST_CONNECTION=1`).

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import {
  asCompleted,
  AuthenticationError,
  cancel,
  ConnectionError,
  context,
  get,
  getActor,
  init,
  isInitialized,
  nodes,
  put,
  remote,
  shutdown,
  TaskCancelledError,
  TaskError,
} from "../../mod.ts";
import { openChannel } from "../../runtime/platform/web_client.ts";
import { ChaosProxy } from "../support/chaos_proxy.ts";
import { eventually, leftovers } from "../support/cluster.ts";
import {
  afterAll,
  assert,
  assertEquals,
  assertRejects,
  beforeAll,
  describe,
  it,
} from "../support/harness.ts";
import { HEAD_TOKEN, HeadProcess } from "../support/head_process.ts";

const add = remote(function add(a: number, b: number): number {
  return a + b;
});

const sleepFor = remote(async function sleepFor(ms: number): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, ms));
  return ms;
});

const forever = remote(async function forever(): Promise<void> {
  await new Promise(() => {});
});

const fail = remote(function fail(): void {
  throw new RangeError("no such thing");
});

const count = remote(function* count(to: number): Generator<number> {
  for (let n = 0; n < to; n++) yield n;
});

interface NotesShape {
  note(n: number): number;
  all(): number[];
}

/** Notes all calls, so that lost and repeated ones are seen. */
const Notes = remote(
  class Notes {
    readonly #notes: number[] = [];

    note(n: number): number {
      this.#notes.push(n);
      return n;
    }

    all(): number[] {
      return this.#notes;
    }
  },
);

describe("a driver of another process's head", () => {
  let head: HeadProcess;
  beforeAll(async () => {
    head = await HeadProcess.start();
    await init({ address: head.address, token: HEAD_TOKEN });
  });
  afterAll(async () => {
    await shutdown();
    await head[Symbol.asyncDispose]();
  });

  it("is told where it is", async () => {
    const [node] = await nodes();

    assertEquals(node!.address, head.address);
    assertEquals(node!.pid, head.pid);
    assertEquals(context().nodeId, node!.nodeId);
  });

  it("runs tasks, with refs as arguments", async () => {
    const three = add.remote(1, 2);
    const refs = [add.remote(three, 1), add.remote(await put(5), three)];

    assertEquals(await get(refs), [4, 8]);
  });

  it("gets streams, and results as they come", async () => {
    const items: number[] = [];
    for await (const ref of count.remote(100)) items.push(await get(ref));
    assertEquals(items, Array.from({ length: 100 }, (_, n) => n));

    const delays = [sleepFor.remote(60), sleepFor.remote(1)];
    const order: number[] = [];
    for await (const ref of asCompleted(delays)) order.push(await get(ref));
    assertEquals(order.sort(), [1, 60]);
  });

  it("calls actors, in order, and finds them by name", async () => {
    using notes = Notes.options({ name: "notes" }).remote();
    const calls = Array.from({ length: 500 }, (_, n) => notes.note.remote(n));
    await get(calls);

    using found = await getActor<NotesShape>("notes");
    const all = await get(found.all.remote()) as number[];
    assertEquals(all.length, 500);
    assert(all.every((n, index) => n === index));
  });

  it("gets the errors of tasks", async () => {
    const error = await assertRejects(() => get(fail.remote()), TaskError);

    assert(error.cause instanceof RangeError);
  });

  it("cancels tasks that run, and those that wait behind others", async () => {
    const refs = Array.from({ length: 8 }, () => forever.remote());
    for (const ref of refs) cancel(ref);

    for (const ref of refs) {
      await assertRejects(() => get(ref), TaskCancelledError);
    }
    assertEquals(await get(add.remote(1, 1)), 2);
  });

  it("does not queue long tasks behind one another", async () => {
    const startMs = performance.now();
    await get(Array.from({ length: 6 }, () => sleepFor.remote(300)));

    // Two CPUs: three in a row on each, and not six on one.
    assert(performance.now() - startMs < 1_700);
  });

  it("leaves nothing behind", async () => {
    await eventually(async () => {
      const { leases, actors, tasks } = await leftovers();
      return leases + actors + tasks === 0;
    }, () => "nothing to be held");
  });
});

describe("a connection that breaks", () => {
  let head: HeadProcess;
  let proxy: ChaosProxy;
  beforeAll(async () => {
    head = await HeadProcess.start();
    // The proxy's port is not the head's: it must lead to one of that name.
    proxy = await ChaosProxy.open(head.port);
  });
  afterAll(async () => {
    await shutdown();
    await proxy.close();
    await head[Symbol.asyncDispose]();
  });

  it("is no event for calls in flight: none is lost, none runs twice", async () => {
    await init({ address: `127.0.0.1:${proxy.port}`, token: HEAD_TOKEN });
    using notes = Notes.remote();
    await get(notes.note.remote(0));
    const calls: Promise<number>[] = [];
    let isDone = false;
    const cutter = (async () => {
      for (let cuts = 0; cuts < 4; cuts++) {
        await new Promise((resolve) => setTimeout(resolve, 40));
        proxy.refuse(true);
        proxy.cut();
        await new Promise((resolve) => setTimeout(resolve, 150));
        proxy.refuse(false);
      }
      isDone = true;
    })();
    let n = 1;
    while (!isDone) {
      for (let burst = 0; burst < 50; burst++) {
        calls.push(get(notes.note.remote(n++)) as Promise<number>);
        calls.push(get(add.remote(n, 0)));
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await cutter;
    await Promise.all(calls);

    const all = await get(notes.all.remote()) as number[];
    assertEquals(all.length, n);
    assert(all.every((note, index) => note === index));
  });
});

describe("a head that is killed", () => {
  it("fails all that its driver waits for, at once and later", async () => {
    const head = await HeadProcess.start();
    await init({ address: head.address, token: HEAD_TOKEN });
    const waiting = get(forever.remote());
    await get(add.remote(1, 1));
    const rejection = assertRejects(() => waiting, ConnectionError);
    await head.kill();

    await rejection;
    await assertRejects(
      async () => await get(add.remote(1, 1)),
      ConnectionError,
      "lost",
    );
    await shutdown();
    assertEquals(isInitialized(), false);
  });
});

describe("a cluster that cannot be reached", () => {
  let web: Server;
  let head: HeadProcess;
  beforeAll(async () => {
    web = createServer((_, response) => response.end("hello"));
    await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
    head = await HeadProcess.start();
  });
  afterAll(async () => {
    web.close();
    await head[Symbol.asyncDispose]();
  });

  it("is a ConnectionError where nobody listens", async () => {
    const spare = createServer();
    await new Promise<void>((resolve) => spare.listen(0, "127.0.0.1", resolve));
    const { port } = spare.address() as AddressInfo;
    await new Promise((resolve) => spare.close(resolve));

    await assertRejects(
      () => init({ address: `127.0.0.1:${port}`, token: "x" }),
      ConnectionError,
      `127.0.0.1:${port}`,
    );
    assertEquals(isInitialized(), false);
  });

  it("is a ConnectionError where something else listens", async () => {
    const { port } = web.address() as AddressInfo;

    await assertRejects(
      () => init({ address: `127.0.0.1:${port}`, token: "x" }),
      ConnectionError,
      "no node of Manta",
    );
  });

  it("is an AuthenticationError without the right token", async () => {
    for (const token of ["wrong", "a".repeat(500)]) {
      await assertRejects(
        () => init({ address: head.address, token }),
        AuthenticationError,
        "token",
      );
    }
    assertEquals(isInitialized(), false);
  });

  it("says nothing without the token, whatever is asked", async () => {
    for (const path of ["/", "/connect", "/anything"]) {
      const answer = await fetch(`http://${head.address}${path}`);
      assertEquals([answer.status, await answer.text()], [401, ""]);
    }
    const page = await fetch(`http://${head.address}/`, {
      headers: { authorization: `Bearer ${HEAD_TOKEN}`, origin: "http://x.y" },
    });
    assertEquals(page.status, 403);
    await page.body?.cancel();
  });

  it("is named with its version where that is another", async () => {
    const tried = await openChannel({
      hostname: "127.0.0.1",
      port: head.port,
      path: "/connect",
      headers: {
        authorization: `Bearer ${HEAD_TOKEN}`,
        "manta-protocol": "999",
        "manta-session": "0".repeat(32),
      },
    });

    assert(tried.type === "answered");
    assertEquals(tried.status, 426);
  });

  it("takes another driver after all of that", async () => {
    await init({ address: head.address, token: HEAD_TOKEN });
    assertEquals(await get(add.remote(2, 2)), 4);
    await shutdown();
  });
});

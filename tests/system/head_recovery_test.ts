// The head's process is killed and started again: what runs goes on meanwhile,
// what needs the head waits, and afterwards all is as it was. The numbers are
// those of the acceptance cases for a head that comes back.

import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import {
  availableResources,
  clusterResources,
  context,
  get,
  getActor,
  init,
  kill,
  nodes,
  OwnerDiedError,
  placementGroup,
  remote,
  shutdown,
} from "../../mod.ts";
import { eventually } from "../support/cluster.ts";
import {
  afterEach,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStringIncludes,
  beforeEach,
  describe,
  it,
} from "../support/harness.ts";
import {
  CLUSTER_TOKEN,
  type NodeProcess,
  ProcessCluster,
} from "../support/node_processes.ts";

const Counter = remote(
  class Counter {
    #count = 0;

    add(): number {
      return ++this.#count;
    }

    home(): string {
      return `${process.pid} ${context().nodeId} ${context().workerId}`;
    }
  },
);

const square = remote(function square(n: number) {
  return n * n;
});

const SQUARES = Array.from({ length: 100 }, (_, n) => n * n);

const endless = remote(async function endless(): Promise<never> {
  for (;;) await new Promise((resolve) => setTimeout(resolve, 5));
});

const slow = remote(async function slow(n: number) {
  await new Promise((resolve) => setTimeout(resolve, 300));
  return n;
});

/** By node: alive, or why not. */
async function states(): Promise<Record<string, string>> {
  const listed = await nodes();
  return Object.fromEntries(
    listed.map(({ nodeId, state }) => [nodeId, state]),
  );
}

function alive(node: NodeProcess): Promise<void> {
  return eventually(
    async () => (await states())[node.nodeId] === "alive",
    () => `${node.nodeId} to be alive`,
  );
}

async function atRest(): Promise<void> {
  let seen = "";
  await eventually(
    async () => {
      const total = JSON.stringify(await clusterResources());
      const free = JSON.stringify(await availableResources());
      seen = `${free} of ${total}`;
      return free === total;
    },
    () => `all resources to be free: ${seen}`,
  );
}

describe("a head that is killed and started again", () => {
  let cluster: ProcessCluster;

  beforeEach(async () => {
    cluster = await ProcessCluster.start({ head: 0, workers: [4, 4] });
    const { address } = cluster.workers[0]!;
    await init({ address, token: CLUSTER_TOKEN, namespace: "recovery" });
  });

  afterEach(async () => {
    await shutdown();
    await cluster[Symbol.asyncDispose]();
  });

  const on = (index: number) => ({
    schedulingStrategy: {
      nodeId: cluster.workers[index]!.nodeId,
      soft: true,
    },
  });

  it("finds all as it was (R-69, R-70, R-74)", async () => {
    const counter = Counter
      .options({ ...on(1), name: "kept", lifetime: "detached" }).remote();
    using held = Counter.options(on(1)).remote();
    const group = placementGroup([{ CPU: 1 }, { CPU: 1 }], {
      strategy: "strictSpread",
    });
    await group.ready();
    const homes = await get([counter.home.remote(), held.home.remote()]);
    assertEquals(await get(counter.add.remote()), 1);
    const running = [1, 2, 3, 4, 5, 6].map((n) => slow.remote(n));

    await cluster.head.kill();

    // Known actors and tasks do not need it.
    assertEquals(await get(running), [1, 2, 3, 4, 5, 6]);
    assertEquals(await get([counter.add.remote(), held.add.remote()]), [2, 1]);
    assertEquals(
      await get([1, 2, 3].map((n) => square.options(on(1)).remote(n))),
      [1, 4, 9],
    );
    // What does, waits for it.
    using made = Counter.options({ name: "made" }).remote();
    const found = getActor<{ add(): number }>("kept");
    const added = made.add.remote();

    await cluster.replaceHead({ words: ["--num-cpus", "0"] });

    assertEquals(await get(added), 1);
    assertEquals(await get((await found).add.remote()), 3);
    for (const worker of cluster.workers) await alive(worker);
    assertEquals(cluster.workers.map(({ lives }) => lives), [1, 1]);
    assertEquals(
      await get([counter.home.remote(), held.home.remote()]),
      homes,
    );
    await group.ready();
    const inGroup = { schedulingStrategy: { placementGroup: group } };
    assertEquals(await get(square.options(inGroup).remote(5)), 25);
    await group.remove();
    kill(counter);
    kill(held);
    kill(made);
    await atRest();
  });

  it("lets names go, and ends who nobody holds (R-72)", async () => {
    const named = Counter.options({ ...on(1), name: "free" }).remote();
    {
      using held = Counter.options(on(1)).remote();
      assertEquals(await get([named.add.remote(), held.add.remote()]), [1, 1]);
      await cluster.head.kill();
    }
    kill(named);
    await cluster.replaceHead({ words: ["--num-cpus", "0"] });

    for (const worker of cluster.workers) await alive(worker);
    await eventually(
      async () => {
        const again = Counter.options({ name: "free" }).remote();
        return await get(again.add.remote()).then(() => {
          kill(again);
          return true;
        }, () => false);
      },
      () => "the name to be free",
    );
    await atRest();
  });

  it("tells of nodes that died meanwhile, and starts their actors again (R-71, R-72)", async () => {
    const [first, second] = cluster.workers as [NodeProcess, NodeProcess];
    const counter = Counter.options({
      ...on(1),
      name: "moves",
      lifetime: "detached",
      maxRestarts: -1,
      maxTaskRetries: -1,
    }).remote();
    assertStringIncludes(await get(counter.home.remote()), second.nodeId);
    const fixed = Counter.options(on(1)).remote();
    assertEquals(await get(fixed.add.remote()), 1);
    await cluster.head.kill();
    await second.kill();
    const replacedAtMs = performance.now();
    await cluster.replaceHead({ words: ["--num-cpus", "0"] });

    await eventually(
      async () => (await states())[second.nodeId] === "dead",
      () => "the node to be dead",
    );
    const tookMs = performance.now() - replacedAtMs;
    assertEquals(tookMs <= 10_000, true, `${tookMs} ms`);
    assertStringIncludes(await get(counter.home.remote()), first.nodeId);
    const error = await get(fixed.add.remote()).catch((error) => error);
    assertMatch(String(error), /Cannot call actor Counter/);
    kill(counter);
    await atRest();
  });

  it("ends what a thread owned that dies afterwards (R-73)", async () => {
    const starter = remote(
      class Starter {
        start(nodeId: string) {
          const schedulingStrategy = { nodeId, soft: false };
          return [endless.options({ schedulingStrategy }).remote()];
        }
      },
    ).options({ ...on(0), numCpus: 0 }).remote();
    const { nodeId } = cluster.workers[1]!;
    const [orphan] = await get(starter.start.remote(nodeId));
    await eventually(
      async () => (await availableResources())["CPU"] === 7,
      () => "the orphan to run",
    );
    await cluster.head.kill();
    await cluster.replaceHead({ words: ["--num-cpus", "0"] });
    for (const worker of cluster.workers) await alive(worker);

    kill(starter);

    const error = await get(orphan!).catch((error) => error);
    assertInstanceOf(error, OwnerDiedError);
    await atRest();
  });

  it("comes back again and again (R-74)", async () => {
    using counter = Counter.options({ ...on(1), name: "steady" }).remote();
    const home = await get(counter.home.remote());
    for (let life = 1; life <= 4; life++) {
      await cluster.head.kill();
      assertEquals(await get(counter.add.remote()), life);
      await cluster.replaceHead({ words: ["--num-cpus", "0"] });
      for (const worker of cluster.workers) await alive(worker);
      assertEquals(await get(counter.home.remote()), home);
    }
    kill(counter);
    await atRest();
  });

  it("leaves work under way exact, however often it is killed", async () => {
    const counter = Counter.options({ ...on(1), maxTaskRetries: -1 }).remote();
    assertEquals(await get(counter.add.remote()), 1);
    let isOver = false;
    const killing = (async () => {
      for (let life = 0; life < 4; life++) {
        await new Promise((resolve) => setTimeout(resolve, 300));
        await cluster.head.kill();
        await new Promise((resolve) => setTimeout(resolve, 150 * life));
        await cluster.replaceHead({ words: ["--num-cpus", "0"] });
      }
      isOver = true;
    })();
    let calls = 1;
    for (let round = 0; !isOver; round++) {
      // By turns something that needs the head, and what does not.
      using made = round % 3 === 0
        ? Counter.options({ isolation: "shared" }).remote()
        : undefined;
      const first = made?.add.remote();
      const results = await get([
        ...Array.from({ length: 100 }, (_, n) => square.remote(n)),
        ...Array.from({ length: 50 }, () => counter.add.remote()),
      ]);
      assertEquals(results.slice(0, 100), SQUARES);
      // In the order of the calls, each once.
      assertEquals(
        results.slice(100),
        Array.from({ length: 50 }, (_, n) => calls + n + 1),
      );
      calls += 50;
      if (first) assertEquals(await get(first), 1);
    }
    await killing;

    for (const worker of cluster.workers) await alive(worker);
    assertEquals(cluster.workers.map(({ lives }) => lives), [1, 1]);
    kill(counter);
    await atRest();
  });

  it("places bundles anew that were lost while it was down (R-75)", async () => {
    const group = placementGroup([{ CPU: 2 }, { CPU: 2 }], {
      strategy: "strictSpread",
    });
    await group.ready();
    const inBundle = (bundleIndex: number) => ({
      schedulingStrategy: { placementGroup: group, bundleIndex },
    });
    const [, second] = cluster.workers as [NodeProcess, NodeProcess];
    await second.kill();
    // The new place is looked for when the head is killed, too.
    await cluster.head.kill();
    const joining = cluster.addWorker({ words: ["--num-cpus", "4"] });
    await cluster.replaceHead({ words: ["--num-cpus", "0"] });
    await joining;

    assertEquals(
      await get([0, 1].map((n) => square.options(inBundle(n)).remote(n + 2))),
      [4, 9],
    );
    await group.remove();
    await atRest();
  });

  it("begins anew after it was stopped", async () => {
    const counter = Counter.options({ name: "gone", lifetime: "detached" })
      .remote();
    assertEquals(await get(counter.add.remote()), 1);
    cluster.head.stop();
    assertEquals(await cluster.head.ended, 0);
    await cluster.replaceHead({ words: ["--num-cpus", "0"] });
    await Promise.all(
      cluster.workers.map((worker) => worker.says("and has joined", 2)),
    );
    await shutdown();
    await init({
      address: cluster.workers[0]!.address,
      token: CLUSTER_TOKEN,
      namespace: "recovery",
    });
    assertEquals(await getActor("gone").catch(() => undefined), undefined);
    await atRest();
  });
});

describe("a head whose state is damaged", () => {
  it("refuses to start, and says which file it is", async () => {
    await using cluster = await ProcessCluster.start({ workers: [] });
    await cluster.head.kill();
    const folder = join(cluster.folder, "home", ".local", "state", "manta");
    const [name] = readdirSync(folder).filter((one) => one.endsWith(".sqlite"));
    // What was committed last may be in the file beside it, whole.
    rmSync(join(folder, `${name}-wal`), { force: true });
    writeFileSync(join(folder, name!), "no database".repeat(1_000));

    const [port] = /\d+$/.exec(cluster.address)!;
    const head = cluster.begin(["--head", "--port", port]);

    assertEquals(await head.ended, 1);
    assertStringIncludes(head.printed, join(folder, name!));
    assertStringIncludes(head.printed, "remove it to begin a new cluster");
    assertEquals(head.printed.includes("    at "), false, head.printed);
  });
});

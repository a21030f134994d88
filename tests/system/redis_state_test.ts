// The state of a head in a real Redis server: a head that is killed comes back
// with what is there, and no two heads have it at one time.

import process from "node:process";
import {
  availableResources,
  clusterResources,
  get,
  getActor,
  init,
  kill,
  remote,
  shutdown,
} from "../../mod.ts";
import {
  connectToRedis,
  readRedisUrl,
} from "../../runtime/platform/redis_server.ts";
import { RedisState } from "../../runtime/platform/redis_state.ts";
import { eventually } from "../support/cluster.ts";
import {
  afterEach,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  beforeEach,
  describe,
  it,
} from "../support/harness.ts";
import { freePort } from "../support/free_port.ts";
import {
  CLUSTER_TOKEN,
  type NodeProcess,
  ProcessCluster,
} from "../support/node_processes.ts";
import { HAS_REDIS, RedisProcess } from "../support/redis_server.ts";

const Counter = remote(
  class Counter {
    #count = 0;

    add(): number {
      return ++this.#count;
    }
  },
);

const row = (kind: string, id: string, ...bytes: number[]) => ({
  kind,
  id,
  bytes: new Uint8Array(bytes),
});

if (HAS_REDIS) {
  describe("RedisState", () => {
    let redis: RedisProcess;

    beforeEach(async () => {
      redis = await RedisProcess.start();
    });

    afterEach(() => redis[Symbol.asyncDispose]());

    const open = async (name = "a") => {
      const address = readRedisUrl(redis.url(`/1?name=${name}`), 6380);
      const server = await connectToRedis(address);
      try {
        return await RedisState.open(server, name);
      } catch (error) {
        server.close();
        throw error;
      }
    };
    const rowsOf = (state: RedisState) =>
      state.rows().map(({ kind, id, bytes }) => [kind, id, ...bytes]);

    it("keeps, replaces and drops rows, in the order of their coming", async () => {
      const state = await open();
      await state.commit([
        row("b", "2", 1),
        row("a", "1", 255, 0),
        row("c", "3"),
      ]);
      await state.commit([
        row("b", "2", 4),
        row("b", "1:2", 5),
        { kind: "c", id: "3", bytes: undefined },
      ]);
      await state.close(false);

      const next = await open();
      assertEquals(rowsOf(next), [
        ["b", "2", 4],
        ["a", "1", 255, 0],
        ["b", "1:2", 5],
      ]);
      const other = await open("b");
      assertEquals(rowsOf(other), []);
      await other.close(true);
      await next.close(true);
      const last = await open();
      assertEquals(rowsOf(last), []);
      await last.close(true);
    });

    it("is one head's at a time", async () => {
      const first = await open();
      await first.commit([row("a", "1", 1)]);
      const error = await assertRejects(() => open(), Error);
      assertStringIncludes(error.message, `process ${process.pid}`);
      await first.close(false);
      const second = await open();

      // The first one has not noticed, say.
      await assertRejects(
        () => first.commit([row("a", "2", 2)]),
        Error,
      );
      assertEquals(rowsOf(second), [["a", "1", 1]]);
      await second.close(true);
    });

    it("gives a server that has lost all of it all of it again", async () => {
      const state = await open();
      await state.commit([row("a", "1", 1), row("a", "2", 2)]);
      await redis.kill();
      await assertRejects(() => state.commit([row("a", "3", 3)]), Error);
      await redis.begin();
      await eventually(
        () => state.commit([row("a", "4", 4)]).then(() => true, () => false),
        () => "the server to be back",
      );
      await state.close(false);

      const next = await open();
      assertEquals(rowsOf(next), [["a", "1", 1], ["a", "2", 2], ["a", "4", 4]]);
      await next.close(true);
    });

    it("does not wait for a server that has stopped, but once", async () => {
      const state = await open();
      redis.signal("SIGSTOP");
      const late = await assertRejects(
        () => state.commit([row("a", "1", 1)]),
        Error,
      );
      assertStringIncludes(late.message, "does not answer");
      const next = await assertRejects(
        () => state.commit([row("a", "1", 1)]),
        Error,
      );
      assertStringIncludes(next.message, "does not answer");
      redis.signal("SIGCONT");
      await eventually(
        () => state.commit([row("a", "1", 1)]).then(() => true, () => false),
        () => "the server to answer",
      );
      assertEquals(rowsOf(state), [["a", "1", 1]]);
      await state.close(true);
    });
  });

  describe("a head with its state in Redis", () => {
    let redis: RedisProcess;
    let cluster: ProcessCluster;
    let port: number;
    let words: string[];

    beforeEach(async () => {
      redis = await RedisProcess.start();
      cluster = new ProcessCluster();
      port = await freePort();
      words = ["--num-cpus", "0", "--state", redis.url()];
      await cluster.startHead({ words, port });
      await cluster.addWorker({ words: ["--num-cpus", "4"] });
      const { address } = cluster.workers[0]!;
      await init({ address, token: CLUSTER_TOKEN, namespace: "redis" });
    });

    afterEach(async () => {
      await shutdown();
      await cluster[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    });

    /** A detached actor that was called once. */
    const made = async (name: string) => {
      const actor = Counter.options({ name, lifetime: "detached" }).remote();
      assertEquals(await get(actor.add.remote()), 1);
    };
    const added = async (name: string) => {
      const actor = await getActor<{ add(): number }>(name);
      return await get(actor.add.remote());
    };
    const rejoins = (head: NodeProcess) => head.says("listens on");

    it("comes back, killed or ended by a service", async () => {
      await made("kept");
      await cluster.head.kill();
      await rejoins(await cluster.replaceHead({ words }));
      assertEquals(await added("kept"), 2);

      cluster.head.stop();
      assertEquals(await cluster.head.ended, 0);
      assertStringIncludes(cluster.head.printed, "Its cluster waits");
      await rejoins(await cluster.replaceHead({ words }));
      assertEquals(await added("kept"), 3);
      assertEquals(cluster.workers.map(({ lives }) => lives), [1]);

      kill(await getActor("kept"));
      await eventually(
        async () =>
          JSON.stringify(await availableResources()) ===
            JSON.stringify(await clusterResources()),
        () => "all resources to be free",
      );
    });

    it("goes on without its server, and gives it all that it missed", async () => {
      await made("before");
      await redis.kill();
      await made("meanwhile");
      await cluster.head.says("Cannot keep the state of the head");
      await redis.begin();
      await cluster.head.says("The state of the head is kept");

      await cluster.head.kill();
      await rejoins(await cluster.replaceHead({ words }));
      assertEquals([await added("before"), await added("meanwhile")], [2, 2]);
      assertEquals(cluster.head.printed.includes(redis.password), false);
    });

    it("ends when another head has taken over", async () => {
      await made("kept");
      const old = cluster.head;
      // It cannot say that it still holds the state.
      old.suspend();
      const other = cluster.begin([
        ...["--head", "--port", String(await freePort())],
        ...["--state", redis.url(`?name=${port}`)],
      ]);
      await other.says("listens on");
      old.resume();
      assertEquals(await old.ended, 1);
      assertStringIncludes(old.printed, "another head has taken over");
      other.stop();
      await other.ended;
    });

    it("refuses what cannot work, and says what to do", async () => {
      const start = async (state: string, ...more: string[]) => {
        const head = cluster.begin(["--head", "--state", state, ...more]);
        const code = await head.ended;
        assertEquals(
          head.printed.includes(redis.password),
          false,
          head.printed,
        );
        assertEquals(head.printed.includes("    at "), false, head.printed);
        return `${code} ${head.printed}`;
      };
      const other = String(await freePort());
      const own = ["--port", other];

      assertStringIncludes(
        await start(`redis://:wrong@127.0.0.1:${redis.port}`, ...own),
        "WRONGPASS",
      );
      assertStringIncludes(
        await start(`redis://127.0.0.1:${other}`, ...own),
        "ECONNREFUSED",
      );
      assertStringIncludes(
        await start(redis.url(), "--port", "0"),
        "give a port",
      );
      assertStringIncludes(
        await start(redis.url("/x")),
        "number of a database",
      );
      assertStringIncludes(
        await start(redis.url(`?name=${port}`), ...own),
        `(process ${cluster.head.pid}) has it`,
      );
    });
  });
} else {
  console.log("No state in Redis is tested: the machine has no redis-server");
}

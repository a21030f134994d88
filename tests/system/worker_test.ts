// Workers as their users meet them: they join, leave, die and come back, and
// the status of the cluster tells the truth of it.

import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { readCertificate } from "../../cli/node_certificate.ts";
import { joinToken } from "../../runtime/protocol/token.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  describe,
  it,
} from "../support/harness.ts";
import { eventually } from "../support/cluster.ts";
import { observeNode } from "../../runtime/observe_node.ts";
import {
  CLUSTER_TOKEN,
  type NodeProcess,
  type NodeRuntime,
  ProcessCluster,
} from "../support/node_processes.ts";

const RUNTIMES: readonly NodeRuntime[] = ["deno", "bun", "manta"];

/** What the head says of the nodes: their states, by their ids. */
async function statesOf(
  { address }: ProcessCluster,
  token = CLUSTER_TOKEN,
): Promise<Record<string, string>> {
  const node = observeNode({ address, token });
  try {
    const nodes = await node.calls.nodes();
    return Object.fromEntries(
      nodes.map(({ nodeId, state, deathReason }) => [
        nodeId,
        deathReason === undefined ? state : `${state}: ${deathReason}`,
      ]),
    );
  } finally {
    await node.close();
  }
}

async function untilState(
  cluster: ProcessCluster,
  nodeId: string,
  wanted: string,
  token = CLUSTER_TOKEN,
): Promise<void> {
  let state: string | undefined;
  await eventually(
    async () => (state = (await statesOf(cluster, token))[nodeId]) === wanted,
    () => `${nodeId} to be ${wanted}; it is ${state}`,
  );
}

describe("a worker", () => {
  for (const runtime of RUNTIMES) {
    it(`joins, and is gone when it was stopped, on ${runtime}`, async () => {
      await using cluster = await ProcessCluster.start({ runtime });
      const { head, workers: [worker] } = cluster;
      const { nodeId } = worker!;
      await untilState(cluster, nodeId, "alive");
      assertEquals(await statesOf(cluster), {
        [head.nodeId]: "alive",
        [nodeId]: "alive",
      });

      worker!.stop();

      assertEquals(await worker!.ended, 0);
      await untilState(cluster, nodeId, "dead: it has left the cluster");
    });
  }

  it("of another runtime than its head is one like any other", async () => {
    await using cluster = await ProcessCluster.start({ workers: [] });
    for (const runtime of RUNTIMES) {
      const { nodeId } = await cluster.addWorker({ runtime });
      await untilState(cluster, nodeId, "alive");
    }

    const states = Object.values(await statesOf(cluster));
    assertEquals(states, ["alive", "alive", "alive", "alive"]);
  });

  it("that is killed is noticed at once", async () => {
    await using cluster = await ProcessCluster.start({ workers: [1, 1] });
    const [killed, other] = cluster.workers as [NodeProcess, NodeProcess];
    for (const { nodeId } of [killed, other]) {
      await untilState(cluster, nodeId, "alive");
    }
    const beganMs = performance.now();

    await killed.kill();

    await untilState(cluster, killed.nodeId, "dead: its process is gone");
    assert(performance.now() - beganMs < 5_000);
    assertEquals((await statesOf(cluster))[other.nodeId], "alive");
  });

  it("that was suspended for too long joins under another id", async () => {
    await using cluster = await ProcessCluster.start();
    const [worker] = cluster.workers as [NodeProcess];
    const { nodeId } = worker;
    await untilState(cluster, nodeId, "alive");

    worker.suspend();
    await untilState(
      cluster,
      nodeId,
      "dead: nothing was heard of it for 4 s",
    );
    worker.resume();

    await worker.says("and has joined", 2);
    assert(worker.nodeId !== nodeId);
    await untilState(cluster, worker.nodeId, "alive");
  });

  it("that was suspended for a moment goes on", async () => {
    await using cluster = await ProcessCluster.start();
    const [worker] = cluster.workers as [NodeProcess];

    worker.suspend();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    worker.resume();
    await new Promise((resolve) => setTimeout(resolve, 1_500));

    assertEquals((await statesOf(cluster))[worker.nodeId], "alive");
    assertEquals(worker.lives, 1);
  });

  it("outlives a head that was suspended", async () => {
    await using cluster = await ProcessCluster.start();
    const [worker] = cluster.workers as [NodeProcess];

    cluster.head.suspend();
    await new Promise((resolve) => setTimeout(resolve, 6_000));
    cluster.head.resume();
    await new Promise((resolve) => setTimeout(resolve, 1_500));

    assertEquals((await statesOf(cluster))[worker.nodeId], "alive");
    assertEquals(worker.lives, 1);
  });

  it("goes on with the next life of its head", async () => {
    await using cluster = await ProcessCluster.start();
    const [worker] = cluster.workers as [NodeProcess];

    await cluster.head.kill();
    await worker.says("running work goes on");
    await cluster.replaceHead();

    await worker.says("The head is back");
    await untilState(cluster, worker.nodeId, "alive");
    assertEquals(worker.lives, 1);
  });

  it("joins another head at the same address anew", async () => {
    await using cluster = await ProcessCluster.start();
    const [worker] = cluster.workers as [NodeProcess];

    await cluster.head.kill();
    await worker.says("running work goes on");
    const state = join(cluster.folder, "another");
    await cluster.replaceHead({ words: ["--state", state] });

    await worker.says("it is another one than before");
    await worker.says("and has joined", 2);
    await untilState(cluster, worker.nodeId, "alive");
  });

  it("ends at once when it is told so twice", async () => {
    await using cluster = await ProcessCluster.start();
    const [worker] = cluster.workers as [NodeProcess];

    worker.stop();
    worker.stop();

    await worker.ended;
    const states = await statesOf(cluster);
    assertMatch(states[worker.nodeId] ?? "", /^dead/);
  });
});

describe("a worker that cannot join", () => {
  /** Its exit code and all that it printed. */
  async function fails(
    cluster: ProcessCluster,
    words: readonly string[],
  ): Promise<string> {
    const node = cluster.begin(words);
    assertEquals([await node.ended, node.lives], [1, 0], node.printed);
    assertEquals(node.printed.includes("    at "), false, node.printed);
    return node.printed;
  }

  it("is told that its token is wrong", async () => {
    await using cluster = await ProcessCluster.start({ workers: [] });
    const words = ["--address", cluster.address, "--token", "wrong"];
    assertStringIncludes(await fails(cluster, words), "refuses the token");
  });

  it("is told that its port is in use", async () => {
    await using cluster = await ProcessCluster.start({ workers: [1] });
    const [port] = /\d+$/.exec(cluster.workers[0]!.address)!;
    const words = ["--address", cluster.address, "--port", port];
    assertStringIncludes(await fails(cluster, words), "the port is in use");
  });

  for (
    const [what, answer, told] of [
      ["no Manta is there", "220 mail.example.org ESMTP", "speaks no HTTP"],
      [
        "the head speaks another version",
        "HTTP/1.1 426 Upgrade Required\r\nmanta-protocol: 99",
        "version 99",
      ],
    ] as const
  ) {
    it(`is told that ${what}`, async () => {
      await using cluster = new ProcessCluster();
      const server = createTcpServer((socket) => {
        socket.on("error", () => {});
        socket.end(`${answer}\r\n\r\n`);
      });
      await new Promise<void>((resolve) =>
        server.listen(0, "127.0.0.1", resolve)
      );
      const { port } = server.address() as { port: number };
      try {
        const words = ["--address", `127.0.0.1:${port}`];
        assertStringIncludes(await fails(cluster, words), told);
      } finally {
        server.close();
      }
    });
  }

  it("is told that nobody has that name", async () => {
    await using cluster = new ProcessCluster();
    const node = cluster.begin(["--address", "no-such-host.invalid:6380"]);
    await node.says("no machine of this name");
    await node.says("Waiting for it");
    node.stop();
    assertEquals(await node.ended, 0);
  });

  it("waits for a head that is not there yet", async () => {
    await using cluster = await ProcessCluster.start({ workers: [] });
    await cluster.head.kill();
    const node = cluster.begin(["--address", cluster.address]);
    await node.says("nothing listens there");

    await cluster.replaceHead();

    await node.says("and has joined");
    await untilState(cluster, node.nodeId, "alive");
    node.stop();
    node.stop();
    await node.ended;
  });

  it("does not wait for ever", async () => {
    await using cluster = await ProcessCluster.start({ workers: [] });
    await cluster.head.kill();
    const words = ["--address", cluster.address];
    const printed = await fails(cluster, words);
    assertStringIncludes(
      printed,
      "Start a head there with `manta start --head`",
    );
  });
});

describe("a cluster on the loopback of IPv6", () => {
  it("is joined by its address", async () => {
    if (!existsSync("/proc/net/if_inet6")) return;
    await using cluster = new ProcessCluster();
    await cluster.startHead({ words: ["--host", "::1"] });
    const worker = await cluster.addWorker();

    assertMatch(cluster.address, /^\[::1\]:\d+$/);
    assertMatch(worker.address, /^\[::1\]:\d+$/);
    await untilState(cluster, worker.nodeId, "alive");
  });
});

describe("a cluster with TLS", () => {
  it("is joined by who knows its certificate, with one of its own", async () => {
    await using cluster = new ProcessCluster();
    await cluster.startHead({ words: ["--tls"] });
    // Another user's: what is the head's own knows its certificate.
    const env = { TMPDIR: join(cluster.folder, "elsewhere") };
    mkdirSync(env.TMPDIR);
    const wrong = cluster.begin(["--address", cluster.address], { env });
    assertEquals(await wrong.ended, 1);
    assertStringIncludes(wrong.printed, "A node with TLS does so");

    const home = join(cluster.folder, "home", ".config", "manta", "tls.pem");
    const { pin } = readCertificate(readFileSync(home, "utf8"), home);
    const token = joinToken({ secret: CLUSTER_TOKEN, pin });
    const words = ["--token", token];
    const first = await cluster.addWorker({ words });
    rmSync(home);
    const second = await cluster.addWorker({ words });
    assert(readCertificate(readFileSync(home, "utf8"), home).pin !== pin);

    await untilState(cluster, first.nodeId, "alive", token);
    await untilState(cluster, second.nodeId, "alive", token);
  });
});

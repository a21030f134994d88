// A cluster over hosts with addresses of their own, whose wires are cut while a
// driver works: for less than makes a node dead, for longer, and with a node
// that is killed meanwhile. Where users may not make namespaces there is none.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "../support/cluster.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  describe,
  it,
} from "../support/harness.ts";
import { programPath, ROOT } from "../support/launchers.ts";
import { CAN_DROP, NetworkHosts } from "../support/network_hosts.ts";
import { CLUSTER_TOKEN, ProcessCluster } from "../support/node_processes.ts";
import { HAS_REDIS } from "../support/redis_server.ts";

const HEAD = 0;
const DRIVER = 3;
const HEAD_PORT = 6380;
/** TCP tries again ever later: it is silent for about twice as long. */
const SHORT_CUT_MS = 700;
const FAULT_MS = 3_000;
const DRIVER_FILE = fileURLToPath(
  import.meta.resolve("../support/chaos_driver.ts"),
);
const FAR_DRIVER_FILE = fileURLToPath(
  import.meta.resolve("../support/far_driver.ts"),
);

/** A head and two workers, each on a host, by encrypted connections. */
async function startOn(hosts: NetworkHosts): Promise<ProcessCluster> {
  const cluster = new ProcessCluster("manta", hosts);
  const words = ["--tls", "--num-cpus", "1", "--host", hosts.address(HEAD)];
  await cluster.startHead({ words, host: HEAD });
  for (const host of [1, 2]) await addWorker(cluster, host);
  return cluster;
}

async function addWorker(cluster: ProcessCluster, host: number) {
  const token = await tokenOf(cluster);
  const words = ["--num-cpus", "1", "--token", token];
  return await cluster.addWorker({ words, host });
}

/** What a machine gives out to join its node. */
async function tokenOf(
  cluster: ProcessCluster,
  host = HEAD,
): Promise<string> {
  return (await told(cluster, ["token", "--show"], {}, host)).trim();
}

/** What a command of the binary prints on one of the hosts. */
async function told(
  cluster: ProcessCluster,
  words: readonly string[],
  env = {},
  host = HEAD,
): Promise<string> {
  const program = [join(ROOT, "dist", "manta"), ...words];
  const asked = cluster.run(program, { host, env });
  assertEquals(await asked.ended, 0, asked.printed);
  return asked.printed;
}

async function untilStatus(
  cluster: ProcessCluster,
  wanted: string,
): Promise<void> {
  const env = { MANTA_TOKEN: await tokenOf(cluster) };
  let status = "";
  await eventually(async () => {
    status = await told(cluster, ["status"], env);
    return status.includes(wanted);
  }, () => `"${wanted}":\n${status}`);
}

/** A server for the state of a head, on the host of the driver. */
async function startRedis(
  cluster: ProcessCluster,
  address: string,
): Promise<void> {
  const bound = ["--bind", address, "--protected-mode", "no"];
  const kept = ["--dir", cluster.folder, "--save", ""];
  const program = ["redis-server", ...bound, ...kept];
  await cluster.run(program, { host: DRIVER }).says("Ready to accept");
}

/** A driver on a host of its own, which works until it is told to end. */
async function startDriver(
  cluster: ProcessCluster,
  { address } = cluster.head,
  host = HEAD,
) {
  const over = join(cluster.folder, "over");
  const token = await tokenOf(cluster, host);
  const driver = cluster.run([programPath("bun"), "run", DRIVER_FILE, over], {
    host: DRIVER,
    env: { MANTA_ADDRESS: address, MANTA_TOKEN: token },
  });
  await driver.says("It works");
  return async () => {
    writeFileSync(over, "");
    assertEquals(await driver.ended, 0, driver.printed);
    assertMatch(driver.printed, /Rounds without a wrong result: [1-9]/);
  };
}

async function cutShortly(hosts: NetworkHosts, host: number): Promise<void> {
  hosts.cut(host);
  await sleep(SHORT_CUT_MS);
  hosts.mend(host);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const whyNot = await NetworkHosts.whyNot();
if (whyNot === undefined) {
  describe("a cluster over several hosts", () => {
    it("gives exact results while wires are cut and a node dies", async () => {
      using hosts = await NetworkHosts.open(DRIVER + 1);
      await using cluster = await startOn(hosts);
      const [first, second] = cluster.workers;
      const endsWell = await startDriver(cluster);

      await cutShortly(hosts, 1);
      await cutShortly(hosts, DRIVER);
      await cutShortly(hosts, HEAD);
      assertEquals([first!.lives, second!.lives], [1, 1]);

      hosts.cut(1);
      await untilStatus(cluster, "2 nodes (1 dead)");
      hosts.mend(1);
      await first!.says("and has joined", 2);

      await second!.kill();
      await addWorker(cluster, 2);
      await untilStatus(cluster, "3 nodes (2 dead)");

      await endsWell();
    });

    it("gives exact results while packets are late and lost, and two nodes parted", async () => {
      using hosts = await NetworkHosts.open(DRIVER + 1);
      await using cluster = await startOn(hosts);
      const all = [HEAD, 1, 2, DRIVER];
      for (const host of all) hosts.narrow(host, 50, 100);
      for (const host of all) if (CAN_DROP) hosts.lose(host, 2);
      const endsWell = await startDriver(cluster);
      await sleep(FAULT_MS);
      if (CAN_DROP) {
        for (const host of all) assert(hosts.heal(host) > 0);
        hosts.part(1, 2);
        await sleep(FAULT_MS);
        assert(hosts.heal(1) + hosts.heal(2) > 0);
      }
      await endsWell();
      assertEquals(cluster.workers.map(({ lives }) => lives), [1, 1]);
    });

    it("goes on with a head on another machine", async () => {
      if (!HAS_REDIS) return;
      using hosts = await NetworkHosts.open(DRIVER + 1);
      await using cluster = new ProcessCluster("manta", hosts);
      await startRedis(cluster, hosts.address(DRIVER));
      const words = [
        ...["--tls", "--num-cpus", "0", "--host", hosts.address(HEAD)],
        ...["--state", `redis://${hosts.address(DRIVER)}`],
      ];
      await cluster.startHead({ words, port: HEAD_PORT, host: HEAD });
      const worker = await addWorker(cluster, 1);
      // Who is linked to the head ends with it.
      const endsWell = await startDriver(cluster, worker, 1);

      cluster.takeCertificate(HEAD, 2);
      hosts.moveAddress(HEAD, 2);
      const head = await cluster.replaceHead({ words, host: 2 });
      await worker.says("The head is back");
      await endsWell();

      assertEquals(worker.lives, 1);
      const env = { MANTA_TOKEN: CLUSTER_TOKEN };
      assertStringIncludes(
        await told(cluster, ["status"], env, 2),
        head.nodeId,
      );
    });

    it("has workers that nobody reaches, who reach the others", async () => {
      using hosts = await NetworkHosts.open(DRIVER + 1);
      await using cluster = await startOn(hosts);
      const token = await tokenOf(cluster);
      // As behind a router: the others find nobody under its address.
      const hidden = ["--num-cpus", "1", "--host", "127.0.0.1"];
      await cluster.addWorker({
        words: [...hidden, "--token", token],
        host: DRIVER,
      });
      const nodeIds = [cluster.head, ...cluster.workers]
        .map(({ nodeId }) => nodeId);
      const driver = cluster.run(
        [programPath("bun"), "run", FAR_DRIVER_FILE, ...nodeIds],
        {
          host: HEAD,
          env: { MANTA_ADDRESS: cluster.address, MANTA_TOKEN: token },
        },
      );
      assertEquals(await driver.ended, 0, driver.printed);
      assertMatch(driver.printed, /Every one of 4 nodes reaches every other/);
    });
  });
} else {
  console.log(`No cluster over several hosts is tested: ${whyNot}`);
}

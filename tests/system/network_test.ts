// A cluster over hosts with addresses of their own, whose wires are cut while a
// driver works: for less than makes a node dead, for longer, and with a node
// that is killed meanwhile. Where users may not make namespaces there is none.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "../support/cluster.ts";
import { assertEquals, assertMatch, describe, it } from "../support/harness.ts";
import { programPath, ROOT } from "../support/launchers.ts";
import { NetworkHosts } from "../support/network_hosts.ts";
import { ProcessCluster } from "../support/node_processes.ts";

const HEAD = 0;
const DRIVER = 3;
/** TCP tries again ever later: it is silent for about twice as long. */
const SHORT_CUT_MS = 700;
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

/** What the head's own machine gives out to join it. */
async function tokenOf(cluster: ProcessCluster): Promise<string> {
  return (await told(cluster, ["token", "--show"])).trim();
}

/** What a command of the binary prints on the head's host. */
async function told(
  cluster: ProcessCluster,
  words: readonly string[],
  env = {},
): Promise<string> {
  const program = [join(ROOT, "dist", "manta"), ...words];
  const asked = cluster.run(program, { host: HEAD, env });
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

async function cutShortly(hosts: NetworkHosts, host: number): Promise<void> {
  hosts.cut(host);
  await new Promise((resolve) => setTimeout(resolve, SHORT_CUT_MS));
  hosts.mend(host);
}

const whyNot = await NetworkHosts.whyNot();
if (whyNot !== undefined) {
  console.log(`No cluster over several hosts is tested: ${whyNot}`);
}

(whyNot === undefined ? describe : describe.skip)(
  "a cluster over several hosts",
  () => {
    it("gives exact results while wires are cut and a node dies", async () => {
      using hosts = await NetworkHosts.open(DRIVER + 1);
      await using cluster = await startOn(hosts);
      const [first, second] = cluster.workers;
      const over = join(cluster.folder, "over");
      const driver = cluster.run(
        [programPath("bun"), "run", DRIVER_FILE, over],
        {
          host: DRIVER,
          env: {
            MANTA_ADDRESS: cluster.address,
            MANTA_TOKEN: await tokenOf(cluster),
          },
        },
      );
      await driver.says("It works");

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

      writeFileSync(over, "");
      assertEquals(await driver.ended, 0, driver.printed);
      assertMatch(driver.printed, /Rounds without a wrong result: [1-9]/);
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
  },
);

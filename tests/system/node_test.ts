// A node as its user meets it: started, looked at and ended by the binary, on a
// clean home.

import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { VERSION } from "../../runtime/base/version.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  describe,
  it,
} from "../support/harness.ts";
import { until } from "../conformance/connection_kit.ts";
import { NodeProject } from "../support/node_project.ts";
import { rawRequest } from "../support/raw_request.ts";

const SQUARES = [
  'import { get, remote } from "manta";',
  "const square = remote(function square(x: number) { return x * x; });",
  "const refs = [1, 2, 3].map((x) => square.remote(x));",
  "console.log(JSON.stringify(await get(refs)));",
];

/** Whether a process is there; one that only waits to be counted is not. */
function isThere(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

describe("manta start --head", () => {
  it("starts a daemon that drivers join and that stop ends", async () => {
    using project = new NodeProject();
    const app = project.drivers.write("app.ts", ...SQUARES);

    const node = await project.startNode();

    assert(isThere(node.pid));
    assertStringIncludes(
      readFileSync(node.logPath, "utf8"),
      `Manta ${VERSION}`,
    );
    for (const address of [node.address, "auto"]) {
      const env = { MANTA_ADDRESS: address };
      const driver = await project.manta(["run", app], { env });
      assertEquals([driver.stdout, driver.stderr], ["[1,4,9]\n", ""]);
    }
    const stopped = await project.manta(["stop"]);
    assertEquals(stopped.exit, 0);
    assertMatch(stopped.stdout, new RegExp(`^Stopped .*process ${node.pid}`));
    assertEquals(isThere(node.pid), false);
    assertEquals(project.leftFiles(), []);
  });

  it("tells its token to its user alone", async () => {
    using project = new NodeProject();
    const node = await project.startNode();
    const proc = (name: string) =>
      readFileSync(`/proc/${node.pid}/${name}`, "utf8");

    const path = (await project.manta(["token"])).stdout.trim();
    const shown = (await project.manta(["token", "--show"])).stdout.trim();

    assertEquals(shown, node.token);
    assertEquals(readFileSync(path, "utf8").trim(), node.token);
    assertEquals(statSync(path).mode & 0o777, 0o600);
    assertEquals(path, join(project.home, ".config", "manta", "token"));
    if (!existsSync("/proc/self/cmdline")) return;
    for (const name of ["cmdline", "environ"]) {
      assertEquals(proc(name).includes(node.token), false);
    }
    assertEquals(
      readFileSync(node.logPath, "utf8").includes(node.token),
      false,
    );
  });

  it("keeps its token, and takes the one that it is given", async () => {
    using project = new NodeProject();
    const first = await project.startNode();
    await project.manta(["stop"]);

    const second = await project.startNode();
    await project.manta(["stop"]);
    const given = await project.startNode([], {
      env: { MANTA_TOKEN: "from-the-environment" },
    });
    await project.manta(["stop"]);
    const typed = await project.startNode(["--token", "-"], {
      input: "from-a-pipe\n",
    });

    assertEquals(second.token, first.token);
    assertEquals(given.token, "from-the-environment");
    assertEquals(typed.token, "from-a-pipe");
  });

  it("agrees on one token with another that starts beside it", async () => {
    using project = new NodeProject();

    const nodes = await Promise.all([1, 2, 3].map(() => project.startNode()));

    assertEquals(new Set(nodes.map(({ token }) => token)).size, 1);
    assertEquals(new Set(nodes.map(({ address }) => address)).size, 3);
  });

  it("listens on the loopback of IPv6", async () => {
    if (!existsSync("/proc/net/if_inet6")) return;
    using project = new NodeProject();
    const app = project.drivers.write("app.ts", ...SQUARES);
    const node = await project.startNode(["--host", "::1", "--tls"]);

    const env = { MANTA_ADDRESS: node.address };
    const driver = await project.manta(["run", app], { env });

    assertMatch(node.address, /^\[::1\]:\d+$/);
    assertEquals([driver.stdout, driver.stderr], ["[1,4,9]\n", ""]);
  });

  it("is not left half started by who gives up waiting", async () => {
    using project = new NodeProject();
    const starting = project.begin(["start", "--head", "--port", "0"]);
    const hasLog = () => project.leftFiles().some((it) => /\.log$/.test(it));
    await until("the files are so", hasLog);

    starting.signal("SIGKILL");
    await starting.ended;

    // The node has heard of it, unless it was there already: then it stays.
    const isThere = () => project.leftFiles().some((it) => /^node-/.test(it));
    await until(
      "the files are so",
      () => isThere() || project.leftFiles().every((it) => /\.log$/.test(it)),
    );
    const { exit } = await project.manta(["status"]);
    assertEquals(exit, isThere() ? 0 : 1);
  });

  it("names who has its port", async () => {
    using project = new NodeProject();
    const node = await project.startNode();

    const { exit, stderr } = await project.manta(
      ["start", "--head", "--port", String(node.port)],
    );

    assertEquals(exit, 1);
    assertStringIncludes(stderr, "the port is in use");
    assertStringIncludes(stderr, `process ${node.pid}`);
    // What failed leaves nothing, and what runs goes on.
    assertEquals((await project.manta(["status"])).exit, 0);
    await project.manta(["stop"]);
    assertEquals(project.leftFiles(), []);
  });

  it("encrypts, and is known by its certificate", async () => {
    using project = new NodeProject();
    const app = project.drivers.write("app.ts", ...SQUARES);
    const node = await project.startNode(["--tls"]);
    const [secret = ""] = node.token.split("~");
    const run = (token: string, env: Record<string, string> = {}) =>
      project.manta(["run", app], {
        env: { MANTA_ADDRESS: node.address, MANTA_TOKEN: token, ...env },
      });

    const good = await run(node.token);
    const own = await run(secret);
    const plain = await run(secret, { TMPDIR: project.home });
    const other = await run(`${secret}~sha256-${"A".repeat(43)}`);

    assertMatch(node.token, /^[\w-]{43}~sha256-[\w-]{43}$/);
    assertEquals([good.stdout, good.stderr], ["[1,4,9]\n", ""]);
    assertEquals([own.stdout, own.stderr], ["[1,4,9]\n", ""]);
    assertEquals([plain.exit, other.exit], [1, 1]);
    assertStringIncludes(plain.stderr, "A node with TLS does so");
    assertStringIncludes(other.stderr, "another certificate");
    const files = join(project.home, ".config", "manta", "tls.pem");
    assertEquals(statSync(files).mode & 0o777, 0o600);
  });

  it("is reached by all addresses, and by the names it is given", async () => {
    using project = new NodeProject();
    const words = ["--host", "0.0.0.0", "--insecure", "--names", "node.test"];
    const { port, token } = await project.startNode(words);
    const statusFor = async (host: string) => {
      const fields = { authorization: `Bearer ${token}`, host };
      return (await rawRequest(port, { fields })).status;
    };

    // Who may ask at all is told that there is no such page.
    assertEquals(await statusFor(`node.test:${port}`), 404);
    assertEquals(await statusFor(`localhost:${port}`), 404);
    assertEquals(await statusFor(`other.test:${port}`), 403);
    assertEquals((await project.manta(["status"])).exit, 0);
  });

  it("stays in the foreground with --block, until a signal", async () => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      using project = new NodeProject();
      const head = project.begin(
        ["start", "--head", "--port", "0", "--block"],
      );
      await head.printed("manta stop");

      head.signal(signal);
      const { exit, stdout, stderr } = await head.ended;

      assertEquals([exit, stderr], [0, ""]);
      assertStringIncludes(stdout, "MANTA_TOKEN=$(manta token --show)");
      assertEquals(project.leftFiles(), []);
    }
  });

  it("ends by itself when its process is told so by stop", async () => {
    using project = new NodeProject();
    const head = project.begin(["start", "--head", "--port", "0", "--block"]);
    await head.printed("manta stop");

    const stopped = await project.manta(["stop"]);

    assertEquals((await head.ended).exit, 0);
    assertMatch(stopped.stdout, /^Stopped/);
  });
});

describe("manta stop", () => {
  it("is content when nothing runs", async () => {
    using project = new NodeProject();

    const { exit, stdout, stderr } = await project.manta(["stop"]);

    assertEquals([exit, stderr], [0, ""]);
    assertMatch(stdout, /^No node of yours runs/);
  });

  it("does not touch a process that only has the number", async () => {
    using project = new NodeProject();
    const node = await project.startNode();
    const [name = ""] = project.leftFiles().filter((it) => /^node-/.test(it));
    assert(name.includes(`-${node.pid}.`));

    process.kill(node.pid, "SIGKILL");
    await until("it is gone", () => !isThere(node.pid));
    const status = await project.manta(["status"]);
    const stopped = await project.manta(["stop"]);

    assertEquals(status.exit, 1);
    assertStringIncludes(status.stderr, "manta start --head");
    assertMatch(stopped.stdout, /^No node of yours runs/);
    assertEquals(project.leftFiles().includes(name), false);
    // The next start removes the rest.
    await project.startNode();
    const left = project.leftFiles().filter((it) => /session|node/.test(it));
    assertEquals(left.some((it) => it.includes(`-${node.pid}.`)), false);
  });

  it("kills a node that does not end", async () => {
    using project = new NodeProject();
    const node = await project.startNode();
    process.kill(node.pid, "SIGSTOP");

    const { exit, stdout } = await project.manta(["stop", "--force"]);

    assertEquals(exit, 0);
    assertMatch(stdout, /^Killed/);
    assertEquals(isThere(node.pid), false);
  });

  it("ends the nodes that are meant", async () => {
    using project = new NodeProject();
    const [first, second] = [
      await project.startNode(),
      await project.startNode(),
    ];

    const ambiguous = await project.manta(["status"]);
    await project.manta(["stop", "--port", String(first.port)]);

    assertEquals(ambiguous.exit, 1);
    assertStringIncludes(ambiguous.stderr, second.address);
    assertEquals([isThere(first.pid), isThere(second.pid)], [false, true]);
  });
});

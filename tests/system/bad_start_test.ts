// What can be wrong when a node is started or looked for: each must end soon,
// say what to do, and leave nothing behind.

import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import process from "node:process";
import {
  assert,
  assertEquals,
  assertStringIncludes,
  describe,
  it,
} from "../support/harness.ts";
import { NodeProject } from "../support/node_project.ts";

/** Nobody can make files there, not even root. */
const NOWHERE = "/proc";

describe("a home that cannot be written to", () => {
  it("costs only that the token is kept", async () => {
    using project = new NodeProject();
    const app = project.drivers.write(
      "app.ts",
      'import { get, remote } from "manta";',
      'console.log(await get(remote(function f() { return "ran"; }).remote()));',
    );
    const env = { HOME: NOWHERE };

    const started = await project.manta(
      ["start", "--head", "--port", "0", "--tls"],
      { env },
    );
    const driver = await project.manta(["run", app], {
      env: { ...env, MANTA_ADDRESS: "auto" },
    });
    const token = await project.manta(["token", "--new"], { env });

    assertEquals(started.exit, 0);
    assertStringIncludes(started.stderr, "Cannot keep the token in /proc/");
    assertStringIncludes(started.stderr, "Cannot keep the certificate in");
    assertStringIncludes(started.stderr, "set MANTA_TOKEN");
    assertEquals([driver.stdout, driver.stderr], ["ran\n", ""]);
    assertEquals(token.exit, 1);
    assertStringIncludes(token.stderr, "Set XDG_CONFIG_HOME");
    await project.manta(["stop"], { env });
    // What was bundled is kept there, for want of the home's cache.
    const left = project.leftFiles().filter((name) => name !== "code");
    assertEquals(left, []);
  });
});

describe("a temporary folder that cannot be written to", () => {
  it("is named, with what to set", async () => {
    using project = new NodeProject();
    const env = { TMPDIR: NOWHERE };

    const daemon = await project.manta(
      ["start", "--head", "--port", "0"],
      { env },
    );
    const block = await project.manta(
      ["start", "--head", "--port", "0", "--block"],
      { env },
    );
    const stop = await project.manta(["stop"], { env });

    for (const { exit, stderr } of [daemon, block]) {
      assertEquals(exit, 1);
      assertStringIncludes(stderr, "Set TMPDIR");
    }
    assertEquals(stop.exit, 0);
  });
});

describe("a folder of the user's that somebody else has made", () => {
  it("is not used, and the user is told", async () => {
    if (userInfo().uid !== 0) return; // Only root can make such a thing.
    using project = new NodeProject();
    const planted = join(project.temporary, "manta-0");
    mkdirSync(planted);
    chownSync(planted, 12_345, 12_345);

    const { exit, stdout, stderr } = await project.manta(
      ["start", "--head", "--port", "0"],
    );
    const pid = Number(/process (\d+)/.exec(stdout)?.[1]);
    process.kill(pid, "SIGTERM");

    assertEquals(exit, 0);
    assertStringIncludes(stderr, "Other commands cannot find this node");
    assertEquals(readdirSync(planted), []);
  });
});

describe("a token's file", () => {
  it("that is empty or open to others starts no node", async () => {
    using project = new NodeProject();
    const folder = join(project.home, ".config", "manta");
    const path = join(folder, "token");
    mkdirSync(folder, { recursive: true });
    const start = () => project.manta(["start", "--head", "--port", "0"]);

    writeFileSync(path, "", { mode: 0o600 });
    const empty = await start();
    writeFileSync(path, "known-to-all\n");
    chmodSync(path, 0o644);
    const open = await start();
    const shown = await project.manta(["token", "--show"]);
    const made = await project.manta(["token", "--new"]);
    const good = await start();

    assertEquals([empty.exit, open.exit, shown.exit], [1, 1, 1]);
    assertStringIncludes(empty.stderr, "it is empty");
    assertStringIncludes(open.stderr, "other users can read");
    assertEquals((open.stderr + shown.stderr).includes("known-to-all"), false);
    assertEquals([made.exit, good.exit], [0, 0]);
  });
});

describe("records of nodes", () => {
  it("that are stale or broken are as good as none", async () => {
    using project = new NodeProject();
    const node = await project.startNode();
    const folder = join(project.temporary, `manta-${userInfo().uid}`);
    const name = readdirSync(folder).find((it) => it.startsWith("node-")) ?? "";
    const text = readFileSync(join(folder, name), "utf8");
    const write = (it: string, content: string) =>
      writeFileSync(join(folder, it), content, { mode: 0o600 });
    // A process that is gone, one that only has the number, and two that were
    // never written whole.
    write(name.replace(`-${node.pid}.`, "-999999999."), text);
    write(name.replace(/-\d+\.\d+\.json$/, `-${process.pid}.1.json`), text);
    write(name.replace(".json", "-broken.json"), "{");
    write(name.replace(".json", "-empty.json"), "");

    const status = await project.manta(["status"]);
    const stopped = await project.manta(["stop"]);

    assertEquals([status.exit, stopped.exit], [0, 0]);
    assertEquals(stopped.stdout.trim().split("\n").length, 1);
    // This test itself was not stopped for having the number of a node.
    assertStringIncludes(stopped.stdout, `process ${node.pid}`);
    assertEquals((await project.manta(["status"])).exit, 1);
    const next = await project.startNode();
    assert(next.pid !== node.pid);
  });
});

describe("a wrong command line", () => {
  it("is told with what was meant, and starts nothing", async () => {
    using project = new NodeProject();
    const cases: readonly (readonly [string, string])[] = [
      ["strat", "did you mean `start`?"],
      ["start", "add --head"],
      ["start --haed", "did you mean --head?"],
      ["start --head --prot 1", "did you mean --port?"],
      ["start --head --port 65536", "from 0 to 65535"],
      ["start --head --port http", "from 0 to 65535"],
      ["start --head --num-cpus -1", "a number"],
      ["start --head --num-cpus two", "a number"],
      ["start --head --resources a=1", "a JSON object"],
      ['start --head --resources {"CPU":1}', "CPU"],
      ["start --head --labels zone", "name=value"],
      ["start --head --object-store-memory lots", "20G"],
      ["start --head --host 0.0.0.0", "--insecure"],
      ["start --head --host 127.0.0.1:80", "without a port"],
      ["start --head --tls --insecure", "give --tls or --insecure"],
      ["start --head --token a,b", "letters, digits"],
      ["start --head --address a:1", "--head or --address"],
      ["start", "add --head, or --address"],
      ["start --address a:1", "manta token --show"],
      ["start --address a --token t", "host:port"],
      ["start --address ::1:1 --token t", "in brackets"],
      ["start --address a:1 --token t --tls", "names no certificate"],
      ["start --address a:1 --token t --host 10.0.0.7", "add --insecure"],
      ["start --address [::1]:7000 --token t --port 7000", "node itself"],
      ["start --head extra", "extra"],
      ["stop --port no", "from 0 to 65535"],
      ["status --format xml", "table|json|yaml"],
      ["status --address http://a", "host:port"],
      ["token --new --address a:1", "leave --address out"],
    ];

    for (const [words, expected] of cases) {
      const { exit, stderr } = await project.manta(words.split(" "));

      assertEquals([words, exit], [words, 2]);
      assertStringIncludes(stderr, expected);
      assertEquals(stderr.includes("    at "), false);
    }
    assertEquals(project.leftFiles(), []);
  });
});

describe("an address that a node cannot have", () => {
  it("is told with what to do", async () => {
    using project = new NodeProject();
    const start = (...words: string[]) =>
      project.manta(["start", "--head", "--insecure", ...words]);

    const foreign = await start("--host", "203.0.113.77", "--port", "0");
    const unknown = await start(
      "--host",
      "no.such.host.invalid",
      "--port",
      "0",
    );

    for (const { exit, stderr } of [foreign, unknown]) {
      assertEquals(exit, 1);
      assertStringIncludes(stderr, "Choose an address of this machine");
    }
    assertEquals(project.leftFiles(), []);
  });
});

describe("a folder to spill to", () => {
  it("must be one that can be written to", async () => {
    using project = new NodeProject();

    const { exit, stderr } = await project.manta(
      ["start", "--head", "--port", "0", "--spill-directory", "/proc/spill"],
    );

    assertEquals(exit, 1);
    assertStringIncludes(stderr, "Cannot spill objects to");
    assertEquals(stderr.includes("    at "), false);
    assertEquals(project.leftFiles(), []);
  });
});

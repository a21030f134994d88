// `manta status` as people and programs read it, and what it says when it cannot
// ask.

import { type AddressInfo, createServer } from "node:net";
import process from "node:process";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  describe,
  it,
} from "../support/harness.ts";
import { NodeProject } from "../support/node_project.ts";

describe("manta status", () => {
  it("shows what runs and what waits, and why", async () => {
    using project = new NodeProject();
    const node = await project.startNode(["--resources", '{"license": 2}']);
    const app = project.drivers.write(
      "app.ts",
      'import { remote } from "manta";',
      "const never = remote({ resources: { gold: 3 } }, function never() {});",
      "const hold = remote({ resources: { license: 1 } }, async function f() {",
      '  console.log("held");',
      "  await new Promise(() => {});",
      "});",
      "const refs = [never.remote(), hold.remote()];",
      "setInterval(() => refs.length, 1_000);",
    );
    const driver = project.begin(["run", app], {
      env: { MANTA_ADDRESS: node.address },
    });
    await driver.printed("held");

    const table = await project.manta(["status"]);
    const json = await project.manta(["status", "--format", "json"]);
    const yaml = await project.manta(["status", "--format", "yaml"]);
    driver.signal("SIGKILL");

    assertEquals([table.exit, table.stderr], [0, ""]);
    assertMatch(table.stdout, /1 node, 1 job/);
    assertMatch(table.stdout, /license +1 +2\n/);
    assertMatch(table.stdout, /task +1 +.*gold 3.* +no node has that much/);
    const status = JSON.parse(json.stdout);
    assertEquals(status.address, node.address);
    assertEquals(status.resources.license, { used: 1, total: 2 });
    assertEquals(status.nodes[0].pid, node.pid);
    assertEquals(status.waiting[0].why, "resources");
    assertEquals(status.jobs.length, 1);
    assertMatch(yaml.stdout, /\n {2}license:\n {4}used: 1\n/);
  });

  it("tells why it cannot ask", async () => {
    using project = new NodeProject();
    const node = await project.startNode();
    const ask = (env: Record<string, string>, ...words: string[]) =>
      project.manta(["status", ...words], { env });

    const wrong = await ask({ MANTA_TOKEN: "wrong" });
    const empty = await ask({ MANTA_TOKEN: "" });
    const strange = await ask({ MANTA_TOKEN: "two words" });
    const missing = await ask({ HOME: "/proc" }, "--address", "127.0.0.1:1");
    const nobody = await ask({ MANTA_TOKEN: "x" }, "--address", "127.0.0.1:1");
    const place = await ask({}, "--address", "nowhere");
    const port = await ask({}, "--address", "127.0.0.1:99999");

    assertEquals(wrong.exit, 1);
    assertStringIncludes(wrong.stderr, "it refuses the token");
    assertStringIncludes(strange.stderr, "is none");
    assertEquals(empty.exit, 0);
    assertStringIncludes(missing.stderr, "there is no token");
    assertEquals(nobody.exit, 1);
    assertStringIncludes(nobody.stderr, "127.0.0.1:1");
    assertStringIncludes(nobody.stderr, "nothing listens there");
    assertEquals([place.exit, port.exit], [2, 2]);
    assertStringIncludes(port.stderr, "write the address as host:port");
    for (const { stderr } of [wrong, strange, missing, nobody]) {
      assertEquals(stderr.includes(node.token), false);
      assertEquals(stderr.includes("    at "), false);
    }
  });

  it("does not wait for ever for a node that hangs", async () => {
    using project = new NodeProject();
    const node = await project.startNode();
    process.kill(node.pid, "SIGSTOP");

    const { exit, stderr } = await project.manta(["status"]);

    assertEquals(exit, 1);
    assertStringIncludes(stderr, "nobody answers");
  });

  it("refuses the old token once there is another one", async () => {
    using project = new NodeProject();
    const { token: old } = await project.startNode();

    const made = await project.manta(["token", "--new"]);
    const before = await project.manta(["status"]);
    await project.manta(["stop"]);
    const node = await project.startNode();
    const after = await project.manta(["status"], {
      env: { MANTA_TOKEN: old },
    });

    assertStringIncludes(made.stdout, "has the old one until its next start");
    assertEquals([before.exit, after.exit], [0, 1]);
    assert(node.token !== old);
    assertStringIncludes(after.stderr, "it refuses the token");
  });

  it("knows a server that is not Manta, and one of another version", async () => {
    using project = new NodeProject();
    const answers = [
      "SSH-2.0-OpenSSH_9.9\r\n",
      "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n",
      "HTTP/1.1 426 Upgrade Required\r\nmanta-protocol: 99\r\n\r\n",
    ];
    const expected = ["no HTTP", "no node of Manta", "version 99"];

    for (const [n, answer] of answers.entries()) {
      const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.write(answer);
        socket.resume();
      });
      await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
      const { port } = server.address() as AddressInfo;

      const outcome = await project.manta(
        ["status", "--address", `127.0.0.1:${port}`, "--token", "x"],
      );

      assertEquals(outcome.exit, 1);
      assertStringIncludes(outcome.stderr, expected[n]!);
      server.close();
    }
  });
});

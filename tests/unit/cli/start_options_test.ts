import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { checkStart } from "../../../cli/commands/start_options.ts";
import type {
  HeadRequest,
  StartFlags,
} from "../../../cli/commands/start_request.ts";
import { writeToken } from "../../../runtime/token_file.ts";
import { UsageError } from "../../../cli/usage_error.ts";
import {
  afterEach,
  assertEquals,
  assertThrows,
  beforeEach,
  describe,
  it,
} from "../../support/harness.ts";

const PIN = `~sha256-${"A".repeat(43)}`;
const FLAGS = {
  head: true,
  host: "127.0.0.1",
  port: 6380,
  tls: false,
  insecure: false,
  block: false,
};

function checkHead(flags: StartFlags): HeadRequest {
  const request = checkStart(flags);
  if (request.role === "head") return request;
  throw new Error("It is a worker");
}

describe("checkStart", () => {
  const before = process.env["MANTA_TOKEN"];
  beforeEach(() => {
    delete process.env["MANTA_TOKEN"];
  });
  afterEach(() => {
    if (before !== undefined) process.env["MANTA_TOKEN"] = before;
  });

  it("wants a role, and only one", () => {
    for (
      const flags of [
        { ...FLAGS, head: false },
        { ...FLAGS, address: "a:1" },
      ]
    ) {
      assertThrows(() => checkStart(flags), UsageError);
    }
  });

  it("wants encryption where others listen, or to be told otherwise", () => {
    for (
      const host of ["0.0.0.0", "::", "10.0.0.1", "example.org", "1270.0.0.1"]
    ) {
      assertThrows(
        () => checkStart({ ...FLAGS, host }),
        UsageError,
        "Add --tls, or --insecure",
      );
      assertEquals(checkHead({ ...FLAGS, host, tls: true }).tls, true);
      assertEquals(checkHead({ ...FLAGS, host, insecure: true }).tls, false);
    }
    for (const host of ["127.0.0.1", "127.8.8.8", "localhost", "::1"]) {
      assertEquals(checkHead({ ...FLAGS, host }).hostname, host);
    }
  });

  it("refuses what cannot be meant", () => {
    for (
      const flags of [
        { ...FLAGS, tls: true, insecure: true },
        { ...FLAGS, host: "" },
        { ...FLAGS, host: "127.0.0.1:80" },
        { ...FLAGS, host: "http://localhost/" },
        { ...FLAGS, token: "" },
        { ...FLAGS, token: "two words" },
        { ...FLAGS, token: `secret${PIN}` },
        { ...FLAGS, resources: { CPU: 2 } },
        { ...FLAGS, labels: { "": "x" } },
        { ...FLAGS, objectStoreMemory: 0 },
      ]
    ) {
      assertThrows(() => checkStart(flags), UsageError);
    }
  });

  it("takes the secret of a token, from the flag or the environment", () => {
    assertEquals(checkHead(FLAGS).token, undefined);
    process.env["MANTA_TOKEN"] = "";
    assertEquals(checkHead(FLAGS).token, undefined);
    process.env["MANTA_TOKEN"] = "outside";
    assertEquals(checkHead(FLAGS).token, "outside");
    assertEquals(checkHead({ ...FLAGS, token: "typed" }).token, "typed");
    const flags = { ...FLAGS, tls: true, token: `secret${PIN}` };
    assertEquals(checkHead(flags).token, "secret");
  });
});

const JOIN: StartFlags = { address: "10.0.0.5:6380", token: "secret" };

function checkWorker(flags: StartFlags) {
  const request = checkStart(flags);
  if (request.role === "worker") return request;
  throw new Error("It is a head");
}

describe("checkStart of a worker", () => {
  const names = ["MANTA_TOKEN", "TMPDIR", "XDG_CONFIG_HOME"] as const;
  const before = names.map((name) => process.env[name]);
  let folder = "";
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "start-options-test-"));
    delete process.env["MANTA_TOKEN"];
    for (const name of names.slice(1)) process.env[name] = folder;
  });
  afterEach(() => {
    for (const [n, name] of names.entries()) {
      if (before[n] === undefined) delete process.env[name];
      else process.env[name] = before[n];
    }
    rmSync(folder, { recursive: true });
  });

  it("takes any port, and the address that it reaches the head from", () => {
    assertEquals(checkWorker(JOIN), {
      role: "worker",
      head: { address: "10.0.0.5:6380", token: { secret: "secret" } },
      isInsecure: false,
      names: [],
      port: 0,
      node: checkWorker(JOIN).node,
    });
    const { hostname, port } = checkWorker({ ...JOIN, host: "::1", port: 7 });
    assertEquals([hostname, port], ["::1", 7]);
  });

  it("reads addresses as they are written", () => {
    for (
      const [written, read] of [
        ["head.example.org:6380", "head.example.org:6380"],
        ["HEAD:6380", "head:6380"],
        ["[::1]:6380", "[::1]:6380"],
        ["[2001:DB8:0:0::5]:6380", "[2001:db8::5]:6380"],
      ] as const
    ) {
      const { head } = checkWorker({ ...JOIN, address: written });
      assertEquals(head.address, read);
    }
    for (
      const address of [
        "",
        "head",
        ":6380",
        "::1:6380",
        "[::1]",
        "[nonsense]:6380",
        "http://head:6380",
        "head:6380/path",
        "head:99999",
        "a:1,b:2",
        "user@head:6380",
      ]
    ) {
      assertThrows(
        () => checkStart({ ...JOIN, address }),
        UsageError,
        "host:port",
      );
    }
  });

  it("wants a token, and finds that of the user", () => {
    const { token: _, ...flags } = JOIN;
    assertThrows(() => checkStart(flags), UsageError, "token --show");
    writeToken("of-the-user");
    assertEquals(checkWorker(flags).head.token, { secret: "of-the-user" });
    process.env["MANTA_TOKEN"] = `outside${PIN}`;
    assertEquals(checkWorker(flags).head.token, {
      secret: "outside",
      pin: "A".repeat(43),
    });
  });

  it("cannot join itself", () => {
    for (
      const [address, host] of [
        ["127.0.0.1:7000", undefined],
        ["localhost:7000", "127.0.0.1"],
        ["[::1]:7000", "::"],
        ["10.0.0.5:7000", "10.0.0.5"],
      ] as const
    ) {
      const flags = { ...JOIN, address, port: 7_000, insecure: true };
      assertThrows(
        () => checkStart(host === undefined ? flags : { ...flags, host }),
        UsageError,
        "the new node itself",
      );
    }
    const other = { ...JOIN, port: 6_380, host: "10.0.0.7", insecure: true };
    assertEquals(checkWorker(other).port, 6_380);
  });

  it("encrypts if its cluster does, and only then", () => {
    assertThrows(() => checkStart({ ...JOIN, tls: true }), UsageError, "--tls");
    const pinned = { ...JOIN, token: `secret${PIN}` };
    checkWorker(pinned);
    checkWorker({ ...pinned, tls: true });
    assertThrows(
      () => checkStart({ ...pinned, insecure: true }),
      UsageError,
      "all nodes of the cluster encrypt",
    );
  });
});

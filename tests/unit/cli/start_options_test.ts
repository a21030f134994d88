import process from "node:process";
import { checkStart } from "../../../cli/commands/start_options.ts";
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
        { ...FLAGS, head: false, address: "a:1" },
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
      assertEquals(checkStart({ ...FLAGS, host, tls: true }).tls, true);
      assertEquals(checkStart({ ...FLAGS, host, insecure: true }).tls, false);
    }
    for (const host of ["127.0.0.1", "127.8.8.8", "localhost", "::1"]) {
      assertEquals(checkStart({ ...FLAGS, host }).hostname, host);
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
    assertEquals(checkStart(FLAGS).token, undefined);
    process.env["MANTA_TOKEN"] = "";
    assertEquals(checkStart(FLAGS).token, undefined);
    process.env["MANTA_TOKEN"] = "outside";
    assertEquals(checkStart(FLAGS).token, "outside");
    assertEquals(checkStart({ ...FLAGS, token: "typed" }).token, "typed");
    const flags = { ...FLAGS, tls: true, token: `secret${PIN}` };
    assertEquals(checkStart(flags).token, "secret");
  });
});

// What becomes of a runtime environment before anything runs in it.

import { tmpdir } from "node:os";
import { resolve } from "node:path";
import process from "node:process";
import { RuntimeEnvError } from "../../runtime/base/errors.ts";
import { environmentFor, variantFor } from "../../runtime/runtime_env.ts";
import {
  assert,
  assertEquals,
  assertStrictEquals,
  assertThrows,
  describe,
  it,
} from "../support/harness.ts";

describe("environmentFor()", () => {
  it("is the caller's when nothing is asked for", () => {
    const inherited = { envVars: { A: "1" } };

    assertStrictEquals(environmentFor(inherited, undefined), inherited);
    assertEquals(environmentFor(inherited, {}), inherited);
    assertEquals(environmentFor(undefined, {}), undefined);
  });

  it("merges variables and replaces the rest", () => {
    const inherited = {
      envVars: { A: "1", B: "2" },
      npm: ["a@1"],
      workingDirectory: "/",
    };
    const given = { envVars: { B: "3" }, npm: ["b@1"] };

    assertEquals(environmentFor(inherited, given), {
      envVars: { A: "1", B: "3" },
      npm: ["b@1"],
      workingDirectory: "/",
    });
    assertEquals(environmentFor(inherited, { npm: [] })?.npm, undefined);
  });

  it("puts the caller's variables in for references", () => {
    const inherited = { envVars: { MANTA_TEST_A: "1" } };
    const envVars = {
      B: "<${MANTA_TEST_A}>",
      C: "${MANTA_TEST_ABSENT}${constructor}.",
      PATH: "/x:${PATH}",
      D: "$MANTA_TEST_A ${",
    };

    assertEquals(environmentFor(inherited, { envVars })?.envVars, {
      MANTA_TEST_A: "1",
      B: "<1>",
      C: ".",
      PATH: `/x:${process.env["PATH"]}`,
      D: "$MANTA_TEST_A ${",
    });
  });

  it("takes folders that are there", () => {
    const workingDirectory = tmpdir();

    assertEquals(environmentFor(undefined, { workingDirectory }), {
      workingDirectory: resolve(workingDirectory),
    });
    assertEquals(
      environmentFor(undefined, { workingDirectory: "." })?.workingDirectory,
      process.cwd(),
    );
    assertThrows(
      () => environmentFor(undefined, { workingDirectory: "/nowhere/at/all" }),
      RuntimeEnvError,
      "there is no such folder",
    );
  });

  it("refuses permissions that threads cannot have", () => {
    assertEquals(
      environmentFor(undefined, { permissions: "inherit" }),
      undefined,
    );
    for (const permissions of ["none", { read: true }] as const) {
      assertThrows(
        () => environmentFor(undefined, { permissions }),
        RuntimeEnvError,
        "permissions",
      );
    }
  });
});

describe("variantFor()", () => {
  it("has the same key for the same environment only", async () => {
    const key = async (envVars: Record<string, string>) =>
      (await variantFor({ envVars }))?.key;

    assertEquals(await variantFor(undefined), undefined);
    assertEquals(await key({ A: "1", B: "2" }), await key({ B: "2", A: "1" }));
    assert(await key({ A: "1" }) !== await key({ A: "2" }));
    const elsewhere = await variantFor({ workingDirectory: "/" });
    assert(elsewhere?.key !== await key({}));
  });
});

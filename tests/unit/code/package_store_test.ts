// Installing packages: once for all who ask, whole or not at all, by one
// process at a time.

import {
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RuntimeEnvError } from "../../../runtime/base/errors.ts";
import { useCodeDirectory } from "../../../runtime/code/code_cache.ts";
import { packageFolder } from "../../../runtime/code/package_store.ts";
import {
  afterAll,
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  beforeAll,
  describe,
  it,
} from "../../support/harness.ts";
import { localPackage } from "../../support/local_package.ts";

describe("packageFolder()", () => {
  const folder = mkdtempSync(join(tmpdir(), "manta-packages-test-"));
  const store = join(folder, "npm");
  const spec = localPackage({
    name: "manta-test-one",
    version: "1.0.0",
    index: "exports.one = 1;",
  });
  beforeAll(() => useCodeDirectory(join(folder, "code")));
  afterAll(() => {
    useCodeDirectory(undefined);
    rmSync(folder, { recursive: true, force: true });
  });

  it("installs once for all who ask", async () => {
    const [first, second] = await Promise.all([
      packageFolder([spec]),
      packageFolder([spec, spec]),
    ]);

    assertEquals(first, second);
    assert(existsSync(join(first!.path, "node_modules/manta-test-one")));
    assertEquals(readdirSync(store), [first!.key]);
  });

  it("leaves nothing behind when it fails, and tries again", async () => {
    const bad = "file:/nowhere/at/all.tgz";

    for (let attempt = 0; attempt < 2; attempt++) {
      const error = await assertRejects(
        () => packageFolder([bad]),
        RuntimeEnvError,
        bad,
      );
      const { output } = error as RuntimeEnvError & { output: string };
      assertMatch(output, /nowhere/);
    }
    assertEquals(readdirSync(store).length, 1);
  });

  it("takes a lock whose process is gone", async () => {
    const { key, path } = await packageFolder([spec]);
    rmSync(path, { recursive: true });
    writeFileSync(join(store, `${key}.lock`), "999999999");

    const again = await packageFolder([spec]);
    assertEquals(again.path, path);
    assertEquals(readdirSync(store), [key]);
  });
});

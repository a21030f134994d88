import { mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  bundlePath,
  inputAt,
  readBundle,
  readIndex,
  useCodeDirectory,
  writeBundle,
  writeIndex,
} from "../../../runtime/code/code_cache.ts";
import {
  afterAll,
  assertEquals,
  beforeAll,
  describe,
  it,
} from "../../support/harness.ts";

describe("the code cache", () => {
  const folder = mkdtempSync(join(tmpdir(), "manta-cache-test-"));
  beforeAll(() => useCodeDirectory(folder));
  afterAll(() => {
    useCodeDirectory(undefined);
    rmSync(folder, { recursive: true, force: true });
  });

  it("gives a bundle back by the hash of its text", () => {
    const bundle = writeBundle("export {};\n");

    assertEquals(readBundle(bundle.hash), bundle);
    assertEquals(bundle.path, bundlePath(bundle.hash));
  });

  it("does not give a damaged bundle", () => {
    const bundle = writeBundle("export const a = 1;\n");
    writeFileSync(bundle.path, "export const a = 2;\n");

    assertEquals(readBundle(bundle.hash), undefined);
    assertEquals(writeBundle(bundle.text), bundle);
    assertEquals(readBundle(bundle.hash), bundle);
  });

  it("forgets what a site led to when an input changes", () => {
    const path = join(folder, "input.ts");
    writeFileSync(path, "1");
    const entry = {
      bundleHash: "0",
      exportName: "f",
      signature: {},
      inputs: [inputAt(path)!],
    };
    writeIndex("key", entry);
    const before = readIndex("key");
    utimesSync(path, 1, 1);

    assertEquals(before, entry);
    assertEquals(readIndex("key"), undefined);
    rmSync(path);
    assertEquals(readIndex("key"), undefined);
  });

  it("knows nothing of keys and hashes that it has not seen", () => {
    assertEquals(readIndex("other"), undefined);
    assertEquals(readBundle("0".repeat(64)), undefined);
    assertEquals(inputAt(join(folder, "nowhere")), undefined);
  });
});

// Bundles of another machine, whose packages with machine code are elsewhere
// here or not there at all.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { RuntimeEnvError } from "../../../runtime/base/errors.ts";
import {
  useCodeDirectory,
  writeBundle,
} from "../../../runtime/code/code_cache.ts";
import { packageOf } from "../../../runtime/code/native_package.ts";
import {
  type OutsideFile,
  outsideFiles,
  outsideLine,
} from "../../../runtime/code/outside_files.ts";
import { placedBundle } from "../../../runtime/code/place_files.ts";
import { sha256 } from "../../../runtime/code/source_file.ts";
import {
  afterAll,
  assertEquals,
  assertMatch,
  assertRejects,
  beforeAll,
  describe,
  it,
} from "../../support/harness.ts";
import { localPackage } from "../../support/local_package.ts";

describe("placedBundle()", () => {
  const folder = mkdtempSync(join(tmpdir(), "manta-place-test-"));
  const spec = localPackage({
    name: "manta-test-addon",
    version: "1.0.0",
    index: "exports.where = __filename;",
    more: { napi: {} },
  });
  const far: OutsideFile = {
    path: "/far/söme where/node_modules/manta-test-addon/index.js",
    package: {
      ...{ name: "manta-test-addon", version: "1.0.0", spec },
      file: "index.js",
    },
  };
  beforeAll(() => useCodeDirectory(join(folder, "code")));
  afterAll(() => {
    useCodeDirectory(undefined);
    rmSync(folder, { recursive: true, force: true });
  });

  it("leaves a bundle as it is that has all in it", async () => {
    const { path } = writeBundle("export const one = 1;\n");

    assertEquals(await placedBundle(path), path);
  });

  it("imports what it has to install from where that is", async () => {
    const quoted = JSON.stringify(far.path).replace("ö", "\\u00f6");
    const { path } = writeBundle(
      `import addon from ${quoted};\nexport const { where } = addon;\n` +
        outsideLine([far]),
    );

    const placed = await placedBundle(path);
    const again = await placedBundle(path);

    assertEquals([basename(placed), again], [basename(path), placed]);
    const { where } = await import(pathToFileURL(placed).href);
    assertMatch(where, /npm\/.*\/node_modules\/manta-test-addon\/index\.js$/);
    assertEquals(readFileSync(path, "utf8").includes(quoted), true);
  });

  it("has what only Deno finds by its name on other runtimes", async () => {
    // As the store keeps it: nothing is asked of a registry.
    const { platform, arch } = process;
    const key = sha256(JSON.stringify([["manta-x@^2"], platform, arch]));
    const home = join(folder, "npm", key, "node_modules", "manta-x");
    mkdirSync(home, { recursive: true });
    const exports = { "./part": { import: "./part.js" } };
    writeFileSync(
      join(home, "package.json"),
      JSON.stringify({ name: "manta-x", type: "module", exports }),
    );
    writeFileSync(join(home, "part.js"), "export const part = 7;");
    const [file] = outsideFiles({
      inputs: {},
      outputs: {
        "bundle.mjs": {
          ...{ bytes: 0, inputs: {}, exports: [] },
          imports: [{
            ...{ path: "npm:manta-x@^2/part", kind: "import-statement" },
            external: true,
          }],
        },
      },
    });
    const { path } = writeBundle(
      'export { part } from "npm:manta-x@^2/part";\n' + outsideLine([file!]),
    );

    const placed = await placedBundle(path);

    if (process.versions["deno"] !== undefined) {
      return assertEquals(placed, path);
    }
    const { part } = await import(pathToFileURL(placed).href);
    assertEquals(part, 7);
  });

  it("takes what is at the same place, if it is the same", async () => {
    const home = join(folder, "node_modules", "manta-test-addon");
    mkdirSync(home, { recursive: true });
    const describe = (version: string) =>
      writeFileSync(
        join(home, "package.json"),
        JSON.stringify({ name: "manta-test-addon", version, napi: {} }),
      );
    const file = { ...far, path: join(home, "index.js") };
    writeFileSync(file.path, "");
    const bundle = (text: string) =>
      writeBundle(
        `import ${JSON.stringify(file.path)};\n${text}` + outsideLine([file]),
      );
    const same = bundle("1;\n");
    const other = bundle("2;\n");

    describe("1.0.0");
    assertEquals(await placedBundle(same.path), same.path);
    describe("1.0.1");
    assertEquals(existsSync(await placedBundle(other.path)), true);
    assertEquals(await placedBundle(other.path) === other.path, false);
  });

  it("tells which package cannot be installed, and why", async () => {
    const gone = { ...far.package!, spec: "file:/nowhere/addon.tgz" };
    const { path } = writeBundle(
      `import ${JSON.stringify(far.path)};\n` +
        outsideLine([{ ...far, package: gone }]),
    );

    const error = await assertRejects(
      () => placedBundle(path),
      RuntimeEnvError,
      'Cannot load package "file:/nowhere/addon.tgz" on this node',
    );
    const { output } = error as RuntimeEnvError & { output: string };
    assertMatch(output, /nowhere/);
    assertMatch(error.message, /runtimeEnv\.npm/);
  });
});

describe("packageOf()", () => {
  const folder = mkdtempSync(join(tmpdir(), "manta-package-of-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const install = (name: string, range: string) => {
    const home = join(folder, "node_modules", name);
    mkdirSync(home, { recursive: true });
    writeFileSync(
      join(home, "package.json"),
      JSON.stringify({ name, version: "1.2.3" }),
    );
    writeFileSync(
      join(folder, "package.json"),
      JSON.stringify({ dependencies: { [name]: range } }),
    );
    return packageOf(join(home, "lib", "x.js"));
  };

  it("asks a registry for the release that is there", () => {
    for (const range of ["^1.0.0", "1.x || 2", "latest", "npm:b@1", "*"]) {
      assertEquals(install("a", range)?.spec, "a@1.2.3");
    }
    assertEquals(install("@s/a", "~1.2.0")?.spec, "@s/a@1.2.3");
    assertEquals(install("@s/a", "~1.2.0")?.file, "lib/x.js");
  });

  it("asks for what is in no registry where it came from", () => {
    const url = "https://example.com/a.tgz";
    writeFileSync(join(folder, "a.tgz"), "");

    assertEquals(install("a", url)?.spec, url);
    assertEquals(install("a", "owner/a#v1")?.spec, "owner/a#v1");
    const path = `file:${join(folder, "a.tgz")}`;
    assertEquals(install("a", "file:a.tgz")?.spec, path);
    assertEquals(install("a", "./a.tgz")?.spec, path);
    assertEquals(packageOf(join(folder, "own.js")), undefined);
  });
});

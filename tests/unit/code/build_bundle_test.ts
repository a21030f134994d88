import {
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { CaptureError } from "../../../runtime/base/errors.ts";
import { outsideFilesOf } from "../../../runtime/code/outside_files.ts";
import {
  bundleText,
  CodeProject,
  IMPORT_MANTA,
  type RemoteFake,
  shipped,
} from "../../support/code_project.ts";
import {
  afterEach,
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
  beforeEach,
  describe,
  it,
} from "../../support/harness.ts";

describe("bundles", () => {
  let project: CodeProject;
  beforeEach(() => {
    project = new CodeProject();
  });
  afterEach(() => project[Symbol.dispose]());

  it("have relative imports in them, tree-shaken", async () => {
    project.write("more.ts", `export const unit = "s";`);
    project.write(
      "tools.ts",
      `import { unit } from "./more.ts";
export function show(x: number) { return x + unit; }
export function never() { return "not used"; }`,
    );
    const { f } = await project.driver(`
import { never, show } from "./tools.ts";
void never;
export const f = remote((x: number) => show(x));`);

    assertEquals((await shipped(f!))(2), "2s");
    assert(!(await bundleText(f!)).includes("not used"));
  });

  it("have JSON, text and dynamic imports in them", async () => {
    project.write("settings.json", `{ "depth": 3 }`);
    project.write("lazy.ts", `export const lazy = "lazy";`);
    const f = await project.ship(`
import settings from "./settings.json" with { type: "json" };
export const f = remote(async () => [settings.depth, (await import("./lazy.ts")).lazy]);`);

    assertEquals(await f(), [3, "lazy"]);
  });

  it("leave built-in modules to the runtime", async () => {
    const f = await project.ship(`
import { basename } from "node:path";
import * as os from "node:os";
export const f = remote(() => [basename("/a/b"), typeof os.cpus]);`);

    assertEquals(f(), ["b", "function"]);
  });

  it("have npm packages in them", async () => {
    project.write(
      "node_modules/greeting/package.json",
      `{ "name": "greeting", "version": "1.0.0", "main": "index.js" }`,
    );
    project.write(
      "node_modules/greeting/index.js",
      `const fs = require("node:fs"), path = require("path");
exports.greet = (name) =>
  fs.readFileSync(path.join(__dirname, "text.txt"), "utf8") + name;`,
    );
    project.write("node_modules/greeting/text.txt", "Hello ");
    project.write(
      "tools.ts",
      `export { greet } from "greeting";`,
    );
    project.write(
      "late.ts",
      `import { remote } from "./manta/mod.ts";
export const f = remote(async () => (await import("./tools.ts")).greet("you"));`,
    );
    const { f } = await project.load("late.ts");

    assertEquals(await (await shipped(f!))(), "Hello you");
  });

  it("leave packages with machine code where they are", async () => {
    project.write(
      "node_modules/native/package.json",
      `{ "name": "native", "type": "module", "exports": "./index.js" }`,
    );
    project.write("node_modules/native/binding.gyp", "{}");
    const path = project.write(
      "node_modules/native/index.js",
      `export const where = import.meta.url;`,
    );
    const { f } = await project.driver(`
export const f = remote(async () => (await import("native")).where);`);

    assert((await bundleText(f!)).includes(JSON.stringify(path)));
    assertMatch(await (await shipped(f!))(), /native\/index\.js$/);
    assertEquals(outsideFilesOf(await bundleText(f!)), [{ path }]);
  });

  it("name the packages that they leave where they are", async () => {
    const path = project.write("node_modules/@us/addon/lib/main.js", "");
    project.write(
      "node_modules/@us/addon/package.json",
      '{ "name": "@us/addon", "version": "2.1.0", "napi": {}, ' +
        '"main": "lib/main.js" }',
    );
    const own = project.write("own.node", "machine code");
    const { f } = await project.driver(`
export const f = remote(async () => {
  await import("@us/addon");
  await import("./own.node");
});`);
    const { f: without } = await project.driver(`
export const f = remote(() => "//manta-outside []");`);
    const { bundle } = await f!.code.bundle();

    const named = {
      ...{ name: "@us/addon", version: "2.1.0", spec: "@us/addon@2.1.0" },
      file: "lib/main.js",
    };
    assertEquals(outsideFilesOf(bundle.text), [
      { path, package: named },
      { path: own },
    ]);
    const { bundle: plain } = await without!.code.bundle();
    assertEquals(outsideFilesOf(plain.text), []);
  });

  it("leave npm: and names of an import map to the runtime", async () => {
    project.write(
      "deno.json",
      `{
  // A comment, as Deno allows it.
  "imports": { "tools": "npm:nowhere-tools@4", "#local/": "./local/", },
}`,
    );
    project.write("local/one.ts", `export const one = 1;`);
    const { f } = await project.driver(`
export const f = remote(async (name: string) => {
  if (name === "npm") return await import("npm:hono@4");
  if (name === "map") return await import("tools/part");
  return (await import("#local/one.ts")).one;
});`);
    const text = await bundleText(f!);

    assertMatch(text, /import\("npm:hono@4"\)/);
    assertMatch(text, /import\("npm:nowhere-tools@4\/part"\)/);
    assertEquals(await (await shipped(f!))("local"), 1);
  });

  it("take a driver apart that its own imports import", async () => {
    project.write(
      "part.ts",
      `import { type Options, offset } from "./circle.ts";
export const shift = (x: number, o?: Options) => x + offset + (o?.n ?? 0);`,
    );
    project.write(
      "circle.ts",
      `import { remote } from "./manta/mod.ts";
import { shift } from "./part.ts";
export interface Options { n: number }
export const offset = 100, unused = "driver only";
globalThis.circleRuns = (globalThis.circleRuns ?? 0) + 1;
export const f = remote((x: number) => shift(x));`,
    );
    const { f } = await project.load("circle.ts");

    assertEquals((await shipped(f!))(1), 101);
    assertEquals(Reflect.get(globalThis, "circleRuns"), 1);
    assert(!(await bundleText(f!)).includes("driver only"));
  });

  it("know the remote functions of imported modules", async () => {
    project.write(
      "tasks.ts",
      `import { remote } from "./manta/mod.ts";
export const leaf = remote(function leaf(x: number) { return x + 1; });
export function make() { return remote((x: number) => x + 2); }`,
    );
    const f = await project.ship(`
import { leaf, make } from "./tasks.ts";
export const f = remote(() => [leaf, make()]);`);
    const [leaf, made] = f();

    assertEquals((await shipped(leaf))(1), 2);
    assertEquals((await shipped(made))(1), 3);
    assertEquals(
      (await leaf.code.bundle()).reference.hash,
      (await made.code.bundle()).reference.hash,
    );
  });

  it("name a missing import with its file and line", async () => {
    project.write(
      "broken.ts",
      `\nimport { x } from "./nowhere.ts";\nexport { x };`,
    );
    const { f } = await project.driver(
      `export const f = remote(async () => await import("./broken.ts"));`,
    );
    const error = await assertRejects(f!.code.bundle(), CaptureError);

    assertMatch(error.message, /broken\.ts:2": .*"\.\/nowhere\.ts"/);
  });

  it("tell of the bundler's errors once, without its own stack", async () => {
    project.write("first.ts", `import { x } from "./nowhere.ts";\nx();`);
    project.write("second.ts", `import { y } from "./neither.ts";\ny();`);
    const { f } = await project.driver(
      `export const f = remote(async () =>
  [await import("./first.ts"), await import("./second.ts")]);`,
    );
    const error = await assertRejects(f!.code.bundle(), CaptureError);

    assertMatch(error.message, /where|neither/);
    assertMatch(error.message, /" \(and 1 more\)\. Correct/);
    assertEquals(error.cause, undefined);
  });

  it("let a dynamic import of what is missing fail when it runs", async () => {
    const f = await project.ship(
      `export const f = remote(async () => await import("./nowhere.ts"));`,
    );

    await assertRejects(f());
  });

  it("name a file that does not parse with its line", async () => {
    project.write("broken.ts", `export const a = 1;\nexport const remote = ;`);
    const { f } = await project.driver(
      `export const f = remote(async () => await import("./broken.ts"));`,
    );
    const error = await assertRejects(f!.code.bundle(), CaptureError);

    assertMatch(
      error.message,
      /broken\.ts:2" to ship code from it: Unexpected/,
    );
  });

  it("refuse a dependency that changed after it was loaded", async () => {
    const path = project.write("tools.ts", `export const unit = "s";`);
    const { f } = await project.driver(`
import { unit } from "./tools.ts";
export const f = remote(() => unit);`);
    writeFileSync(path, `export const unit = "ms";`);
    const later = Date.now() / 1000 + 1;
    utimesSync(path, later, later);

    const error = await assertRejects(f!.code.bundle(), CaptureError);
    assertMatch(
      error.message,
      /tools\.ts": it changed after this driver loaded/,
    );
  });

  it("have a file whose time is far ahead, as after a clock is set back", async () => {
    const path = project.write("ahead.ts", `export const unit = "s";`);
    const ahead = Date.now() / 1000 + 3_600;
    utimesSync(path, ahead, ahead);
    const { f } = await project.driver(`
import { unit } from "./ahead.ts";
export const f = remote(() => unit);`);
    const main = join(project.folder, "main0.ts");
    utimesSync(main, ahead, ahead);

    assertEquals((await shipped(f!))(), "s");
  });

  it("have the driver's file as it was when remote() was called", async () => {
    const { f } = await project.driver(`export const f = remote(() => "old");`);
    const path = join(project.folder, "main0.ts");
    writeFileSync(path, readFileSync(path, "utf8").replace("old", "new"));

    assertEquals((await shipped(f!))(), "old");
  });

  it("refuse a driver's file that changed before remote() was called", async () => {
    project.write(
      "late.ts",
      `${IMPORT_MANTA}
export const f = () => [remote((x: number) => Math.abs(x))];`,
    );
    const { f } = await project.load("late.ts");
    project.write(
      "late.ts",
      `${IMPORT_MANTA}
export const f = () => [remote((x: number) => Math.round(x))];`,
    );
    const [made] = (f as unknown as () => RemoteFake[])();

    const error = assertThrows(() => made!.remote(), CaptureError);
    assertMatch(
      error.message,
      /late\.ts": it changed after this driver loaded/,
    );
  });

  it("are the same through a symbolic link", async () => {
    const path = project.write(
      "real/main.ts",
      `import { remote } from "../manta/mod.ts";
globalThis.linkRuns = (globalThis.linkRuns ?? 0) + 1;
export const f = remote(() => "linked");`,
    );
    symlinkSync(dirname(path), join(project.folder, "link"));
    const { f } = await project.load("link/main.ts");

    assertEquals((await shipped(f!))(), "linked");
    assertEquals(Reflect.get(globalThis, "linkRuns"), 1);
  });

  it("come from the disk at the next start", async () => {
    const start = await restartable(project);
    const first = await start();
    const second = await start();

    assertEquals(second, first);
    assertEquals(readdirSync(join(project.folder, "cache")).length, 2);
  });

  it("are made again when the disk's copy is damaged", async () => {
    const again = await restartable(project);
    const { bundle } = await again();
    writeFileSync(bundle.path, "damaged");
    const rebuilt = await again();

    assertEquals(rebuilt.bundle, bundle);
    assertEquals(readFileSync(bundle.path, "utf8"), bundle.text);
  });

  it("are made again when the index is damaged", async () => {
    const again = await restartable(project);
    const first = await again();
    const index = join(project.folder, "cache", "index");
    for (const name of readdirSync(index)) {
      writeFileSync(join(index, name), "{");
    }

    assertEquals(await again(), first);
  });

  it("are refused before that when the source cannot be shipped", async () => {
    const { f } = await project.driver(
      `export const f = ((n: number) => { const g = remote(() => n); return g; })(1);`,
    );

    assertThrows(() => f!.code.analyse(), CaptureError);
    await assertRejects(f!.code.bundle(), CaptureError);
  });
});

/** Stands for a driver that is started again: the same site, a new call. */
async function restartable(project: CodeProject) {
  const { make } = await project.driver(
    `export const make = () => { const f = remote(() => 1); return [f]; };`,
  );
  return () => {
    const [f] = (make as unknown as () => RemoteFake[])();
    return f!.code.bundle();
  };
}

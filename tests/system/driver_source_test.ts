// Where a driver's code may come from: files of all kinds in all kinds of
// places, bundles, and what is typed into a REPL. On each runtime.

import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { DriverProject, RUNTIMES } from "../support/driver_project.ts";
import {
  afterAll,
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
  describe,
  it,
} from "../support/harness.ts";
import { ROOT } from "../support/launchers.ts";

const SQUARE = [
  'import { get, remote } from "manta";',
  "const FACTOR: number = 1;",
  "const square = remote(function square(x: number): number {",
  "  return x * x * FACTOR;",
  "});",
  "console.log(await get(square.remote(3)));",
];

for (const runtime of RUNTIMES) {
  describe(`a driver's source on ${runtime}`, () => {
    const project = new DriverProject();
    afterAll(() => project[Symbol.dispose]());
    const assertPrints = async (
      expected: string,
      file: string,
      options: Parameters<DriverProject["run"]>[2] = {},
    ) => {
      const { exit, stdout, stderr } = await project.run(
        runtime,
        file,
        options,
      );
      assertEquals({ exit, stdout, stderr }, {
        exit: 0,
        stdout: expected,
        stderr: "",
      });
    };

    it("may lie in another folder, and behind a link", async () => {
      const file = project.write("deep/down/app.ts", ...SQUARE);
      await assertPrints("9\n", file, { folder: "/" });
      await assertPrints("9\n", "down/app.ts", {
        folder: join(project.folder, "deep"),
      });

      const link = join(project.folder, "link.ts");
      symlinkSync(file, link);
      await assertPrints("9\n", link);
      symlinkSync(join(project.folder, "deep"), join(project.folder, "linked"));
      await assertPrints("9\n", "linked/down/app.ts");
    });

    it("may have spaces and any letters in its path", async () => {
      await assertPrints(
        "9\n",
        project.write("two words/naïve 100% #1/日本 ñ.ts", ...SQUARE)
          .replace(/^.*project\//, "./"),
      );
    });

    it("may be JavaScript", async () => {
      const lines = SQUARE.map((line) => line.replaceAll(": number", ""));
      for (const name of ["app.js", "app.mjs"]) {
        await assertPrints("9\n", project.write(name, ...lines));
      }
    });

    it("may import in circles", async () => {
      project.write(
        "even.ts",
        'import { isOdd } from "./odd.ts";',
        "export function isEven(n: number): boolean {",
        "  return n === 0 || isOdd(n - 1);",
        "}",
      );
      project.write(
        "odd.ts",
        'import { isEven } from "./even.ts";',
        "export function isOdd(n: number): boolean {",
        "  return n > 0 && isEven(n - 1);",
        "}",
      );
      await assertPrints(
        "true false\n",
        project.write(
          "circles.ts",
          'import { get, remote } from "manta";',
          'import { isEven } from "./even.ts";',
          "const check = remote(isEven);",
          "console.log(...await get([check.remote(8), check.remote(7)]));",
        ),
      );
    });

    it("may make a default export of another file remote", async () => {
      project.write(
        "default.ts",
        "const STEP = 2;",
        "export default function (x: number) { return x + STEP; }",
      );
      project.write(
        "default_class.ts",
        "export default class { n = 0; add(by: number) {",
        "  return this.n += by; } }",
      );
      await assertPrints(
        "3 5\n",
        project.write(
          "defaults.ts",
          'import { get, remote } from "manta";',
          'import step from "./default.ts";',
          'import Sum from "./default_class.ts";',
          "const sum = remote(Sum).remote();",
          "console.log(await get(remote(step).remote(1)),",
          "  await get(sum.add.remote(5)));",
        ),
      );
    });

    it("may have two functions on one line", async () => {
      await assertPrints(
        "[2,9,-4]\n",
        project.write(
          "line.ts",
          'import { get, remote } from "manta";',
          "const a = remote((x: number) => x + 1), b = remote((x: number) => " +
            "x * x), c = [remote((x: number) => -x)];",
          "console.log(JSON.stringify(",
          "  await get([a.remote(1), b.remote(3), c[0]!.remote(4)])));",
        ),
      );
    });

    it("may change while the driver runs", async () => {
      const lines = [
        'import { readFileSync, writeFileSync } from "node:fs";',
        'import { get, remote } from "manta";',
        "const before = remote(function before() { return 1; });",
        "console.log(await get(before.remote()));",
        "const text = readFileSync(import.meta.filename, 'utf8');",
        "writeFileSync(import.meta.filename, '\\n' + text.replaceAll('return', " +
        "'return 10 +'));",
        "console.log(await get(before.remote()));",
        "const after = remote(function after() { return 2; });",
        "console.log(await get(after.remote()));",
        "writeFileSync(import.meta.filename, text);",
      ];
      await assertPrints("1\n1\n2\n", project.write("changes.ts", ...lines));
    });

    it("may be a bundle", async () => {
      project.write(
        "part.ts",
        "const BASE = 40;",
        "export function add(x: number): number { return BASE + x; }",
      );
      const entry = project.write(
        "entry.ts",
        'import { get, remote } from "manta";',
        'import { add } from "./part.ts";',
        "const sum = remote(add);",
        "const twice = remote((x: number) => 2 * add(x));",
        "console.log(await get([sum.remote(2), twice.remote(2)]));",
      );
      for (const flags of [[], ["--minify"], ["--sourcemap"]]) {
        execFileSync(join(ROOT, "node_modules", ".bin", "esbuild"), [
          entry,
          "--bundle",
          "--format=esm",
          "--external:manta",
          `--outfile=${join(project.folder, "bundle.mjs")}`,
          "--log-level=error",
          ...flags,
        ]);
        await assertPrints("[ 42, 84 ]\n", "bundle.mjs");
      }
    });

    it("fails in a bundle that has manta in it, and says why", async () => {
      const entry = project.write(
        "whole.ts",
        'import { get, remote } from "manta";',
        "const square = remote((x: number) => x * x);",
        "console.log(await get(square.remote(3)));",
      );
      execFileSync(join(ROOT, "node_modules", ".bin", "esbuild"), [
        entry,
        "--bundle",
        "--format=esm",
        "--platform=node",
        `--outfile=${join(project.folder, "whole.mjs")}`,
        "--log-level=error",
      ]);
      const { exit, stdout, stderr } = await project.run(runtime, "whole.mjs");

      assertEquals([exit, stdout], [1, ""]);
      assertStringIncludes(stderr, "Manta is in the bundle");
      assertStringIncludes(stderr, "--external:manta");
    });

    it("gets its arguments, and the modules beside manta", async () => {
      const file = project.write(
        "args.ts",
        'import { get, remote } from "manta";',
        'import { ActorPool } from "manta/util";',
        "const Doubler = remote(class Doubler {",
        "  double(x: number) { return 2 * x; }",
        "});",
        "const pool = new ActorPool([Doubler.remote(), Doubler.remote()]);",
        "const numbers = process.argv.slice(2).map(Number);",
        "const all: number[] = [];",
        "for await (const n of pool.map((d, n: number) => d.double.remote(n),",
        "  numbers)) all.push(n);",
        "console.log(...all);",
      );
      await assertPrints("2 4 6\n", file, { args: ["1", "2", "3"] });
    });

    it("fails by its name and line where it does not parse", async () => {
      project.write("broken.ts", "export const fine = 1;", "const x = ;");
      const broken = await project.run(runtime, "broken.ts");
      assertEquals(broken.exit, 1);
      assertMatch(broken.stderr, /broken\.ts:2/);

      project.write(
        "imports_broken.ts",
        'import "manta"; import "./broken.ts";',
      );
      const imports = await project.run(runtime, "imports_broken.ts");
      assertEquals(imports.exit, 1);
      assertMatch(imports.stderr, /broken\.ts:2/);
    });

    it("fails by the name of an import that is not there", async () => {
      project.write("lost.ts", ...SQUARE, 'import "./nowhere.ts";');
      const lost = await project.run(runtime, "lost.ts");

      assertEquals(lost.exit, 1);
      assertStringIncludes(lost.stderr, "nowhere.ts");
    });

    it("fails at a call that needs an import that is not there", async () => {
      const { exit, stdout, stderr } = await project.run(
        runtime,
        project.write(
          "lazily_lost.ts",
          'import { get, remote } from "manta";',
          "const load = remote(async function load() {",
          '  return await import("./nowhere_at_all.ts");',
          "});",
          "const error = await get(load.remote()).catch((e) => e);",
          "console.log(String(error.message + error.cause));",
        ),
      );

      assertEquals([exit, stderr], [0, ""]);
      assertStringIncludes(stdout, "nowhere_at_all");
    });
  });
}

describe("a driver in a REPL", () => {
  const project = new DriverProject();
  afterAll(() => project[Symbol.dispose]());
  const REPL = [
    'const { context, get, put, remote, wait } = await import("manta");',
    "const base = 10;",
    "const square = remote(function square(x) { return x * x; });",
    "console.log('got', await get(square.remote(3)));",
    "console.log('got', await get(remote((x) => x + 1).remote(3)));",
    "const sum = remote(async function sum(x) {",
    "  const ref = await put(x);",
    "  const [ready] = await wait([square.remote(x)]);",
    "  return await get(ready[0]) + await get(ref) + context().attempt;",
    "});",
    "console.log('sum', await get(sum.remote(4)));",
    "const manta = await import('manta');",
    "const Reader = remote(class { read(x) { return manta.get(x.ref); } });",
    "const ref = await put(31);",
    "console.log('read', await get(Reader.remote().read.remote({ ref })));",
    "",
  ];

  for (const command of [["deno", "repl", "-A"], ["bun", "repl"]]) {
    it(`works in ${command.join(" ")}`, async () => {
      const { stdout, stderr } = await project.startCommand(command, {
        input: REPL.join("\n"),
      }).ended;

      assertStringIncludes(stdout + stderr, "got 9");
      assertStringIncludes(stdout + stderr, "got 4");
      assertStringIncludes(stdout + stderr, "sum 20");
      assertStringIncludes(stdout + stderr, "read 31");
    });
  }
});

describe("a driver beside nothing but the binary", () => {
  const project = new DriverProject({ withPackage: false });
  afterAll(() => project[Symbol.dispose]());

  it("has manta, and packages that lie beside it", async () => {
    mkdirSync(join(project.folder, "node_modules"));
    project.write(
      "node_modules/triple/package.json",
      '{ "name": "triple", "type": "module", "exports": "./main.js" }',
    );
    project.write(
      "node_modules/triple/main.js",
      "export const triple = (x) => 3 * x;",
    );
    const { exit, stdout, stderr } = await project.run(
      "manta",
      project.write(
        "app.ts",
        'import { get, remote } from "manta";',
        'import { Queue } from "manta/util";',
        'import { triple } from "triple";',
        "const queue = new Queue<number>();",
        "const fill = remote(async function fill(to: Queue<number>) {",
        "  await to.put(triple(2));",
        "});",
        "await get(fill.remote(queue));",
        "console.log(await queue.get());",
      ),
    );

    assertEquals({ exit, stdout, stderr }, { exit: 0, stdout: "6\n", stderr });
    assert(!stderr.includes("rror"), stderr);
  });
});

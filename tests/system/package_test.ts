// The npm package as its users get it: packed, installed into an empty project,
// and run on both runtimes, threads included.

import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { VERSION } from "../../runtime/base/version.ts";
import {
  afterAll,
  assertEquals,
  beforeAll,
  describe,
  it,
} from "../support/harness.ts";
import { ROOT } from "../support/launchers.ts";

const PROGRAM = `
import { get, init, put, remote, type ObjectRef } from "manta";
import { ActorPool } from "manta/util";

const SCALE = 10;
const scale = remote(function scale(x: number): number {
  return x * SCALE;
});
const Counter = remote(class Counter {
  #n = 0;
  increment(by = 1): number {
    return (this.#n += by);
  }
});
await init({ numCpus: 2 });
const refs: ObjectRef<number>[] = [1, 2, 3].map((x) => scale.remote(x));
console.log(await get(refs));
console.log(await get(scale.remote(await put(7))));
console.log(await get(Counter.remote().increment.remote(5)));
console.log(typeof ActorPool);
`;
const EXPECTED = "[ 10, 20, 30 ]\n70\n5\nfunction\n";

describe("the packed npm package", () => {
  const project = mkdtempSync(join(tmpdir(), "manta-package-"));
  const tool = (name: string) => join(ROOT, ".tools", "bin", name);
  const run = (program: string, args: string[], folder: string) =>
    execFileSync(program, args, {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, NO_COLOR: "1" },
    });

  beforeAll(() => {
    run(join(ROOT, "scripts", "pack"), [], ROOT);
    writeFileSync(join(project, "package.json"), '{ "type": "module" }\n');
    writeFileSync(join(project, "app.ts"), PROGRAM);
    const tarball = join(ROOT, "dist", `manta-${VERSION}.tgz`);
    run(tool("bun"), ["add", "--silent", tarball], project);
  });
  afterAll(() => rmSync(project, { recursive: true }));

  it("has no source that a runtime would have to compile", () => {
    const folder = join(project, "node_modules", "manta");

    assertEquals(existsSync(join(folder, "mod.js")), true);
    assertEquals(existsSync(join(folder, "mod.ts")), false);
  });

  it("runs under Bun", () => {
    assertEquals(run(tool("bun"), ["run", "app.ts"], project), EXPECTED);
  });

  it("runs under Deno", () => {
    const output = run(tool("deno"), ["run", "-A", "app.ts"], project);

    assertEquals(output, EXPECTED);
  });

  it("type-checks under Deno", () => {
    run(tool("deno"), ["check", "app.ts"], project);
  });
});

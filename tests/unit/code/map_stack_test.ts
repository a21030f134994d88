import { mapStack } from "../../../runtime/code/map_stack.ts";
import {
  CodeProject,
  IMPORT_MANTA,
  shipped,
} from "../../support/code_project.ts";
import {
  afterAll,
  assert,
  assertEquals,
  assertMatch,
  beforeAll,
  describe,
  it,
} from "../../support/harness.ts";

describe("mapStack", () => {
  let project: CodeProject;
  beforeAll(() => {
    project = new CodeProject();
  });
  afterAll(() => project[Symbol.dispose]());

  async function stackOf(run: () => unknown): Promise<string[]> {
    try {
      await run();
    } catch (error) {
      if (error instanceof Error) return mapStack(error.stack!).split("\n");
    }
    throw new Error("It did not throw");
  }

  it("gives the lines and columns of the user's files", async () => {
    project.write(
      "tools.ts",
      `// A line of comment.
interface Nothing {}

export function fail(x: Nothing): never {
  throw new TypeError("no " + x);
}`,
    );
    project.write(
      "main.ts",
      `${IMPORT_MANTA}
import { fail } from "./tools.ts";
const unused = 1;
function middle(x: number): number {
  const y = fail(x);
  return y + y;
}
export const f = remote({}, function work(x: number) { const y = middle(x); return y + y; });`,
    );
    const { f } = await project.load("main.ts");
    const fn = await shipped(f!);
    const lines = await stackOf(() => fn(1));

    assertEquals(lines[0], "TypeError: no 1");
    assertMatch(lines[1]!, /at fail \(.*\/tools\.ts:5:\d+\)$/);
    assertMatch(lines[2]!, /at middle \(.*\/main\.ts:5:1[0-9]\)$/);
    assertMatch(lines[3]!, /at work \(.*\/main\.ts:8:6\d\)$/);
    assert(!lines.join("\n").includes("cache"));
  });

  it("knows files whose paths are not plain ASCII", async () => {
    project.write(
      "Größe 100% #1.ts",
      `${IMPORT_MANTA}
interface Nothing {}
interface More {}
export const f = remote({}, function work() { throw new Error("no"); });`,
    );
    const { f } = await project.load("Größe 100% #1.ts");
    const fn = await shipped(f!);
    const lines = await stackOf(() => fn());

    assertMatch(lines[1]!, /at work \(.*\/Größe 100% #1\.ts:4:\d+\)$/);
  });

  it("gives the place of a function that was moved out", async () => {
    const f = await project.ship(`
function make() {
  const local = (x: number) => {
    throw new Error(String(x));
  };
  return remote((x: number) => { const y = local(x); return [y, y]; });
}
export const f = make();`);
    const lines = await stackOf(() => f(1));

    assertMatch(lines[1]!, /main\d+\.ts:5:\d+\)?$/);
    assertMatch(lines[2]!, /main\d+\.ts:7:4\d\)?$/);
  });

  it("gives the lines of async functions and methods", async () => {
    const Broken = await project.ship(`
export const f = remote(class Broken {
  async run() {
    await null;
    throw new Error("broken");
  }
});`) as unknown as new () => { run(): Promise<void> };
    const lines = await stackOf(() => new Broken().run());

    assertMatch(lines[1]!, /main\d+\.ts:6:\d+\)?$/);
  });

  it("leaves other text alone and drops Manta's own frames", () => {
    const own = new URL("../../../runtime/code/load_code.ts", import.meta.url);
    const stack = [
      "Error: at the beach",
      "    at run (/somewhere/else.ts:1:2)",
      `    at loadCode (${own.href}:3:4)`,
      "    at <anonymous>",
    ];

    assertEquals(mapStack(stack.join("\n")).split("\n"), [
      stack[0],
      stack[1],
      stack[3],
    ]);
  });

  it("drops the frames that called the user's code", () => {
    const stack = [
      "Error: at the beach",
      "    at sort (native:1:1)",
      "    at work (/somewhere/main.ts:1:2)",
      "    at run (node:async_hooks:144:29)",
      "    at #run (runtime/executor/executor.ts:270:39)",
      "    at AsyncLocalStorage.run (ext:deno_node/async_hooks.ts:1:1762)",
    ];

    assertEquals(mapStack(stack.join("\n")).split("\n"), stack.slice(0, 3));
  });
});

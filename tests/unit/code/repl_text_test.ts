import { CaptureError } from "../../../runtime/base/errors.ts";
import { loadCode } from "../../../runtime/code/load_code.ts";
import { buildText } from "../../../runtime/code/build_bundle.ts";
import { bundlePath, writeBundle } from "../../../runtime/code/code_cache.ts";
import { replText } from "../../../runtime/code/repl_text.ts";
import { CodeProject, type Shipped } from "../../support/code_project.ts";
import {
  afterAll,
  afterEach,
  assertEquals,
  assertThrows,
  beforeAll,
  describe,
  it,
} from "../../support/harness.ts";

describe("replText", () => {
  let project: CodeProject;
  const names = new Set<string>();
  beforeAll(() => {
    project = new CodeProject();
  });
  afterAll(() => project[Symbol.dispose]());
  afterEach(() => {
    for (const name of names) Reflect.deleteProperty(globalThis, name);
  });

  /** Gives the global scope a name, as a line in a REPL does. */
  function define(name: string, value: unknown): void {
    names.add(name);
    Reflect.set(globalThis, name, value);
  }

  async function roundTrip(source: string): Promise<Shipped> {
    const indirectEval = eval;
    const { text, exportName } = replText(indirectEval(`(${source})`));
    const built = await buildText(text, project.folder);
    const { hash } = writeBundle(built.text);
    return await loadCode(
      { hash, exportName },
      bundlePath(hash),
    ) as Shipped;
  }

  it("ships functions, classes and constants of the global scope", async () => {
    const indirectEval = eval;
    define("replFactor", 3);
    define("replTable", { list: [1, null, "x"] });
    define("replDouble", indirectEval("(x) => 2 * x * replFactor"));
    define("ReplPoint", indirectEval("(class ReplPoint { n = 1; })"));
    const f = await roundTrip(
      "function f(x) { return [replDouble(x), new ReplPoint().n, replTable.list]; }",
    );

    assertEquals(f(2), [12, 1, [1, null, "x"]]);
  });

  it("ships methods and functions that use themselves", async () => {
    const indirectEval = eval;
    define(
      "replLoop",
      indirectEval("(n) => n === 0 ? 0 : 1 + replLoop(n - 1)"),
    );

    assertEquals((await roundTrip("(n) => replLoop(n)"))(4), 4);
    assertEquals(
      (await roundTrip("({ twice(x) { return 2 * x; } }).twice"))(4),
      8,
    );
  });

  it("refuses names without a value that can be shipped", () => {
    define("replSocket", new (class Socket {})());
    const indirectEval = eval;

    for (const name of ["replSocket", "replNowhere"]) {
      const error = assertThrows(
        () => replText(indirectEval(`(() => 1 +\n ${name})`)),
        CaptureError,
      );
      assertEquals(error.captures, [{ name, line: 2 }]);
    }
  });

  it("refuses functions of the runtime", () => {
    assertThrows(() => replText(Math.max), CaptureError, "not available");
  });
});

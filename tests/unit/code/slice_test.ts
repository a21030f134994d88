import { CaptureError } from "../../../runtime/base/errors.ts";
import { CodeProject, shipped } from "../../support/code_project.ts";
import {
  afterAll,
  assertEquals,
  assertMatch,
  assertThrows,
  beforeAll,
  describe,
  it,
} from "../../support/harness.ts";

describe("captures", () => {
  let project: CodeProject;
  beforeAll(() => {
    project = new CodeProject();
  });
  afterAll(() => project[Symbol.dispose]());

  /** The names and lines that the driver's `f` is refused for. */
  async function refused(text: string): Promise<string[]> {
    const { f } = await project.driver(text);
    const error = assertThrows(() => f!.remote(), CaptureError);
    return error.captures!.map(({ name, line }) => `${name}:${line}`);
  }

  it("lists each variable of an enclosing function with its line", async () => {
    const { f } = await project.driver(`
function make(factor: number) {
  const [offset] = [1];
  return remote((x: number) =>
    x * factor +
    offset + factor);
}
export const f = make(3);`);
    const error = assertThrows(() => f!.remote(), CaptureError);

    assertEquals(error.captures, [
      { name: "factor", line: 6 },
      { name: "offset", line: 7 },
    ]);
    assertMatch(error.message, /"factor" \(line 6\), "offset" \(line 7\)/);
    assertMatch(error.message, /as an argument, or put\(\)/);
  });

  it("counts variables of a block", async () => {
    const main = await project.driver(`
const made: unknown[] = [];
for (const k of [1, 2]) {
  made.push(remote(() => k));
}
export const f = made[0];`);
    const error = assertThrows(() => main["f"]!.remote(), CaptureError);

    assertEquals(error.captures, [{ name: "k", line: 5 }]);
  });

  it("counts what a catch clause and a parameter declare", async () => {
    assertEquals(
      await refused(`
let made;
try { throw new Error("x"); } catch (error) {
  made = ((argument: number) => remote(() => [error, argument]))(1);
}
export const f = made;`),
      ["error:5", "argument:5"],
    );
  });

  it("counts this, super, arguments, new.target and private names", async () => {
    assertEquals(
      await refused(`
class Maker {
  #secret = 1;
  make() { return remote((x: Maker) => [this, x.#secret]); }
}
export const f = new Maker().make();`),
      ["this:5", "#secret:5"],
    );
    assertEquals(
      await refused(`
function Old(this: unknown) {
  return remote(() => [arguments.length, new.target]);
}
export const f = Old.call(null);`),
      ["arguments:4", "new.target:4"],
    );
    assertEquals(
      await refused(`
class Maker extends Object {
  make() { return remote(() => super.toString()); }
}
export const f = new Maker().make();`),
      ["super:4"],
    );
  });

  it("does not count shadows, strings, comments, types and keys", async () => {
    const { f } = await project.driver(`
function make() {
  const factor = 3, offset = 1, size = 2, label = "x";
  void [factor, offset, size, label];
  return remote((factor: number) => {
    // offset, size
    const text = "offset", size = \`\${factor} offset\`;
    label: for (const label of [1]) { void label; continue; }
    type T = typeof offset;
    const o: { offset: number } = { offset: 5 } as { offset: T };
    const { offset: renamed } = o;
    return [text, size, o.offset, o?.offset, renamed, class { offset = 1; }.name];
  });
}
export const f = make();`);

    assertEquals((await shipped(f!))(2).slice(0, 5), [
      "offset",
      "2 offset",
      5,
      5,
      5,
    ]);
  });

  it("does not count a local that hides a name of the module", async () => {
    const f = await project.ship(`
const value = "module";
function make() {
  return remote((value: string) => value);
}
export const f = make();`);

    assertEquals(f("argument"), "argument");
  });

  it("counts a local that hides a name of the module", async () => {
    assertEquals(
      await refused(`
const value = "module";
function make() {
  const value = "local";
  return remote(() => value);
}
void value;
export const f = make();`),
      ["value:6"],
    );
  });

  it("counts a variable that is declared after its use", async () => {
    assertEquals(
      await refused(`
function make() {
  const made = remote(() => later);
  var later = 1;
  return made;
}
export const f = make();`),
      ["later:4"],
    );
  });

  it("counts the parameter of a function that made the function", async () => {
    assertEquals(
      await refused(`
function adder(n: number) { return (x: number) => x + n; }
export const f = remote(adder(5));`),
      ["n:3"],
    );
  });

  it("lets globals be", async () => {
    const f = await project.ship(`
function make() {
  return remote(() => [Math.max(1, 2), typeof undefinedGlobal, globalThis === self]);
}
export const f = make();`);

    assertEquals(f(), [2, "undefined", true]);
  });

  it("takes local functions along that capture nothing themselves", async () => {
    const main = await project.driver(`
const base = 1;
function make() {
  function inner(x: number): number { return x <= 0 ? base : outer(x - 1); }
  const outer = (x: number): number => inner(x) * 2;
  const leaf = remote((x: number) => x + base);
  class Local { static n = 5; }
  const f = remote((x: number): unknown => x === 0 ? [leaf, f] : outer(x) + Local.n);
  return f;
}
export const f = make();`);
    const f = await shipped(main["f"]!);
    const [leaf, self] = f(0);

    assertEquals(f(2), 13);
    assertEquals((await shipped(leaf))(1), 2);
    assertEquals((await shipped(self))(2), 13);
  });

  it("names what a local function captures that would go along", async () => {
    assertEquals(
      await refused(`
function make() {
  let count = 0;
  const step = () => count++;
  return remote(() => step());
}
export const f = make();`),
      ["count:5"],
    );
  });

  it("ships a local function by its name", async () => {
    const main = await project.driver(`
function make() {
  const g = async (x: number) => x * 3;
  function f(x: number): number { return x === 0 ? 0 : f(x - 1) + 1; }
  return [remote(f), remote(g)];
}
export const [f, g] = make();`);

    assertEquals((await shipped(main["f"]!))(3), 3);
    assertEquals(await (await shipped(main["g"]!))(3), 9);
  });

  it("refuses a module's variable that the driver's session makes", async () => {
    assertEquals(
      await refused(`
const images = await put([1]);
const settings = { images };
export const f = remote(() => settings);`),
      ["images:4"],
    );
    assertEquals(
      await refused(`
const other = remote(() => 1);
const pending = other.remote();
export const f = remote(() => pending);`),
      ["pending:5"],
    );
  });

  it("refuses variables that the driver's session fills", async () => {
    assertEquals(
      await refused(`
const work = remote((x: number) => x);
const results: unknown[] = [], direct = [1].map((x) => work.remote(x));
for (const x of [1, 2]) results.push(await get(work.remote(x)));
export const f = remote(() => [
  results,
  direct,
]);`),
      ["results:7", "direct:8"],
    );
    assertEquals(
      await refused(`
const work = remote((x: number) => x);
async function main() { return [await get(work.remote(1))]; }
const answer = await main();
export const f = remote(() => answer);`),
      ["answer:6"],
    );
  });

  it("lets functions that use the session be used", async () => {
    const f = await project.ship(`
const work = remote((x: number) => x);
const tools = { run: async () => [await get(work.remote(1))] };
async function outer() { return [await get(work.remote(1))]; }
export const f = remote(() => [typeof tools.run, typeof outer]);`);

    assertEquals(f(), ["function", "function"]);
  });

  it("refuses in an executor what an inner remote captures", async () => {
    const f = await project.ship(`
export const f = remote((n: number) => remote(() => n));`);
    const error = assertThrows(() => f(1).remote(), CaptureError);

    assertEquals(error.captures, [{ name: "n", line: 3 }]);
  });

  it("refuses a function without source", async () => {
    const { f } = await project.driver(
      `export const f = remote(((x: number) => x).bind(null));`,
    );

    assertThrows(() => f!.remote(), CaptureError, "source is not available");
  });

  it("refuses what several functions of the module look like", async () => {
    const main = await project.driver(`
const make = [
  (n: number) => () => n,
  (n: string) => () => n,
];
const par = (fn: () => unknown) => { const made = remote(fn); return made; };
export const f = par(make[0]!(1));`);

    const error = assertThrows(() => main["f"]!.remote(), CaptureError);
    assertMatch(error.message, /2 functions of its module look like it/);
  });
});

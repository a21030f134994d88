import {
  bundleText,
  CodeProject,
  shipped,
} from "../../support/code_project.ts";
import {
  afterAll,
  assert,
  assertEquals,
  assertMatch,
  assertStrictEquals,
  beforeAll,
  describe,
  it,
} from "../../support/harness.ts";

describe("RemoteCode", () => {
  let project: CodeProject;
  beforeAll(() => {
    project = new CodeProject();
  });
  afterAll(() => project[Symbol.dispose]());

  it("ships a function with what it uses of its module", async () => {
    const f = await project.ship(`
const unused = 1, factor: number = 10;
enum Color { Red = 3, Green }
namespace Shape { export const corners = 4; }
class Base { twice(x: number) { return 2 * x; } }
class Doubler extends Base {}
function helper(x: number): number {
  return new Doubler().twice(x) * factor;
}
export const f = remote(function f(x: number) {
  return [helper(x), Color.Green, Shape.corners];
});`);

    assertEquals(f(2), [40, 4, 4]);
  });

  it("leaves out the driver's own statements and unused parts", async () => {
    const main = await project.driver(`
globalThis.driverRuns = (globalThis.driverRuns ?? 0) + 1;
const secret = "never shipped", used = 2;
function unused() { return secret; }
export const f = remote((x: number) => x * used);
if (import.meta.main) unused();
`);
    const f = await shipped(main["f"]!);

    assertEquals(f(21), 42);
    assertEquals(Reflect.get(globalThis, "driverRuns"), 1);
    assert(!(await bundleText(main["f"]!)).includes("never shipped"));
    Reflect.deleteProperty(globalThis, "driverRuns");
  });

  it("keeps assignments to a variable that it uses", async () => {
    const f = await project.ship(`
let base: number;
base = 40;
const table: Record<string, number> = {};
table.two = 2;
export const f = remote(() => base + table.two!);`);

    assertEquals(f(), 42);
  });

  it("keeps statements that fill what it uses", async () => {
    const f = await project.ship(`
const table = new Uint32Array(4), squares = new Map<number, number>();
const other: number[] = [];
for (let i = 0; i < table.length; i++) {
  let value = i;
  if (i > 1) value *= 10;
  table[i] = value;
}
squares.set(2, 4);
[1, 3].forEach((n) => { squares.set(n, n * n); });
for (const name of ["a"]) other.push(globalThis.runOnlyOnce = 1);
if (import.meta.main) { table[0] = 100; }
Object.assign(squares, { label: "s" });
export const f = remote(() => [[...table], squares.get(3), squares.get(2), (squares as any).label]);`);

    assertEquals(f(), [[0, 1, 20, 30], 9, 4, "s"]);
  });

  it("keeps destructured constants", async () => {
    const f = await project.ship(`
const { a, b: [c = 5] } = { a: 1, b: [] as number[] };
export const f = remote(() => [a, c]);`);

    assertEquals(f(), [1, 5]);
  });

  it("tells two functions on one line apart", async () => {
    const main = await project.driver(
      `export const a = remote((x: number) => x + 1), ` +
        `b = remote((x: number) => x + 2);`,
    );

    assertEquals((await shipped(main["a"]!))(1), 2);
    assertEquals((await shipped(main["b"]!))(1), 3);
  });

  it("tells two functions of one array on one line apart", async () => {
    const { both } = await project.driver(
      `export const both = [remote((x: number) => x + 1), remote((x: number) => x + 2)];`,
    );
    const [a, b] = both as unknown as Parameters<typeof shipped>[0][];

    assertEquals((await shipped(a!))(1), 2);
    assertEquals((await shipped(b!))(1), 3);
  });

  it("takes the function after options", async () => {
    const f = await project.ship(`
const options = { numCpus: 2 };
export const f = remote(options, async (x: number) => await x);`);

    assertEquals(await f(3), 3);
  });

  it("ships a function by its name", async () => {
    const f = await project.ship(`
function work(x: number): number;
function work(x: string): string;
function work(x: unknown) { return x; }
export const f = remote(work);`);

    assertEquals(f(3), 3);
    assertEquals(f.name, "work");
  });

  it("ships a default export", async () => {
    const main = await project.driver(
      `export default remote(function named() { return 7; });`,
    );

    assertEquals((await shipped(main["default"]!))(), 7);
  });

  it("ships an exported default function by its name", async () => {
    const f = await project.ship(`
export default function work() { return 8; }
export const f = remote(work);`);

    assertEquals(f(), 8);
  });

  it("ships an alias of remote and a namespace's remote", async () => {
    project.write(
      "alias.ts",
      `import { remote as par } from "./manta/mod.ts";
import * as manta from "./manta/mod.ts";
const inner = par(() => 5);
export const f = par(() => inner);
export const g = manta
  .remote(
    () => inner,
  );`,
    );
    const { f, g } = await project.load("alias.ts");

    for (const remote of [f!, g!]) {
      const inner = (await shipped(remote))();
      assertEquals((await shipped(inner))(), 5);
    }
  });

  it("ships a class with private fields and static blocks", async () => {
    const Counter = await project.ship(`
const start = 5;
export const f = remote(class Counter {
  #n = start;
  static made: string;
  static { this.made = "static block"; }
  constructor(private readonly step = 1) {}
  increment(by = this.step) { return (this.#n += by); }
  get size() { return this.#n; }
  static isCounter(x: object) { return #n in x; }
});`) as unknown as {
      new (step?: number): { increment(by?: number): number };
      readonly made: string;
    };

    assertEquals(new Counter(2).increment(), 7);
    assertEquals(Counter.made, "static block");
    assertEquals((Counter as unknown as { name: string }).name, "Counter");
  });

  it("ships a class that extends a class of the module", async () => {
    const Derived = await project.ship(`
class Base { hello() { return "base"; } }
export const f = remote(class extends Base {
  override hello() { return super.hello() + "+"; }
});`) as unknown as new () => { hello(): string };

    assertEquals(new Derived().hello(), "base+");
  });

  it("ships generators, sync and async", async () => {
    const main = await project.driver(`
export const a = remote(function* (n: number) { for (let i = 0; i < n; i++) yield i; });
export const b = remote(async function* () { yield* [1, 2]; });`);
    const seen: number[] = [];
    for await (const item of (await shipped(main["b"]!))()) seen.push(item);

    assertEquals([...(await shipped(main["a"]!))(3)], [0, 1, 2]);
    assertEquals(seen, [1, 2]);
  });

  it("ships an object's method and a static method", async () => {
    const main = await project.driver(`
const tools = { double(x: number) { return 2 * x; } };
class Tools { static triple(x: number) { return 3 * x; } }
export const a = remote(tools.double), b = remote(Tools.triple);`);

    assertEquals((await shipped(main["a"]!))(2), 4);
    assertEquals((await shipped(main["b"]!))(2), 6);
  });

  it("understands syntax that only TypeScript has", async () => {
    project.write("types.ts", "export type Other = 1;");
    const f = await project.ship(`
import type { Remote } from "./nowhere.ts";
import { type Other } from "./types.ts";
interface Options<T extends object = {}> { readonly value: T }
type Name = keyof Options;
declare const ambient: string;
abstract class Shape { abstract area(): number; }
class Square extends Shape {
  constructor(public side: number) { super(); }
  area() { return this.side ** 2; }
}
const settings = { side: 3 } satisfies Record<string, number>;
function assertNumber(x: unknown): asserts x is number {}
export const f = remote(async <T extends Shape>(x: T | number, ...rest: Name[]): Promise<number | Remote | Other> => {
  const side = settings!.side as number;
  assertNumber(x);
  return <number>(new Square(side).area() + x + rest.length);
});`);

    assertEquals(await f(1, "value"), 11);
  });

  it("ships JSX", async () => {
    project.write(
      "page.tsx",
      `/** @jsxRuntime classic */
/** @jsx h */
import { remote } from "./manta/mod.ts";
function h(tag: unknown, props: unknown, ...children: unknown[]) {
  return { tag, props, children };
}
function Part() { return null; }
export const f = remote((name: string) => <Part title={name}><b>{name}</b></Part>);`,
    );
    const { f } = await project.load("page.tsx");
    const page = (await shipped(f!))("x");

    assertEquals(page.props, { title: "x" });
    assertEquals(page.tag.name, "Part");
  });

  it("knows itself and other remote functions by their sites", async () => {
    const main = await project.driver(`
export const leaf = remote((x: number) => x + 1);
export const tree = remote((n: number): unknown => n === 0 ? leaf : tree);`);
    const { reference } = await main["tree"]!.code.bundle();
    const tree = await shipped(main["tree"]!);
    const self = await tree(1).code.bundle();
    const leaf = await tree(0).code.bundle();

    assertEquals(self.reference, reference);
    assertEquals(leaf.reference.hash, reference.hash);
    assertEquals((await shipped(tree(0)))(1), 2);
    assertStrictEquals(await shipped(tree(1)), tree);
  });

  it("knows remote functions that it makes itself", async () => {
    const f = await project.ship(`
const factor = 3;
export const f = remote(() => {
  const inner = remote((x: number) => x * factor);
  return inner;
});`);

    assertEquals((await shipped(f()))(2), 6);
  });

  it("runs registerSerializer of the module with the function", async () => {
    const f = await project.ship(`
class Point { static registered = false; }
registerSerializer(Point, { name: "Point", serialize: (p) => p, deserialize: (p) => p });
export const f = remote(() => Point.registered);`);

    assertEquals(f(), true);
  });

  it("runs modules that register classes with the function", async () => {
    project.write(
      "point.ts",
      `import { registerSerializer } from "./manta/mod.ts";
export class Point { x = 1; static seen = () => globalThis.pointsSeen; }
registerSerializer(Point, { name: "P", serialize: (p) => p, deserialize: (p) => p });
globalThis.pointsSeen = (globalThis.pointsSeen ?? 0) + 1;`,
    );
    const f = await project.ship(`
import { Point } from "./point.ts";
void Point;
export const f = remote((p: Point) => (globalThis as { pointsSeen?: number }).pointsSeen);`);

    assertEquals(f(), 2);
    Reflect.deleteProperty(globalThis, "pointsSeen");
  });

  it("keeps a class whose static block sets what it uses", async () => {
    const f = await project.ship(`
let peek: (box: object) => number;
class Box { #n = 4; static { peek = (box) => (box as Box).#n; } static make = () => new Box(); }
const box = Box.make();
export const f = remote(() => peek(box));`);

    assertEquals(f(), 4);
  });

  it("finds the function behind a wrapper of remote", async () => {
    const main = await project.driver(`
function par<F extends (...args: any[]) => unknown>(fn: F) { return remote(fn); }
const base = 10;
function named(x: number) { return x - base; }
export const a = par((x: number) => x + base);
export const b = par(named);
export const c = ((fn: () => number) => { const made = remote(fn); return made; })(function () { return base; });`);

    assertEquals((await shipped(main["a"]!))(1), 11);
    assertEquals((await shipped(main["b"]!))(1), -9);
    assertEquals((await shipped(main["c"]!))(), 10);
  });

  it("finds the function behind a wrapper in an executor", async () => {
    const f = await project.ship(`
const base = 10;
function par(fn: (x: number) => number) { const made = remote(fn); return [made]; }
export const f = remote(() => par((x: number) => x + base));`);
    const [inner] = f();

    assertEquals((await shipped(inner))(1), 11);
  });

  it("ships a function of another file that this one made remote", async () => {
    project.write("tasks.ts", `export const scale = (x: number) => x * 4;`);
    const f = await project.ship(`
import { scale } from "./tasks.ts";
export const f = remote(scale);`);

    assertEquals(f(2), 8);
  });

  it("has the module's own place in import.meta", async () => {
    const f = await project.ship(
      `export const f = remote(() => [import.meta.url, import.meta.dirname, import.meta.main]);`,
    );
    const [url, folder, isMain] = f();

    assertMatch(url, /^file:.*main\d+\.ts$/);
    assertEquals(folder, project.folder);
    assertEquals(isMain, false);
  });

  it("gives equal texts equal hashes", async () => {
    const main = await project.driver(
      `export const f = remote(() => 1);`,
    );
    const first = await main["f"]!.code.bundle();

    assertMatch(first.reference.hash, /^[0-9a-f]{64}$/);
    assertEquals(first.bundle.hash, first.reference.hash);
    assertStrictEquals(await main["f"]!.code.bundle(), first);
  });
});

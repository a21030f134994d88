import { type ModuleScope, referencesIn } from "../../../runtime/code/scope.ts";
import { analyseScopes } from "../../../runtime/code/scope_builder.ts";
import { parseModule } from "../../../runtime/code/syntax.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

describe("analyseScopes", () => {
  function analyse(text: string, path = "a.ts"): ModuleScope {
    return analyseScopes(parseModule(text, path));
  }

  /** The globals that the text uses, each with the line of its first use. */
  function globals(text: string, path?: string): string[] {
    const names = new Map<string, number>();
    for (const { name, node, binding } of analyse(text, path).references) {
      if (!binding && !names.has(name)) names.set(name, node.loc.start.line);
    }
    return [...names].map(([name, line]) => `${name}:${line}`);
  }

  it("knows every way to declare a name", () => {
    assertEquals(
      globals(`
import a, { b as c, type D } from "x"; import * as e from "y";
import f = require("z");
var [g, { h, i: j = 1, ...k }, ...l] = [];
let m; const n = 1; using o = null;
function p(q, { r } = {}, ...s) { return [q, r, s, arguments, p]; }
class T { static { t; } } enum U { V, W = V } namespace X.Y { export const z = 1; z; }
try {} catch ({ aa }) { aa; } for (const bb of []) bb; for (let cc in {}) cc;
cc2: for (;;) { break cc2; }
(function dd() { dd; }); (class ee { ff = ee; });
void [a, c, e, f, g, h, j, k, l, m, n, o, p, T, U, X];`),
      ["t:7"],
    );
  });

  it("does not take keys, labels and properties for names", () => {
    assertEquals(
      globals(`
const o = { a: 1, b() {}, get c() { return 1; }, [d]: 2, e };
o.f; o?.g; o[h]; class K { i = 1; #j = 2; k() { return this.#j; } [l]() {} }
export { o as m }; export { n } from "n"; export * as p from "p";
const { q: r, [s]: t } = o;`),
      ["d:2", "e:2", "h:3", "l:3", "s:5"],
    );
  });

  it("passes over types", () => {
    assertEquals(
      globals(`
type A = B; interface C extends D<E> { f: G }
declare const h: I; declare function j(k: L): M; declare class N extends O {}
function p<Q extends R>(this: S, s: T, u?: typeof v): asserts s is W {}
const x = y as Z<A1>, x2 = z satisfies B1, x3 = w!, x4 = <C1>v1, x5 = f<D1>;
class E1<F1> extends G1<H1> implements I1 { declare j: K1; private k!: L1; m(): M1; m() {} }
export type { N1 } from "n"; export { type O1 }; type O1 = 1;`),
      ["y:5", "z:5", "w:5", "v1:5", "f:5", "G1:6"],
    );
  });

  it("hoists var and functions, not let and const", () => {
    const module = analyse(`
function outer() {
  use(a, b, c);
  { var a = 1; function b() {} let c = 2; }
}`);
    const found = module.references.filter(({ name }) => /^[abc]$/.test(name));

    assertEquals(found.map(({ name, binding }) => [name, !!binding]), [
      ["a", true],
      ["b", false],
      ["c", false],
    ]);
  });

  it("gives this and private names to what declares them", () => {
    const module = analyse(`
class A {
  #p = this; static s = super.x;
  m() { return () => [this.#p, super.y, new.target, arguments]; }
}
const arrow = () => this;`);
    const bound = module.references.filter(({ binding }) => binding);

    assertEquals(
      bound.map(({ name }) => name),
      ["this", "super", "this", "#p", "super", "new.target", "arguments"],
    );
  });

  it("takes components of JSX for names, tags not", () => {
    assertEquals(
      globals(
        `const page = <A.B c={d} {...e}><f g="h">{i}</f><J /></A.B>;`,
        "a.tsx",
      ),
      ["A:1", "d:1", "e:1", "i:1", "J:1"],
    );
  });

  it("gives the references of a range", () => {
    const text = "a; b; { c; } d;";
    const module = analyse(text);
    const start = text.indexOf("b"), end = text.indexOf("}");

    assertEquals(
      referencesIn(module, { start, end }).map(({ name }) => name),
      ["b", "c"],
    );
  });
});

import { assertEquals, describe, it } from "../../support/harness.ts";
import { signatureIn } from "../../../runtime/code/signature.ts";
import { parseModule, type SyntaxNode } from "../../../runtime/code/syntax.ts";

/** The signature of the first declaration of a module. */
function signature(source: string) {
  const program = parseModule(source, "module.ts");
  const [declaration] = program["body"] as SyntaxNode[];
  const scope = { kind: "module", bindings: new Map() } as never;
  return signatureIn(scope, declaration!);
}

describe("signatureIn()", () => {
  it("counts required, optional and default parameters", () => {
    const of = (parameters: string) =>
      signature(`function f(${parameters}) {}`).call;

    assertEquals(of(""), [0, 0]);
    assertEquals(of("a: number, b: string"), [2, 2]);
    assertEquals(of("a: number, b?: string"), [1, 2]);
    assertEquals(of("a: number, b = 2, { c } = { c: 1 }"), [1, 3]);
    assertEquals(of("a = 1, b: number"), [2, 2]);
    assertEquals(of("this: Date, a: number"), [1, 1]);
  });

  it("sets no upper bound for rest parameters", () => {
    assertEquals(signature("function f(a, ...rest) {}").call, [1, null]);
  });

  it("tells nothing of functions that look at `arguments`", () => {
    assertEquals(
      signature("function f() { return arguments.length; }").call,
      undefined,
    );
  });

  it("tells of a class's constructor and public methods", () => {
    const { call, methods } = signature(`class C {
      constructor(readonly a: number, private b = 1) {}
      method(a: number) {}
      static make(a: number) {}
      get size() { return 1; }
      #hidden(a: number) {}
      *stream(a: number, b?: number) {}
    }`);

    assertEquals(call, [1, 2]);
    assertEquals(methods, { method: [1, 1], stream: [1, 2] });
  });

  it("leaves the constructor open where a class extends another", () => {
    assertEquals(signature("class C extends B {}").call, undefined);
    assertEquals(signature("class C {}").call, [0, 0]);
  });
});

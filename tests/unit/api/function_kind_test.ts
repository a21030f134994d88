// Telling generators apart, and listing the methods of a class.

import {
  assertEquals,
  assertStrictEquals,
  describe,
  it,
} from "../../support/harness.ts";
import { functionKind, methodsOf } from "../../../runtime/api/function_kind.ts";

describe("functionKind()", () => {
  it("knows generators from other functions", () => {
    assertStrictEquals(functionKind(function* () {}), "generator");
    assertStrictEquals(functionKind(async function* () {}), "generator");
    assertStrictEquals(functionKind(() => {}), "plain");
    assertStrictEquals(functionKind(async () => await 1), "plain");
    assertStrictEquals(functionKind({}), "plain");
  });
});

describe("methodsOf()", () => {
  it("lists methods with inherited ones, no getters and no fields", () => {
    class Base {
      shared() {}
      replaced() {}
      get hidden() {
        throw new Error("A getter must not run");
      }
    }
    class Child extends Base {
      static make() {}
      field = () => {};
      own() {}
      async later() {
        await Promise.resolve();
      }
      #secret() {}
      override replaced() {
        this.#secret();
      }
    }
    const methods = methodsOf(Child);

    assertEquals(
      [...methods.keys()].sort(),
      ["later", "own", "replaced", "shared"],
    );
    assertStrictEquals(methods.get("replaced"), Child.prototype.replaced);
  });
});

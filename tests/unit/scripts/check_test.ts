// The rules of the house, each on a small project that breaks it: a rule that
// finds nothing any more is worse than none.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkImports } from "../../../scripts/check/import_rules.ts";
import { checkNames } from "../../../scripts/check/name_rules.ts";
import { checkProtocolPage } from "../../../scripts/check/protocol_page.ts";
import { checkPublicDocs } from "../../../scripts/check/public_docs.ts";
import { checkSizes } from "../../../scripts/check/size_rules.ts";
import { loadProject, type Rule } from "../../../scripts/check/source_file.ts";
import { checkSyntax } from "../../../scripts/check/syntax_rules.ts";
import { assertEquals, describe, it } from "../../support/harness.ts";

/** What the rules find in a project of these files, as `path: message`. */
function findingsIn(
  rules: readonly Rule[],
  files: Readonly<Record<string, string>>,
): string[] {
  const root = mkdtempSync(join(tmpdir(), "manta-check-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
    const project = loadProject(root);
    return [...project.broken, ...rules.flatMap((rule) => rule(project))]
      .map(({ path, message }) => `${path}: ${message}`);
  } finally {
    rmSync(root, { recursive: true });
  }
}

describe("checkImports", () => {
  it("finds an import against the direction, types included", () => {
    const found = findingsIn(checkImports, {
      "mod.ts": 'import "./runtime/owner/a.ts";',
      "runtime/owner/a.ts": 'import type { B } from "../scheduler/b.ts";',
      "runtime/scheduler/b.ts": 'export type B = import("../init.ts").C;',
      "runtime/init.ts": "export type C = 1;",
    });

    assertEquals(found, [
      "runtime/owner/a.ts: owner must not import scheduler " +
      "(runtime/scheduler/b.ts)",
      "runtime/scheduler/b.ts: scheduler must not import wiring " +
      "(runtime/init.ts)",
    ]);
  });

  it("finds a cycle through type-only imports", () => {
    const found = findingsIn(checkImports, {
      "mod.ts": 'import "./runtime/base/a.ts";',
      "runtime/base/a.ts":
        'import type { B } from "./b.ts"; export type A = B;',
      "runtime/base/b.ts":
        'import type { A } from "./a.ts"; export type B = A;',
    });

    assertEquals(found.length, 1);
    assertEquals(
      found[0],
      "runtime/base/a.ts: import cycle: runtime/base/a.ts -> " +
        "runtime/base/b.ts -> runtime/base/a.ts",
    );
  });

  it("finds files that nothing, or only tests, use", () => {
    const found = findingsIn(checkImports, {
      "mod.ts": 'new URL("./runtime/thread.ts", import.meta.url);',
      "runtime/thread.ts": "",
      "runtime/lost.ts": "",
      "runtime/tested.ts": "",
      "tests/unit/a_test.ts": 'import "../../runtime/tested.ts";',
    });

    assertEquals(found, [
      "runtime/lost.ts: nothing imports this file",
      "runtime/tested.ts: only tests import this file",
    ]);
  });

  it("finds the package that brings the native addon", () => {
    const found = findingsIn(checkImports, {
      "mod.ts": 'import "cbor-x";\nimport "cbor-x/encode"; // "cbor-x"',
    });

    assertEquals(found.length, 1);
  });
});

describe("checkSyntax", () => {
  it("finds runtime names outside platform/, in code only", () => {
    const found = findingsIn(checkSyntax, {
      "runtime/a.ts": 'Deno.exit(); // Bun\nconst x = "Bun"; x.Deno;',
      "runtime/b.ts": 'import "bun:ffi"; globalThis.Bun;',
      "runtime/platform/c.ts": "Bun.gc();",
    });

    assertEquals(found, [
      "runtime/a.ts: Deno is named outside platform/",
      'runtime/b.ts: "bun:ffi" outside platform/',
      "runtime/b.ts: Bun is named outside platform/",
    ]);
  });

  it("finds clocks, timers and chance in pure parts", () => {
    const found = findingsIn(checkSyntax, {
      "runtime/scheduler/a.ts":
        "Date.now(); setTimeout(f, 1); new Date(0); new Date();",
      "runtime/executor/b.ts": "Date.now();",
    });

    assertEquals(found.length, 3);
  });

  it("finds any, enum, default exports, private and top-level arrows", () => {
    const found = findingsIn(checkSyntax, {
      "lib/a.ts": [
        "let x: any;",
        "enum E { A }",
        "export default x;",
        "class A { private y = 1; #z = 2; }",
        "const f = () => 1;",
        "[1].map(() => 2);",
      ].join("\n"),
    });

    assertEquals(found.length, 5);
  });

  it("finds what somebody left behind", () => {
    const found = findingsIn(checkSyntax, {
      "runtime/a.ts": "debugger; console.log(1); // TODO: x\n// TODO(#3): y",
      "tests/unit/a_test.ts": 'it.only("a", () => {}); console.log(1);',
    });

    assertEquals(found.length, 4);
  });
});

describe("checkNames", () => {
  it("finds words that say nothing in declarations only", () => {
    const found = findingsIn(checkNames, {
      "runtime/queue_helper.ts": "",
      "runtime/BadName.ts": "",
      "runtime/a.ts": [
        "function processTask({ data: bytes }, info) {}",
        "class LinkManager { handle() {} }",
        "export interface NodeInfo { data: 1 }",
        "event.data; process.exit();",
      ].join("\n"),
    });

    assertEquals(found, [
      "runtime/BadName.ts: file name is not snake_case",
      'runtime/queue_helper.ts: file name has "helper"',
      'runtime/a.ts: "processTask" uses "process" as a verb: say what it does',
      'runtime/a.ts: "info" has the word "info", which says nothing',
      'runtime/a.ts: "LinkManager" has the word "manager", which says nothing',
    ]);
  });
});

describe("checkSizes", () => {
  it("finds long files and functions and missing openings", () => {
    const opening = "// What it is.\n// What it must not do.\n";
    const found = findingsIn(checkSizes, {
      "runtime/a.ts": `${opening}function f() {${"\n".repeat(70)}}`,
      "runtime/b.ts": `${opening}${"f();\n".repeat(499)}`,
      "runtime/c.ts": "// Too little.\nf();",
      "tests/unit/a_test.ts": `describe("a", () => {${"\n".repeat(300)}});`,
    });

    assertEquals(found, [
      "runtime/b.ts: the file has 501 lines, the limit is 500",
      "runtime/a.ts: the function has 71 lines, the limit is 70",
      "runtime/c.ts: the file opens with 1 lines of comment, " +
      "2 to 6 are wanted",
    ]);
  });
});

describe("checkPublicDocs", () => {
  it("finds what can be reached without documentation", () => {
    const found = findingsIn(checkPublicDocs, {
      "mod.ts": [
        "/** @module */",
        'export { bare, half as better } from "./runtime/api/a.ts";',
        'export type { Shape } from "./runtime/api/a.ts";',
      ].join("\n"),
      "runtime/api/a.ts": [
        "export function bare() {}",
        "/** Says what, shows nothing. */",
        "export function half() {}",
        "/** A shape. */",
        "export interface Shape { side: number; /** So big. */ area: number }",
        "export function hidden() {}",
      ].join("\n"),
    });

    assertEquals(found, [
      "runtime/api/a.ts: bare has no JSDoc",
      "runtime/api/a.ts: half has no @example with code",
      "runtime/api/a.ts: Shape.side has no JSDoc",
    ]);
  });
});

describe("checkProtocolPage", () => {
  it("finds messages that the page does not name", () => {
    const found = findingsIn(checkProtocolPage, {
      "docs/protocol.md": "`task_push` sends a task.",
      "runtime/protocol/messages.ts":
        'export interface A { readonly type: "task_push" }\n' +
        'export type B = { readonly type: "task_pull" | "task_drop" };',
      "runtime/other.ts": 'export interface C { readonly type: "other" }',
    });

    assertEquals(found, [
      'runtime/protocol/messages.ts: docs/protocol.md does not name "task_pull"',
      'runtime/protocol/messages.ts: docs/protocol.md does not name "task_drop"',
    ]);
  });
});

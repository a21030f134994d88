// What may be written where: runtime globals only in platform/, no clock, timer
// or chance in pure parts, never `any`, no leftovers of somebody's debugging.

import {
  at,
  type Finding,
  isNode,
  nameOf,
  type Project,
  type Rule,
  type SourceFile,
  type SyntaxNode,
  walk,
} from "./source_file.ts";

/** Parts whose state machines are pure: time and chance come in from outside. */
const PURE_FOLDERS = [
  "runtime/scheduler/",
  "runtime/owner/",
  "runtime/control/",
];
const IMPURE_CALLS = new Set([
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "Date.now",
  "performance.now",
  "Math.random",
  "crypto.randomUUID",
  "crypto.getRandomValues",
  "fetch",
]);
/** Where `Deno` and `Bun` may be named. */
const PLATFORM_FOLDERS = ["runtime/platform/", "tests/", "scripts/"];
/** Where printing is the point. */
const PRINTING_FOLDERS = ["cli/", "bench/", "examples/", "scripts/", "tests/"];
const DEBUG_PRINTS = new Set(["console.log", "console.debug", "console.dir"]);

/** The rules of this file. */
export const checkSyntax: readonly Rule[] = [checkNodes, checkComments];

function checkNodes(project: Project): Finding[] {
  const findings: Finding[] = [];
  for (const file of project.files.values()) {
    walk(file.program, (node, ancestors) => {
      for (const check of CHECKS) {
        const message = check(file, node, ancestors);
        if (message !== undefined) findings.push(at(file, node, message));
      }
    });
  }
  return findings;
}

type NodeCheck = (
  file: SourceFile,
  node: SyntaxNode,
  ancestors: readonly SyntaxNode[],
) => string | undefined;

const CHECKS: readonly NodeCheck[] = [
  checkRuntimeGlobal,
  checkPurity,
  checkShape,
  checkTopLevelArrow,
  checkLeftover,
];

function checkRuntimeGlobal(
  file: SourceFile,
  node: SyntaxNode,
  ancestors: readonly SyntaxNode[],
): string | undefined {
  if (isIn(file, PLATFORM_FOLDERS)) return undefined;
  const name = nameOf(node);
  if (node.type === "StringLiteral") {
    return name?.startsWith("bun:") ? `"${name}" outside platform/` : undefined;
  }
  if (name !== "Deno" && name !== "Bun") return undefined;
  const parent = ancestors.at(-1);
  const isMember = parent?.type === "MemberExpression" &&
    parent.property === node && parent.computed === false &&
    nameOf(parent.object) !== "globalThis";
  return isMember ? undefined : `${name} is named outside platform/`;
}

function checkPurity(file: SourceFile, node: SyntaxNode): string | undefined {
  if (!isIn(file, PURE_FOLDERS)) return undefined;
  if (node.type === "CallExpression") {
    const called = dottedName(node.callee);
    if (called !== undefined && IMPURE_CALLS.has(called)) {
      return `${called}() in a pure part: have it handed in`;
    }
  }
  if (node.type === "NewExpression" && nameOf(node.callee) === "Date") {
    const isNow = Array.isArray(node.arguments) && node.arguments.length === 0;
    if (isNow) return "new Date() in a pure part: have the time handed in";
  }
}

function checkShape(file: SourceFile, node: SyntaxNode): string | undefined {
  switch (node.type) {
    case "TSAnyKeyword":
      return "any: use unknown and narrow it";
    case "TSEnumDeclaration":
      return "enum: use a union of literals";
    case "TSModuleDeclaration":
      return isIn(file, ["tests/types/"]) ? undefined : "namespace: use a file";
    case "ExportDefaultDeclaration":
      return "default export: name it";
    case "ClassProperty":
    case "ClassMethod":
      if (node.kind === "constructor") return undefined;
      return node.accessibility === "private" || node.accessibility === "public"
        ? `${node.accessibility}: use #private names, or nothing`
        : undefined;
    default:
      return undefined;
  }
}

function checkTopLevelArrow(
  file: SourceFile,
  node: SyntaxNode,
  ancestors: readonly SyntaxNode[],
): string | undefined {
  if (node.type !== "ArrowFunctionExpression") return undefined;
  if (isIn(file, ["tests/"])) return undefined;
  const [declarator, declaration, parent, program] = [...ancestors].reverse();
  if (declarator?.type !== "VariableDeclarator") return undefined;
  const isTop = parent?.type === "Program" ||
    (parent?.type === "ExportNamedDeclaration" && program?.type === "Program");
  return isTop && declaration?.type === "VariableDeclaration"
    ? "arrow function at top level: write `function`"
    : undefined;
}

function checkLeftover(file: SourceFile, node: SyntaxNode): string | undefined {
  if (node.type === "DebuggerStatement") return "a debugger statement is left";
  if (node.type !== "CallExpression") return undefined;
  const called = dottedName(node.callee);
  if (called === undefined) return undefined;
  if (/^(it|describe)\.(only|skip)$/.test(called)) return `${called} is left`;
  if (!DEBUG_PRINTS.has(called) || isIn(file, PRINTING_FOLDERS)) {
    return undefined;
  }
  return `${called}() is left`;
}

function checkComments(project: Project): Finding[] {
  const findings: Finding[] = [];
  for (const file of project.files.values()) {
    for (const comment of file.comments) {
      const mark = /\b(TODO(?!\(#\d+\):)|FIXME|XXX|HACK)\b/.exec(comment.value);
      if (mark === null) continue;
      findings.push(at(file, comment, `${mark[0]} is left: file an issue`));
    }
  }
  return findings;
}

/** `a.b` for a member of a plain name, `a` for a plain name. */
function dottedName(node: unknown): string | undefined {
  if (!isNode(node)) return undefined;
  if (node.type !== "MemberExpression") return nameOf(node);
  const object = nameOf(node.object);
  const property = nameOf(node.property);
  return object && property ? `${object}.${property}` : undefined;
}

function isIn(file: SourceFile, folders: readonly string[]): boolean {
  return folders.some((folder) => file.path.startsWith(folder));
}

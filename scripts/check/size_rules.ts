// How long a file and a function may be, and that each file opens by saying what
// it is. The numbers are the hard limits; the aims lie below.

import {
  at,
  type Comment,
  type Finding,
  isNode,
  nameOf,
  type Project,
  type Rule,
  type SourceFile,
  type SyntaxNode,
  walk,
} from "./source_file.ts";

const FILE_LINES_MAX = 500;
const LIMITS = "runtime/base/limits.ts";
const TEST_FILE_LINES_MAX = 800;
const FUNCTION_LINES_MAX = 70;
const OPENING_LINES_MIN = 2;
const OPENING_LINES_MAX = 6;

/** The rules of this file. */
export const checkSizes: readonly Rule[] = [
  checkFileLengths,
  checkFunctionLengths,
  checkOpenings,
];

function checkFileLengths(project: Project): Finding[] {
  return [...project.files.values()].flatMap((file) => {
    // Every bound has its line in this one file.
    if (file.path === LIMITS) return [];
    const max = isTest(file) ? TEST_FILE_LINES_MAX : FILE_LINES_MAX;
    if (file.lineCount <= max) return [];
    const message = `the file has ${file.lineCount} lines, the limit is ${max}`;
    return [{ path: file.path, line: 1, message }];
  });
}

function checkFunctionLengths(project: Project): Finding[] {
  const findings: Finding[] = [];
  for (const file of project.files.values()) {
    walk(file.program, (node, ancestors) => {
      if (!isFunction(node) || isSuite(ancestors.at(-1))) return;
      const lines = node.loc.end.line - node.loc.start.line + 1;
      if (lines <= FUNCTION_LINES_MAX) return;
      findings.push(
        at(
          file,
          node,
          `the function has ${lines} lines, the limit is ${FUNCTION_LINES_MAX}`,
        ),
      );
    });
  }
  return findings;
}

function checkOpenings(project: Project): Finding[] {
  const findings: Finding[] = [];
  for (const file of project.files.values()) {
    if (isTest(file) || file.path.startsWith("examples/")) continue;
    const lines = openingLines(file.comments);
    if (lines >= OPENING_LINES_MIN && lines <= OPENING_LINES_MAX) continue;
    if (file.comments[0]?.value.includes("@module")) continue;
    const message = `the file opens with ${lines} lines of comment, ` +
      `${OPENING_LINES_MIN} to ${OPENING_LINES_MAX} are wanted`;
    findings.push({ path: file.path, line: 1, message });
  }
  return findings;
}

/** Lines of comment from the first line of the file on. */
function openingLines(comments: readonly Comment[]): number {
  let next = 1;
  for (const { loc } of comments) {
    const isShebang = next === 1 && loc.start.line === 2;
    if (loc.start.line !== next && !isShebang) break;
    next = loc.end.line + 1;
  }
  return next - 1;
}

function isTest(file: SourceFile): boolean {
  return file.path.startsWith("tests/");
}

function isFunction(node: SyntaxNode): boolean {
  return /^(Function(Declaration|Expression)|ArrowFunctionExpression|(Object|Class|ClassPrivate)Method)$/
    .test(node.type);
}

/** Whether a call is `describe(...)`: its callback is a list, not a function. */
function isSuite(node: SyntaxNode | undefined): boolean {
  return node?.type === "CallExpression" && isNode(node.callee) &&
    nameOf(node.callee) === "describe";
}

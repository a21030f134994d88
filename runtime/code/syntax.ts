// Parses a user's TypeScript or JavaScript with the original positions kept.
// The one place that knows the parser; what it gives out are plain syntax
// nodes. Never runs or changes the text.

import { parse, parseExpression, type ParserOptions } from "@babel/parser";
import { CaptureError } from "../base/errors.ts";

/** A node of the syntax tree; offsets count UTF-16 units from 0. */
export interface SyntaxNode {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly loc: { readonly start: SyntaxPosition };
  readonly [key: string]: unknown;
}

/** A place in a file: lines count from 1, columns from 0. */
export interface SyntaxPosition {
  readonly line: number;
  readonly column: number;
}

/** The `Program` node of the text; `path` decides the dialect. */
export function parseModule(text: string, path: string): SyntaxNode {
  try {
    const file = parse(text, parserOptions(path)) as unknown as SyntaxNode;
    const fatal = (file["errors"] as SyntaxFailure[] | undefined)?.find(
      (error) => error.code === "BABEL_PARSER_SYNTAX_ERROR" && isFatal(error),
    );
    if (fatal) throw fatal;
    return file["program"] as SyntaxNode;
  } catch (error) {
    throw parseFailure(error, path);
  }
}

/** The expression that a function's `toString` shows, if it is source text. */
export function parseFunctionText(text: string): SyntaxNode | undefined {
  const options = parserOptions("function.tsx");
  const whole = tryExpression(`(${text}\n)`, options);
  if (whole) return whole;
  const object = tryExpression(`({${text}\n})`, options);
  return object && children(object, "properties")[0];
}

/** The named child, if it is a node. */
export function child(node: SyntaxNode, key: string): SyntaxNode | undefined {
  const value = node[key];
  return isNode(value) ? value : undefined;
}

/** The named list of children; holes of array patterns are left out. */
export function children(node: SyntaxNode, key: string): SyntaxNode[] {
  const value = node[key];
  return Array.isArray(value) ? value.filter(isNode) : [];
}

/** The named text, such as an identifier's `name`. */
export function textOf(node: SyntaxNode | undefined, key: string): string {
  const value = node?.[key];
  return typeof value === "string" ? value : "";
}

/** Whether a value found in the tree is a node. */
export function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value &&
    typeof value.type === "string";
}

/** The expression inside `as`, `satisfies`, `!`, `<T>` and parentheses. */
export function unwrap(node: SyntaxNode): SyntaxNode {
  let inner = node;
  while (TYPE_WRAPPERS.has(inner.type)) {
    const next = child(inner, "expression");
    if (!next) break;
    inner = next;
  }
  return inner;
}

/** Calls `visit` for the node and all below it, in source order. */
export function walk(
  node: SyntaxNode,
  visit: (node: SyntaxNode) => void,
): void {
  visit(node);
  forEachChild(node, (inner) => walk(inner, visit));
}

/** Calls `visit` for each direct child, in the order of the source. */
export function forEachChild(
  node: SyntaxNode,
  visit: (node: SyntaxNode) => void,
): void {
  for (const key in node) {
    if (key === "loc" || key === "extra" || key === "errors") continue;
    const value = node[key];
    if (Array.isArray(value)) {
      for (const item of value) if (isNode(item)) visit(item);
    } else if (isNode(value)) visit(value);
  }
}

/** Nodes that only add a type to the expression within. */
export const TYPE_WRAPPERS: ReadonlySet<string> = new Set([
  "TSAsExpression",
  "TSSatisfiesExpression",
  "TSNonNullExpression",
  "TSTypeAssertion",
  "TSInstantiationExpression",
  "ParenthesizedExpression",
]);

/** Whether the node is a function, not a method, or a class. */
export function isFunctionNode(node: SyntaxNode): boolean {
  return FUNCTION_TYPES.has(node.type);
}

const FUNCTION_TYPES: ReadonlySet<string> = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "ClassDeclaration",
  "ClassExpression",
]);

interface SyntaxFailure {
  readonly message: string;
  readonly code?: string;
  readonly reasonCode?: string;
  readonly loc?: SyntaxPosition;
}

/** The runtime has accepted the file: its rules count, not the parser's. */
function isFatal(error: SyntaxFailure): boolean {
  return error.reasonCode === "UnexpectedToken" ||
    error.reasonCode === "MissingSemicolon";
}

function parserOptions(path: string): ParserOptions {
  const isTypeScript = !/\.[cm]?jsx?$/.test(path);
  const isPlainTypeScript = /\.[cm]?ts$/.test(path);
  const plugins: NonNullable<ParserOptions["plugins"]> = [
    "decorators",
    "decoratorAutoAccessors",
    "deferredImportEvaluation",
    "sourcePhaseImports",
  ];
  if (isTypeScript) plugins.push("typescript");
  if (!isPlainTypeScript) plugins.push("jsx");
  return {
    sourceType: path.endsWith(".cjs") ? "unambiguous" : "module",
    plugins,
    errorRecovery: true,
    attachComment: false,
    allowReturnOutsideFunction: true,
    allowUndeclaredExports: true,
  };
}

/** A method's text is no expression: the caller then tries another form. */
function tryExpression(
  text: string,
  options: ParserOptions,
): SyntaxNode | undefined {
  try {
    return parseExpression(text, options) as unknown as SyntaxNode;
  } catch {
    return undefined;
  }
}

function parseFailure(error: unknown, path: string): CaptureError {
  const failure = error as SyntaxFailure;
  const line = failure.loc?.line ?? 0;
  const reason = failure.message.replace(/ \(\d+:\d+\)$/, "");
  return new CaptureError(
    `Cannot read "${path}:${line}" to ship code from it: ${reason}. ` +
      `Correct the syntax and start the driver again`,
    { cause: error, details: { captures: [], file: path, line } },
  );
}

/** The value of a JSON text that may have comments and trailing commas. */
export function parseLiteral(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const node = tryExpression(`(${text}\n)`, parserOptions("settings.js"));
    return node && literalValue(node);
  }
}

function literalValue(node: SyntaxNode): unknown {
  switch (node.type) {
    case "ObjectExpression":
      return Object.fromEntries(
        children(node, "properties").map((property) => {
          const value = child(property, "value");
          const key = textOf(child(property, "key"), "value");
          return [key, value && literalValue(value)];
        }),
      );
    case "ArrayExpression":
      return children(node, "elements").map(literalValue);
    default:
      return node["value"];
  }
}

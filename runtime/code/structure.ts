// Whether two functions are the same one, by their syntax: what a runtime
// prints for a function has lost its types, its comments and its layout. Bun
// also folds constants into it, so there is a second, looser comparison.

import {
  child,
  forEachChild,
  type SyntaxNode,
  textOf,
  unwrap,
  walk,
} from "./syntax.ts";

/** The functions among the candidates whose syntax is that of `printed`. */
export function sameFunctions<T extends { readonly node: SyntaxNode }>(
  printed: SyntaxNode,
  candidates: readonly T[],
): T[] {
  const wanted = fingerprint(printed);
  return candidates.filter(({ node }) =>
    mayBe(printed, node) && fingerprint(node) === wanted
  );
}

/**
 * The functions that a runtime may have printed as `printed` after putting
 * values in the place of names; only `constants` can have gone that way.
 */
export function foldedFunctions<T extends { readonly node: SyntaxNode }>(
  printed: SyntaxNode,
  candidates: readonly T[],
  constants: ReadonlySet<string>,
): T[] {
  const wanted = nameCounts(printed);
  return candidates.filter(({ node }) =>
    mayBe(printed, node) && mayFold(node, wanted, constants)
  );
}

/**
 * Whether a function's text may be the one that was printed. JSX is printed
 * as calls, so nothing can be said about it.
 */
export function mayHaveBeen(printed: SyntaxNode, node: SyntaxNode): boolean {
  if (!mayBe(printed, node)) return false;
  if (fingerprint(node).includes("JSX")) return true;
  const has = nameCounts(node);
  return [...nameCounts(printed).keys()].every((name) => has.has(name));
}

/** Whether two functions agree in what no runtime changes. */
export function mayBe(a: SyntaxNode, b: SyntaxNode): boolean {
  if (formOf(a) !== formOf(b)) return false;
  if (a["async"] !== b["async"] || a["generator"] !== b["generator"]) {
    return false;
  }
  if (formOf(a) === "class") return nameOf(a) === nameOf(b) || !nameOf(b);
  const key = formOf(a) === "method" ? "key" : "id";
  if (nameOf(a, key) !== nameOf(b, key)) return false;
  return paramCount(a) === paramCount(b);
}

/** The syntax as text, without types, positions and comments. */
export function fingerprint(node: SyntaxNode): string {
  const parts: string[] = [];
  collect(node, (part) => parts.push(part));
  return parts.join(" ");
}

function formOf(node: SyntaxNode): string {
  switch (node.type) {
    case "ArrowFunctionExpression":
      return "arrow";
    case "ClassDeclaration":
    case "ClassExpression":
      return "class";
    case "FunctionDeclaration":
    case "FunctionExpression":
      return "function";
    default:
      return "method";
  }
}

function nameOf(node: SyntaxNode, key = "id"): string {
  return textOf(child(node, key), "name");
}

function paramCount(node: SyntaxNode): number {
  const params = (node["params"] ?? []) as SyntaxNode[];
  return params.filter((param) => param["name"] !== "this").length;
}

/** Syntax of constants that a runtime may have replaced by its value. */
const FOLDABLE = /Binary|Unary|Template|Conditional|IfStatement|Logical/;

/** Runtimes take names away; they add none. */
function mayFold(
  node: SyntaxNode,
  wanted: ReadonlyMap<string, number>,
  constants: ReadonlySet<string>,
): boolean {
  const has = nameCounts(node);
  const locals = variableNames(node);
  for (const [name, count] of wanted) {
    if ((has.get(name) ?? 0) < count) return false;
  }
  let gone = 0;
  for (const [name, count] of has) {
    if (count === wanted.get(name)) continue;
    if (!constants.has(name) && !locals.has(name)) return false;
    gone++;
  }
  return gone > 0 || FOLDABLE.test(fingerprint(node));
}

/** Variables that a runtime may replace by what they are set to. */
function variableNames(node: SyntaxNode): Set<string> {
  const names = new Set<string>();
  walk(node, (inner) => {
    if (inner.type === "VariableDeclarator") names.add(nameOf(inner));
  });
  return names;
}

/** Marks a name among the parts of a fingerprint. */
const NAME = "name:";

function nameCounts(node: SyntaxNode): Map<string, number> {
  const counts = new Map<string, number>();
  collect(node, (part) => {
    if (!part.startsWith(NAME)) return;
    const name = part.slice(NAME.length);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  });
  return counts;
}

function collect(outer: SyntaxNode, emit: (part: string) => void): void {
  const node = unwrap(outer);
  if (node.type.startsWith("TS") && node.type !== "TSParameterProperty") {
    return;
  }
  const isFunction = node.type === "FunctionDeclaration" ||
    node.type === "FunctionExpression";
  emit(isFunction ? "Function" : node.type.replace(/^Class\w+ion$/, "Class"));
  for (const key of ["name", "operator", "value", "async", "generator"]) {
    const value = node[key];
    if (typeof value === "string" || typeof value === "number") {
      emit(key === "name" ? NAME + value : JSON.stringify(value));
    } else if (value === true) emit(key);
  }
  forEachChild(node, (inner) => collect(inner, emit));
}

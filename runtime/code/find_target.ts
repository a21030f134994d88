// Finds the function or class that a `remote(…)` call was given, as an
// expression in the source: by the place of the call, or, where the call does
// not show it (`par(fn)` that calls `remote(fn)`), by comparing what the
// runtime prints for the function with the functions in the source.

import { CaptureError } from "../base/errors.ts";
import { type CallSite, mainFile, type SiteFrame } from "./call_site.ts";
import { type ModuleSyntax, moduleSyntax } from "./module_syntax.ts";
import {
  type Binding,
  type Call,
  freeReferences,
  lookUp,
  type Scope,
} from "./scope.ts";
import {
  foldedFunctions,
  mayBe,
  mayHaveBeen,
  sameFunctions,
} from "./structure.ts";
import { changedError } from "./source_file.ts";
import {
  child,
  children,
  isFunctionNode,
  parseFunctionText,
  type SyntaxNode,
  textOf,
  unwrap,
  walk,
} from "./syntax.ts";

/** The expression to ship, in the module that has it. */
export interface Target {
  readonly module: ModuleSyntax;
  readonly expression: SyntaxNode;
  readonly scope: Scope;
  /** The declaration that the expression names. */
  readonly root?: Binding;
}

// deno-lint-ignore ban-types -- Classes are functions, too, and not callable.
type AnyFunction = Function;

/**
 * Finds what to ship for a function that was made remote at a site;
 * `undefined` if no source on the stack has it.
 *
 * @throws {CaptureError} If several functions of the source may be it.
 */
export function findTarget(
  site: CallSite,
  fn: AnyFunction,
): Target | undefined {
  const printed = parseFunctionText(Function.prototype.toString.call(fn));
  for (const frame of site.frames) {
    const target = targetAtFrame(frame, fn, printed);
    if (!target) continue;
    if (printed) requireSameVersion(target, printed);
    return target;
  }
  return targetByStructure(site, fn, printed);
}

/** What was written after this process began may not be what it runs. */
function requireSameVersion(target: Target, printed: SyntaxNode): void {
  const { file } = target.module;
  if (file.modifiedAtMs <= performance.timeOrigin) return;
  const node = functionNodeOf(target.expression, target.scope);
  if (!node || mayHaveBeen(printed, node)) return;
  throw changedError(file.path);
}

/** What an argument of a `remote(…)` call stands for, if the text shows it. */
export function resolveArgument(
  module: ModuleSyntax,
  argument: SyntaxNode,
  scope: Scope,
): Target | undefined {
  const expression = unwrap(argument);
  if (isFunctionNode(expression)) return { module, expression, scope };
  if (expression.type === "Identifier") {
    return resolveName(module, expression, scope);
  }
  if (expression.type === "MemberExpression" && !expression["computed"]) {
    const root = memberRoot(expression);
    if (root?.type !== "Identifier") return undefined;
    const binding = lookUp(scope, textOf(root, "name"));
    const isShared = binding === undefined || binding.scope.kind === "module";
    return isShared ? { module, expression, scope } : undefined;
  }
  return undefined;
}

/** The function or class node that the expression leads to, if one does. */
export function functionNodeOf(
  expression: SyntaxNode,
  scope: Scope,
): SyntaxNode | undefined {
  if (isFunctionNode(expression)) return expression;
  if (expression.type !== "Identifier") return undefined;
  const node = lookUp(scope, textOf(expression, "name"))?.node;
  if (!node) return undefined;
  if (isFunctionNode(node)) return node;
  const init = node.type === "VariableDeclarator" && child(node, "init");
  return init && isFunctionNode(unwrap(init)) ? unwrap(init) : undefined;
}

function resolveName(
  module: ModuleSyntax,
  expression: SyntaxNode,
  scope: Scope,
): Target | undefined {
  const binding = lookUp(scope, textOf(expression, "name"));
  if (!binding) return { module, expression, scope };
  const target = { module, expression, scope, root: binding };
  if (binding.scope.kind === "module") return target;
  if (binding.kind === "let" || binding.kind === "var") return undefined;
  return functionNodeOf(expression, scope) ? target : undefined;
}

function targetAtFrame(
  frame: SiteFrame,
  fn: AnyFunction,
  printed: SyntaxNode | undefined,
): Target | undefined {
  const module = moduleSyntax(frame.file);
  for (const call of callsAt(module, frame)) {
    const isDirect = calleeName(call) === "remote";
    for (const argument of children(call.node, "arguments").reverse()) {
      const target = resolveArgument(module, argument, call.scope);
      if (!target) continue;
      const fits = isDirect
        ? isLikely(target, printed)
        : isSame(target, fn, printed);
      if (fits) return target;
    }
  }
  return undefined;
}

/** The call is `remote` itself: its argument only has to look alike. */
function isLikely(target: Target, printed: SyntaxNode | undefined): boolean {
  const node = functionNodeOf(target.expression, target.scope);
  return !node || !printed || mayBe(printed, node);
}

/** The call is some function that calls `remote`: the text has to agree. */
function isSame(
  { module, expression, scope }: Target,
  fn: AnyFunction,
  printed: SyntaxNode | undefined,
): boolean {
  const node = functionNodeOf(expression, scope);
  if (!node) {
    const name = textOf(expression, "name");
    return name === fn.name && lookUp(scope, name)?.kind === "import";
  }
  if (printed === undefined) return false;
  const constants = constantNames(module);
  return sameFunctions(printed, [{ node }]).length > 0 ||
    foldedFunctions(printed, [{ node }], constants).length > 0;
}

/** The callee's name, or, of an import, the name it was exported under. */
function calleeName({ node, scope }: Call): string {
  const callee = child(node, "callee");
  if (!callee) return "";
  if (callee.type !== "Identifier") {
    return textOf(child(callee, "property"), "name");
  }
  const name = textOf(callee, "name");
  const imported = lookUp(scope, name)?.node;
  return textOf(imported && child(imported, "imported"), "name") || name;
}

/** The calls at a place: at its very column first, then the line's others. */
function callsAt(module: ModuleSyntax, frame: SiteFrame) {
  const column = frame.column - 1;
  const distance = (node: SyntaxNode) =>
    Math.abs(anchorOf(node).column - column);
  const onLine = module.calls.filter(({ node }) =>
    anchorOf(node).line === frame.line
  );
  onLine.sort((a, b) => distance(a.node) - distance(b.node));
  const exact = onLine.filter(({ node }) => distance(node) === 0);
  return exact.length > 0 ? exact : onLine;
}

/** What runtimes give as the place of a call: the last name of the callee. */
function anchorOf(call: SyntaxNode) {
  const callee = child(call, "callee");
  return (callee && child(callee, "property") || callee || call).loc.start;
}

function targetByStructure(
  site: CallSite,
  fn: AnyFunction,
  printed: SyntaxNode | undefined,
): Target | undefined {
  const matches = printed ? matchesByStructure(site, printed) : [];
  const [first, ...others] = matches;
  if (!first || others.every((other) => isInterchangeable(first, other))) {
    return first;
  }
  throw new CaptureError(
    `Cannot ship ${describeFunction(fn)}: ${matches.length} functions of its ` +
      `module look like it. Write it as the argument of remote(), or give it ` +
      `a name`,
    { details: { captures: [] } },
  );
}

/** The error for a function that no source has. */
export function sourceNotFound(site: CallSite, fn: AnyFunction): CaptureError {
  const where = site.frames[0];
  if (where && where.file.modifiedAtMs > performance.timeOrigin) {
    return changedError(where.file.path);
  }
  return new CaptureError(
    `Cannot ship ${describeFunction(fn)}: its source is not available` +
      (where ? ` (remote() called at ${where.file.path}:${where.line})` : "") +
      `. Pass remote() a function or class that is written in a file`,
    { details: { captures: [] } },
  );
}

/** A function's name for a message. */
export function describeFunction(fn: AnyFunction): string {
  return fn.name === "" ? "the function" : `"${fn.name}"`;
}

/**
 * The functions on the stack's modules that may be it: what is known to be
 * made remote first, and equal syntax before what may have been folded.
 */
function matchesByStructure(site: CallSite, printed: SyntaxNode): Target[] {
  const modules = sourceModules(site);
  const sources = [
    ...modules.map((module) => ({ module, calls: remoteArguments(module) })),
    ...modules.map((module) => ({ module, calls: module.functions })),
  ];
  for (const find of [sameFunctions, foldedFunctions]) {
    for (const { module, calls } of sources) {
      const found = find(printed, calls, constantNames(module));
      if (found.length > 0) {
        return found.map((call) => declaredTarget(module, call));
      }
    }
  }
  return [];
}

/** The functions that the module's text itself gives to a `remote`. */
function remoteArguments(module: ModuleSyntax): Call[] {
  return module.calls.filter((call) => calleeName(call) === "remote")
    .flatMap(({ node, scope }) =>
      children(node, "arguments").map((argument) => ({
        node: unwrap(argument),
        scope,
      }))
    )
    .filter(({ node }) => isFunctionNode(node));
}

/** Names that a runtime may replace by their values when it prints. */
function constantNames(module: ModuleSyntax): ReadonlySet<string> {
  const names = new Set<string>();
  walk(module.program, (node) => {
    const id = child(node, "id");
    const isEnum = node.type === "TSEnumDeclaration" ||
      node.type === "TSEnumMember";
    const init = node.type === "VariableDeclarator" && child(node, "init");
    if (isEnum || init && !COMPUTED.has(unwrap(init).type)) {
      names.add(textOf(id, "name") || textOf(id, "value"));
    }
  });
  return names;
}

/** Expressions that are never constants. */
const COMPUTED: ReadonlySet<string> = new Set([
  "CallExpression",
  "NewExpression",
  "AwaitExpression",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "ClassExpression",
  "ObjectExpression",
  "ArrayExpression",
]);

/** A declaration is shipped by its name, anything else as it stands. */
function declaredTarget(module: ModuleSyntax, { node, scope }: Call): Target {
  const target = { module, expression: node, scope };
  const id = node.type.endsWith("Declaration") && child(node, "id");
  const root = id ? lookUp(scope, textOf(id, "name")) : undefined;
  return root ? { ...target, root } : target;
}

function sourceModules(site: CallSite): ModuleSyntax[] {
  const files = new Set(site.frames.map((frame) => frame.file));
  const main = mainFile();
  if (main) files.add(main);
  return [...files].map(moduleSyntax);
}

/** Copies of one text that see the same names are the same function. */
function isInterchangeable(a: Target, b: Target): boolean {
  if (a.module !== b.module) return false;
  const names = (target: Target) =>
    freeReferences(target.module, target.expression).map((use) => use.binding);
  const [mine, theirs] = [names(a), names(b)];
  const text = ({ module, expression }: Target) =>
    module.file.text.slice(expression.start, expression.end);
  return text(a) === text(b) && mine.length === theirs.length &&
    mine.every((binding, i) => binding === theirs[i]);
}

function memberRoot(expression: SyntaxNode): SyntaxNode | undefined {
  let at: SyntaxNode | undefined = expression;
  while (at?.type === "MemberExpression" && at["computed"] !== true) {
    at = child(at, "object");
    if (at) at = unwrap(at);
  }
  return at;
}

// The `remote(…)` calls in a module's text, with what each ships. Only calls
// that the text itself shows to be Manta's: `remote` imported from it under
// any name, or `manta.remote` of a namespace import.

import { resolveArgument, type Target } from "./find_target.ts";
import type { ModuleSyntax } from "./module_syntax.ts";
import {
  type Binding,
  type Call,
  freeReferences,
  lookUp,
  type Scope,
} from "./scope.ts";
import { classifySpecifier } from "./specifier.ts";
import { child, children, type SyntaxNode, textOf, unwrap } from "./syntax.ts";

/** One `remote(…)` call. */
export interface Site {
  /** `main.ts:5:18`: unique in a bundle, the same on every machine. */
  readonly id: string;
  readonly call: SyntaxNode;
  readonly scope: Scope;
  readonly target: Target;
}

/** A name that cannot be shipped, with the line that uses it. */
export interface Capture {
  readonly name: string;
  readonly line: number;
}

/** What an expression in an inner scope needs, to be moved out of it. */
export interface Closure {
  /** Local functions and remote functions that move along, in order. */
  readonly lifts: readonly Binding[];
  /** Variables that cannot move. */
  readonly captures: readonly Capture[];
}

/** The name under which Manta exports what is called, if it is Manta's. */
export function mantaCallee(
  module: ModuleSyntax,
  { node, scope }: Call,
): string | undefined {
  const callee = child(node, "callee");
  if (!callee) return undefined;
  if (callee.type === "Identifier") {
    const binding = lookUp(scope, textOf(callee, "name"));
    if (binding?.node.type !== "ImportSpecifier") return undefined;
    const imported = child(binding.node, "imported");
    const name = textOf(imported, "name") || textOf(imported, "value");
    return isFromManta(module, binding) ? name : undefined;
  }
  if (callee.type !== "MemberExpression") return undefined;
  const object = child(callee, "object");
  if (object?.type !== "Identifier") return undefined;
  const binding = lookUp(scope, textOf(object, "name"));
  if (binding?.node.type !== "ImportNamespaceSpecifier") return undefined;
  if (!isFromManta(module, binding)) return undefined;
  return textOf(child(callee, "property"), "name");
}

/** The module's sites; `label` names the module in their ids. */
export function sitesOf(module: ModuleSyntax, label: string): Site[] {
  const sites: Site[] = [];
  for (const call of module.calls) {
    if (mantaCallee(module, call) !== "remote") continue;
    const argument = children(call.node, "arguments").at(-1);
    const target = argument && resolveArgument(module, argument, call.scope);
    if (!target) continue;
    const id = siteId(label, call.node);
    sites.push({ id, call: call.node, scope: call.scope, target });
  }
  return sites;
}

/** The id of a site or of a target that no site shows. */
export function siteId(label: string, node: SyntaxNode): string {
  const { line, column } = node.loc.start;
  return `${label}:${line}:${column + 1}`;
}

/** What has to move along with an expression, and what keeps it in place. */
export function closureOf(
  module: ModuleSyntax,
  expression: SyntaxNode,
  root?: Binding,
): Closure {
  const lifts = new Set<Binding>();
  const captures = new Map<string, Capture>();
  const pending: { start: number; end: number }[] = [expression];
  if (root && root.scope.kind !== "module") {
    lifts.add(root);
    pending.push(root.node);
  }
  for (let range = pending.pop(); range; range = pending.pop()) {
    for (const { binding, name, node } of freeReferences(module, range)) {
      if (!binding || binding.scope.kind === "module") continue;
      if (lifts.has(binding)) continue;
      if (isLiftable(module, binding)) {
        lifts.add(binding);
        pending.push(binding.node);
      } else if (!captures.has(name)) {
        captures.set(name, { name, line: node.loc.start.line });
      }
    }
  }
  return {
    lifts: [...lifts].sort((a, b) => a.node.start - b.node.start),
    captures: [...captures.values()].sort((a, b) => a.line - b.line),
  };
}

/** Local functions, classes and remote functions are the same anywhere. */
function isLiftable(module: ModuleSyntax, binding: Binding): boolean {
  const { node, kind, scope } = binding;
  if (kind === "function") return node.type === "FunctionDeclaration";
  if (kind === "class") return true;
  if (kind !== "const" || node.type !== "VariableDeclarator") return false;
  const init = child(node, "init");
  if (!init || child(node, "id")?.type !== "Identifier") return false;
  const value = unwrap(init);
  if (value.type === "CallExpression") {
    return mantaCallee(module, { node: value, scope }) === "remote";
  }
  return value.type === "ArrowFunctionExpression" ||
    value.type === "FunctionExpression" || value.type === "ClassExpression";
}

function isFromManta(module: ModuleSyntax, binding: Binding): boolean {
  const declaration = children(module.program, "body").find((statement) =>
    statement.type === "ImportDeclaration" &&
    children(statement, "specifiers").includes(binding.node)
  );
  const source = declaration && child(declaration, "source");
  if (!source) return false;
  const specifier = textOf(source, "value");
  return classifySpecifier(specifier, module.file.path).kind === "manta";
}

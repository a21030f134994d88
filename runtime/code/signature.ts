// How many arguments a function, a constructor or a method takes, as its
// source says: only the source tells optional parameters from others.

import { lookUp, type Scope } from "./scope.ts";
import { child, children, type SyntaxNode, textOf } from "./syntax.ts";

/** The least and the most arguments; the most is `null` without a bound. */
export type ArityRange = readonly [least: number, most: number | null];

/**
 * What calls take: `call` for a function or a constructor, `methods` for those
 * of a class. What is missing takes any number, as far as can be told.
 */
export interface Signature {
  readonly call?: ArityRange;
  readonly methods?: Readonly<Record<string, ArityRange>>;
}

/** The signature of what an expression in a scope stands for. */
export function signatureIn(scope: Scope, expression: SyntaxNode): Signature {
  if (expression.type !== "Identifier") return signatureOf(expression);
  const binding = lookUp(scope, textOf(expression, "name"));
  const isVariable = binding?.node.type === "VariableDeclarator";
  const node = isVariable ? child(binding.node, "init") : binding?.node;
  return node ? signatureOf(node) : {};
}

function signatureOf(node: SyntaxNode): Signature {
  if (node.type !== "ClassExpression" && node.type !== "ClassDeclaration") {
    return callOf(node);
  }
  const methods: Record<string, ArityRange> = {};
  let construct: Signature = child(node, "superClass") ? {} : { call: [0, 0] };
  for (const member of children(child(node, "body")!, "body")) {
    if (member.type !== "ClassMethod" || member["computed"] === true) continue;
    const { call } = callOf(member);
    if (member["kind"] === "constructor") construct = call ? { call } : {};
    if (member["kind"] !== "method" || member["static"] === true) continue;
    const key = child(member, "key")!;
    const name = textOf(key, "name") || textOf(key, "value");
    if (call) methods[name] = call;
  }
  return { ...construct, methods };
}

function callOf(node: SyntaxNode): Signature {
  if (!Array.isArray(node["params"]) || usesArguments(node)) return {};
  const parameters = children(node, "params").filter((parameter) =>
    textOf(parameter, "name") !== "this"
  );
  const rest = parameters.some(({ type }) => type === "RestElement");
  const least = parameters.findLastIndex(isRequired) + 1;
  return { call: [least, rest ? null : parameters.length] };
}

function isRequired(parameter: SyntaxNode): boolean {
  const inner = child(parameter, "parameter") ?? parameter;
  return inner.type !== "RestElement" && inner.type !== "AssignmentPattern" &&
    inner["optional"] !== true;
}

/** Functions that look at `arguments` may take more than they declare. */
function usesArguments(node: SyntaxNode): boolean {
  const body = child(node, "body");
  const waiting = body ? [body] : [];
  for (;;) {
    const next = waiting.pop();
    if (!next) return false;
    if (next.type === "Identifier" && textOf(next, "name") === "arguments") {
      return true;
    }
    for (const key of Object.keys(next)) {
      if (key === "loc") continue;
      const one = child(next, key);
      if (one) waiting.push(one);
      else waiting.push(...children(next, key));
    }
  }
}

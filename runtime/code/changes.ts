// What a statement changes: the variables that it assigns to, directly or
// inside of them. A function that uses such a variable needs the statement.

import {
  child,
  children,
  type SyntaxNode,
  textOf,
  unwrap,
  walk,
} from "./syntax.ts";

/** Methods that change what they are called on. */
const CHANGING_METHODS: ReadonlySet<string> = new Set([
  "add",
  "clear",
  "copyWithin",
  "delete",
  "fill",
  "pop",
  "push",
  "reverse",
  "set",
  "shift",
  "sort",
  "splice",
  "unshift",
]);

/** Functions of `Object` that change their first argument. */
const CHANGING_FUNCTIONS: ReadonlySet<string> = new Set([
  "assign",
  "defineProperties",
  "defineProperty",
  "setPrototypeOf",
]);

/** Whether an expression as a statement does no more than change variables. */
export function isChange(expression: SyntaxNode): boolean {
  switch (expression.type) {
    case "AssignmentExpression":
    case "UpdateExpression":
      return true;
    case "UnaryExpression":
      return expression["operator"] === "delete";
    case "CallExpression":
      return changedByCall(expression) !== undefined ||
        calledMethod(expression) === "forEach";
    default:
      return false;
  }
}

/** The names at the root of everything that is changed below a node. */
export function changedRoots(statement: SyntaxNode): Set<SyntaxNode> {
  const roots = new Set<SyntaxNode>();
  const add = (node: SyntaxNode | undefined) => {
    for (const root of node ? rootsOf(node) : []) roots.add(root);
  };
  walk(statement, (node) => {
    switch (node.type) {
      case "AssignmentExpression":
        return add(child(node, "left"));
      case "ForOfStatement":
      case "ForInStatement":
        return add(child(node, "left"));
      case "UpdateExpression":
        return add(child(node, "argument"));
      case "UnaryExpression":
        if (node["operator"] === "delete") add(child(node, "argument"));
        return;
      case "CallExpression":
        return add(changedByCall(node));
    }
  });
  return roots;
}

/** `if (import.meta.main) …`: never the case in an executor. */
export function isMainGuard(statement: SyntaxNode): boolean {
  const test = child(statement, "test");
  if (!test) return false;
  const isMeta = child(test, "object")?.type === "MetaProperty";
  return isMeta && textOf(child(test, "property"), "name") === "main";
}

function changedByCall(call: SyntaxNode): SyntaxNode | undefined {
  const method = calledMethod(call);
  if (method === undefined) return undefined;
  const object = child(child(call, "callee")!, "object");
  if (!object) return undefined;
  if (textOf(object, "name") === "Object") {
    const [first] = children(call, "arguments");
    return CHANGING_FUNCTIONS.has(method) ? first : undefined;
  }
  return CHANGING_METHODS.has(method) ? object : undefined;
}

function calledMethod(call: SyntaxNode): string | undefined {
  const callee = child(call, "callee");
  if (callee?.type !== "MemberExpression") return undefined;
  return textOf(child(callee, "property"), "name");
}

/** Of `a.b[c]` it is `a`; of a pattern it is every target's. */
function rootsOf(outer: SyntaxNode): SyntaxNode[] {
  const node = unwrap(outer);
  switch (node.type) {
    case "Identifier":
      return [node];
    case "MemberExpression":
      return rootsOf(child(node, "object")!);
    case "ArrayPattern":
      return children(node, "elements").flatMap(rootsOf);
    case "ObjectPattern":
      return children(node, "properties").flatMap((property) =>
        rootsOf(child(property, "value") ?? child(property, "argument")!)
      );
    case "AssignmentPattern":
      return rootsOf(child(node, "left")!);
    case "RestElement":
      return rootsOf(child(node, "argument")!);
    default:
      return [];
  }
}

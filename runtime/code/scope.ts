// Which name means which declaration, for one module. Types never count: the
// walk passes over everything that TypeScript erases. `this`, `super`,
// `arguments`, `new.target` and private names are kept as bindings of the
// function or class that gives them, so that using an outer one is a capture
// like any other. Pure: reads the tree, does no I/O.

import type { SyntaxNode } from "./syntax.ts";

/** A region of the source that declares names. */
export interface Scope {
  readonly kind: "module" | "function" | "arrow" | "class" | "block";
  /** The node that the scope spans. */
  readonly node: SyntaxNode;
  readonly parent: Scope | undefined;
  readonly bindings: Map<string, Binding>;
}

/** One declared name. */
export interface Binding {
  readonly name: string;
  readonly kind: BindingKind;
  readonly scope: Scope;
  /** The declarator, function, class, import specifier or parameter. */
  readonly node: SyntaxNode;
}

export type BindingKind =
  | "import"
  | "function"
  | "class"
  | "const"
  | "let"
  | "var"
  | "param"
  | "enum"
  | "namespace"
  | "own_name"
  | "implicit";

/** One use of a name as a value. */
export interface Reference {
  readonly name: string;
  readonly node: SyntaxNode;
  readonly scope: Scope;
  /** `undefined` for a global. */
  readonly binding: Binding | undefined;
}

/** A call, with the scope that it stands in. */
export interface Call {
  readonly node: SyntaxNode;
  readonly scope: Scope;
}

/** Everything about the names of one module. */
export interface ModuleScope {
  readonly program: SyntaxNode;
  readonly scope: Scope;
  /** In the order of the source. */
  readonly references: readonly Reference[];
  readonly calls: readonly Call[];
  /** Functions, methods and classes, in the order of the source. */
  readonly functions: readonly Call[];
  /** The `import.meta` expressions and what is read from each. */
  readonly importMetas: readonly ImportMeta[];
}

/** `import.meta.url`: the whole expression and the property's name. */
export interface ImportMeta {
  readonly node: SyntaxNode;
  readonly property: string;
}

/** The references inside of a range of the source. */
export function referencesIn(
  module: ModuleScope,
  range: { readonly start: number; readonly end: number },
): Reference[] {
  const { references } = module;
  let low = 0;
  let high = references.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (references[middle]!.node.start < range.start) low = middle + 1;
    else high = middle;
  }
  const found: Reference[] = [];
  for (let i = low; i < references.length; i++) {
    const reference = references[i]!;
    if (reference.node.start >= range.end) break;
    found.push(reference);
  }
  return found;
}

/** The references in the range that mean something declared outside of it. */
export function freeReferences(
  module: ModuleScope,
  range: { readonly start: number; readonly end: number },
): Reference[] {
  return referencesIn(module, range).filter(({ binding }) =>
    binding !== undefined && !contains(range, binding.scope.node)
  );
}

/** Whether the first range spans the second. */
export function contains(
  outer: { readonly start: number; readonly end: number },
  inner: { readonly start: number; readonly end: number },
): boolean {
  return outer.start <= inner.start && inner.end <= outer.end;
}

/** The declaration that a name means in a scope. */
export function lookUp(scope: Scope, name: string): Binding | undefined {
  for (let at: Scope | undefined = scope; at; at = at.parent) {
    const binding = at.bindings.get(name);
    if (binding) return binding;
  }
  return undefined;
}

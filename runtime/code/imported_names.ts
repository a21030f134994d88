// What a module asks of others by name. Needed where two of the user's modules
// import each other, and only a part of one is shipped.

import type { Fragment } from "./fragments.ts";
import type { ModuleSyntax } from "./module_syntax.ts";
import { child, children, type SyntaxNode, textOf } from "./syntax.ts";

/**
 * The names that a module's text imports from each of its sources; of a slice,
 * those that it keeps.
 */
export function importedNames(
  module: ModuleSyntax,
  kept?: ReadonlySet<Fragment>,
): Map<string, Set<string>> {
  const keptNodes = kept && new Set([...kept].map(({ node }) => node));
  const bySource = new Map<string, Set<string>>();
  for (const statement of children(module.program, "body")) {
    const source = child(statement, "source");
    if (!source || textOf(statement, "importKind") === "type") continue;
    const specifier = textOf(source, "value");
    const names = bySource.get(specifier) ?? new Set();
    bySource.set(specifier, names);
    for (const each of children(statement, "specifiers")) {
      if (textOf(each, "importKind") === "type") continue;
      if (
        statement.type === "ImportDeclaration" && keptNodes?.has(each) === false
      ) continue;
      names.add(importedName(each));
    }
    if (statement.type === "ExportAllDeclaration") names.add("*");
  }
  return bySource;
}

function importedName(specifier: SyntaxNode): string {
  switch (specifier.type) {
    case "ImportDefaultSpecifier":
      return "default";
    case "ImportNamespaceSpecifier":
    case "ExportNamespaceSpecifier":
      return "*";
    default: {
      const node = child(specifier, "imported") ?? child(specifier, "local");
      return textOf(node, "name") || textOf(node, "value");
    }
  }
}

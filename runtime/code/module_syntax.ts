// One parsed and analysed module of the user's, kept while its text is. All
// who look at a module share it, so that a text is parsed once.

import type { ModuleScope } from "./scope.ts";
import { analyseScopes } from "./scope_builder.ts";
import type { SourceFile } from "./source_file.ts";
import { children, parseModule, type SyntaxNode } from "./syntax.ts";

/** A module's text with what its names mean. */
export interface ModuleSyntax extends ModuleScope {
  readonly file: SourceFile;
}

const modules = new WeakMap<SourceFile, ModuleSyntax>();

/**
 * The module's syntax, parsed once per text.
 *
 * @throws {CaptureError} If the text does not parse.
 */
export function moduleSyntax(file: SourceFile): ModuleSyntax {
  let module = modules.get(file);
  if (!module) {
    const program = parseModule(file.text, file.path);
    module = { ...analyseScopes(program, jsxNames(program, file.text)), file };
    modules.set(file, module);
  }
  return module;
}

/** The comments above the first statement, where JSX is set up. */
export function moduleHead(program: SyntaxNode, text: string): string {
  const first = children(program, "body")[0];
  return text.slice(0, first?.start ?? 0).replace(/^#!.*/, "");
}

/** The functions that JSX calls without naming them. */
function jsxNames(program: SyntaxNode, text: string): string[] {
  const head = moduleHead(program, text);
  const named = head.matchAll(/@jsx(?:Frag)?\s+([\w$]+)/g);
  return ["React", ...[...named].map(([, name = ""]) => name)];
}

// The public API is documented: everything that can be reached from `mod.ts` and
// the modules beside it has a description; functions, classes other than errors,
// and values an example as well. `deno test --doc` runs those examples.

import { dirname, join } from "node:path/posix";

import {
  at,
  type Finding,
  isNode,
  nameOf,
  type Project,
  type Rule,
  type SourceFile,
  type SyntaxNode,
} from "./source_file.ts";

/** The rules of this file. */
export const checkPublicDocs: readonly Rule[] = [checkDocs];

interface Declared {
  readonly file: SourceFile;
  readonly name: string;
  /** The declaration itself. */
  readonly node: SyntaxNode;
  /** The statement that carries the comment. */
  readonly statement: SyntaxNode;
}

function checkDocs(project: Project): Finding[] {
  const findings: Finding[] = [];
  const seen = new Set<SyntaxNode>();
  for (const file of project.files.values()) {
    if (!/^(mod|lib\/\w+\/mod)\.ts$/.test(file.path)) continue;
    if (!file.comments[0]?.value.includes("@module")) {
      findings.push({
        path: file.path,
        line: 1,
        message: "opens without an @module comment",
      });
    }
    for (const declared of exportsOf(project, file)) {
      if (seen.has(declared.node)) continue;
      seen.add(declared.node);
      findings.push(...checkDeclared(declared));
    }
  }
  return findings;
}

function checkDeclared({ file, name, node, statement }: Declared): Finding[] {
  const doc = docOf(statement);
  if (doc === undefined) return [at(file, statement, `${name} has no JSDoc`)];
  const findings: Finding[] = [];
  const isError = nameOf(node.superClass)?.endsWith("Error") ?? false;
  const needsExample = !isError &&
    /^(Function|Class|Variable|TSDeclareFunction)/.test(node.type);
  if (needsExample && !hasExample({ statement })) {
    findings.push(at(file, statement, `${name} has no @example with code`));
  }
  for (const member of membersOf(node)) {
    const key = nameOf(member.key);
    if (key === undefined || key === "constructor" || docOf(member)) continue;
    if (isOverload(member, node)) continue;
    findings.push(at(file, member, `${name}.${key} has no JSDoc`));
  }
  return findings;
}

function hasExample({ statement }: Pick<Declared, "statement">): boolean {
  return /@example[\s\S]*```ts/.test(docOf(statement) ?? "");
}

function membersOf(node: SyntaxNode): SyntaxNode[] {
  const body = isNode(node.body) ? node.body.body : undefined;
  if (!Array.isArray(body)) return [];
  return body.filter(isNode).filter((member) =>
    /^(ClassMethod|ClassProperty|TSPropertySignature|TSMethodSignature)$/
      .test(member.type) && member.override !== true
  );
}

/** Whether an earlier member of the same name carries the comment. */
function isOverload(member: SyntaxNode, parent: SyntaxNode): boolean {
  const first = membersOf(parent)
    .find((other) => nameOf(other.key) === nameOf(member.key));
  return first !== undefined && first !== member && docOf(first) !== undefined;
}

function docOf(node: SyntaxNode): string | undefined {
  const comment = node.leadingComments?.at(-1);
  const isDoc = comment?.type === "CommentBlock" &&
    comment.value.startsWith("*");
  return isDoc ? comment.value : undefined;
}

/** Follows the exports of a file to their declarations. */
function exportsOf(
  project: Project,
  file: SourceFile,
  wanted?: ReadonlyMap<string, string>,
): Declared[] {
  const found: Declared[] = [];
  for (const statement of statementsOf(file)) {
    const source = sourceFileOf(project, file, statement);
    if (statement.type === "ExportAllDeclaration") {
      if (source) found.push(...exportsOf(project, source, wanted));
    } else if (statement.type === "ExportNamedDeclaration") {
      const names = specifierNames(statement, wanted);
      if (source) found.push(...exportsOf(project, source, names));
      else if (names.size > 0) found.push(...localsOf(file, names));
      found.push(...declaredBy(file, statement, wanted));
    }
  }
  // One overload speaks for all of them: the one with the example, if any.
  const unique = new Map<string, Declared>();
  for (const declared of found) {
    const known = unique.get(declared.name);
    if (!known || (!hasExample(known) && hasExample(declared))) {
      unique.set(declared.name, declared);
    }
  }
  return [...unique.values()];
}

/** Local name to exported name, of those specifiers that are wanted. */
function specifierNames(
  statement: SyntaxNode,
  wanted: ReadonlyMap<string, string> | undefined,
): Map<string, string> {
  const names = new Map<string, string>();
  const specifiers = statement.specifiers;
  if (!Array.isArray(specifiers)) return names;
  for (const specifier of specifiers.filter(isNode)) {
    const exported = nameOf(specifier.exported);
    const local = nameOf(specifier.local);
    if (exported === undefined || local === undefined) continue;
    if (wanted === undefined || wanted.has(exported)) {
      names.set(local, exported);
    }
  }
  return names;
}

function declaredBy(
  file: SourceFile,
  statement: SyntaxNode,
  wanted: ReadonlyMap<string, string> | undefined,
): Declared[] {
  if (!isNode(statement.declaration)) return [];
  return declarationsIn(file, statement.declaration, statement)
    .filter(({ name }) => wanted === undefined || wanted.has(name));
}

function localsOf(
  file: SourceFile,
  names: ReadonlyMap<string, string>,
): Declared[] {
  return statementsOf(file)
    .flatMap((statement) => declarationsIn(file, statement, statement))
    .filter(({ name }) => names.has(name));
}

function declarationsIn(
  file: SourceFile,
  node: SyntaxNode,
  statement: SyntaxNode,
): Declared[] {
  const declarations = Array.isArray(node.declarations)
    ? node.declarations.filter(isNode)
    : [node];
  return declarations.flatMap((declaration) => {
    const name = nameOf(declaration.id);
    if (name === undefined) return [];
    return [{ file, name, node: declaration, statement }];
  });
}

function statementsOf(file: SourceFile): SyntaxNode[] {
  const body = file.program.body;
  return Array.isArray(body) ? body.filter(isNode) : [];
}

function sourceFileOf(
  project: Project,
  file: SourceFile,
  statement: SyntaxNode,
): SourceFile | undefined {
  const specifier = nameOf(statement.source);
  if (!specifier?.startsWith(".")) return undefined;
  return project.files.get(join(dirname(file.path), specifier));
}

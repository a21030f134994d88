// Writes the text of a slice: the kept parts in their order, each call of
// `remote` told its site, and at the end what executors can ask for by site.

import type { Fragment } from "./fragments.ts";
import { signatureIn } from "./signature.ts";
import { MappedText, type TextEdit } from "./mapped_text.ts";
import { moduleHead, type ModuleSyntax } from "./module_syntax.ts";
import { placeEdits } from "./placed_text.ts";
import type { Binding } from "./scope.ts";
import type { Hoist, Slice } from "./slice.ts";
import type { Site } from "./sites.ts";
import { child, type SyntaxNode, textOf } from "./syntax.ts";

/** The API as a bundle sees it; the bundle's first line declares it. */
export const BUNDLE_API = "__manta_bundle";

/** Gives a function its name back; the bundle's first lines declare it. */
export const KEEP_NAME = "__manta_name";

/** Writes a slice, or a whole module with its sites named. */
export function renderSlice(slice: Slice): MappedText {
  const { module } = slice;
  const edits = [
    ...slice.sites.map((site) => siteEdit(site, slice)),
    ...slice.sites.flatMap(nameEdits),
    ...placeEdits(module, module.file.path),
  ];
  const output = new MappedText(module.file.text, edits);
  if (slice.kept) renderKept(output, slice, slice.kept);
  else output.copy({ start: 0, end: module.file.text.length });
  output.add("\n");
  for (const hoist of slice.hoists.values()) renderHoist(output, hoist);
  renderExports(output, slice);
  return output;
}

/** `remote` becomes a `remote` that knows which site it is. */
function siteEdit(site: Site, slice: Slice): TextEdit {
  const callee = child(site.call, "callee")!;
  const captures = slice.hoists.get(site.id)?.closure.captures ?? [];
  const id = JSON.stringify(site.id);
  const signature = JSON.stringify(
    signatureIn(site.scope, site.target.expression),
  );
  const more = captures.length > 0 ? `,${JSON.stringify(captures)}` : "";
  const text = `${BUNDLE_API}.siteRemote(${id},${signature}${more})`;
  return { start: callee.start, end: callee.end, text };
}

/** The bundler may have to rename a function: its `name` stays the user's. */
function nameEdits({ target: { expression } }: Site): TextEdit[] {
  const name = textOf(child(expression, "id"), "name");
  if (name === "") return [];
  const { start, end } = expression;
  return [
    { start, end: start, text: `${KEEP_NAME}(` },
    { start: end, end, text: `, ${JSON.stringify(name)})` },
  ];
}

function renderKept(
  output: MappedText,
  slice: Slice,
  kept: ReadonlySet<Fragment>,
): void {
  const head = moduleHead(slice.module.program, slice.module.file.text);
  if (head.includes("@jsx")) output.add(head);
  const byStatement = new Map<SyntaxNode, Fragment[]>();
  for (const fragment of kept) {
    const parts = byStatement.get(fragment.statement);
    if (parts) parts.push(fragment);
    else byStatement.set(fragment.statement, [fragment]);
  }
  const statements = [...byStatement.keys()].sort((a, b) => a.start - b.start);
  for (const statement of statements) {
    const parts = byStatement.get(statement)!;
    parts.sort((a, b) => a.node.start - b.node.start);
    renderStatement(output, slice.module, statement, parts);
    output.add("\n");
  }
}

function renderStatement(
  output: MappedText,
  module: ModuleSyntax,
  statement: SyntaxNode,
  parts: readonly Fragment[],
): void {
  const [first] = parts;
  if (statement.type === "ImportDeclaration") {
    return renderImports(output, module, statement, parts);
  }
  if (first?.kind !== "variable") {
    return output.copy(first?.node ?? statement);
  }
  const declaration = child(statement, "declaration") ?? statement;
  output.add(`${textOf(declaration, "kind")} `);
  parts.forEach((part, i) => {
    if (i > 0) output.add(", ");
    output.copy(part.node);
  });
  output.add(";");
}

/** An import whose names are only types would not be run without the first. */
function renderImports(
  output: MappedText,
  module: ModuleSyntax,
  statement: SyntaxNode,
  parts: readonly Fragment[],
): void {
  const specifiers = parts.filter(({ kind }) => kind === "import");
  if (specifiers.length < parts.length) {
    output.add("import ");
    output.copy({
      start: child(statement, "source")!.start,
      end: statement.end,
    });
    output.add("\n");
  }
  if (specifiers.length > 0) {
    renderImport(output, module, statement, specifiers);
  }
}

function renderImport(
  output: MappedText,
  module: ModuleSyntax,
  statement: SyntaxNode,
  parts: readonly Fragment[],
): void {
  const names: string[] = [];
  const named: string[] = [];
  const { text } = module.file;
  for (const { node } of parts) {
    const local = textOf(child(node, "local"), "name");
    const imported = child(node, "imported");
    if (node.type === "ImportNamespaceSpecifier") names.push(`* as ${local}`);
    else if (!imported) names.unshift(local);
    else named.push(`${text.slice(imported.start, imported.end)} as ${local}`);
  }
  if (named.length > 0) names.push(`{ ${named.join(", ")} }`);
  const source = child(statement, "source")!;
  output.add(`import ${names.join(", ")} from `);
  // With what follows the source: `with { type: "json" };`.
  output.copy({ start: source.start, end: statement.end });
}

/** A function of its own scope, called when an executor asks for the site. */
function renderHoist(output: MappedText, hoist: Hoist): void {
  const { closure, root } = hoist;
  if (closure.captures.length > 0) return;
  output.add(`${BUNDLE_API}.site(${JSON.stringify(hoist.id)}, () => {\n`);
  for (const lift of closure.lifts) renderLift(output, lift);
  output.add("return (");
  if (root) {
    output.add(`${KEEP_NAME}(${root.name}, ${JSON.stringify(root.name)})`);
  }
  if (!root) renderExpression(output, hoist.expression);
  output.add(");\n});\n");
}

function renderLift(output: MappedText, { node }: Binding): void {
  if (node.type === "VariableDeclarator") output.add("const ");
  output.copy(node);
  output.add(";\n");
}

function renderExpression(output: MappedText, node: SyntaxNode): void {
  const isMethod = node.type === "ObjectMethod" || node.type === "ClassMethod";
  const key = child(node, "key");
  if (!isMethod || !key) return output.copy(node);
  const marks = (node["async"] === true ? "async " : "") +
    (node["generator"] === true ? "*" : "");
  output.add(`{ ${marks}`);
  output.copy({ start: key.start, end: node.end });
  output.add(" }");
  const name = textOf(key, "name") || textOf(key, "value");
  output.add(`[${JSON.stringify(name)}]`);
}

function renderExports(output: MappedText, slice: Slice): void {
  for (const [name, exported] of slice.exports) {
    const as = JSON.stringify(name);
    if (exported.kind === "local") {
      output.add(`export { ${exported.name} as ${as} };\n`);
    } else if (exported.kind === "from") {
      const source = JSON.stringify(exported.source);
      const what = exported.imported === "*"
        ? `* as ${as}`
        : `{ ${JSON.stringify(exported.imported)} as ${as} }`;
      output.add(`export ${what} from ${source};\n`);
    }
  }
  for (const source of slice.starSources) {
    output.add(`export * from ${JSON.stringify(source)};\n`);
  }
}

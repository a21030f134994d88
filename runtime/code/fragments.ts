// The top-level statements of a module, cut into the smallest parts that can
// be kept or left out alone, by the names that they declare or change.

import { type ModuleSyntax, moduleSyntax } from "./module_syntax.ts";
import { changedRoots, isChange, isMainGuard } from "./changes.ts";
import { referencesIn } from "./scope.ts";
import { mantaCallee } from "./sites.ts";
import { snapshotSource } from "./source_file.ts";
import { classifySpecifier } from "./specifier.ts";
import { child, children, type SyntaxNode, textOf } from "./syntax.ts";

/** A part of a top-level statement. */
export interface Fragment {
  readonly kind:
    | "import"
    | "side_effect_import"
    | "variable"
    | "declaration"
    | "default"
    | "assignment"
    | "serializer";
  /** What is copied: a specifier, a declarator, a declaration, a statement. */
  readonly node: SyntaxNode;
  readonly statement: SyntaxNode;
}

/** What a module exports under a name. */
export type ModuleExport =
  | { readonly kind: "local"; readonly name: string }
  | { readonly kind: "default"; readonly fragment: Fragment }
  | {
    readonly kind: "from";
    readonly imported: string;
    readonly source: string;
  };

/** All parts of a module, by what asks for them. */
export interface ModuleFragments {
  readonly all: readonly Fragment[];
  /** Every part that declares or changes the name. */
  readonly byName: ReadonlyMap<string, readonly Fragment[]>;
  /** What any function of the module may rely on without naming it. */
  readonly always: readonly Fragment[];
  readonly exports: ReadonlyMap<string, ModuleExport>;
  /** The sources of `export * from`. */
  readonly starSources: readonly string[];
}

/** Cuts a module into its parts. */
export function fragmentsOf(module: ModuleSyntax): ModuleFragments {
  const cutter = new Cutter(module);
  for (const statement of children(module.program, "body")) {
    cutter.cut(statement);
  }
  return cutter;
}

class Cutter implements ModuleFragments {
  readonly all: Fragment[] = [];
  readonly byName = new Map<string, Fragment[]>();
  readonly always: Fragment[] = [];
  readonly exports = new Map<string, ModuleExport>();
  readonly starSources: string[] = [];
  readonly #module: ModuleSyntax;

  constructor(module: ModuleSyntax) {
    this.#module = module;
  }

  cut(statement: SyntaxNode): void {
    switch (statement.type) {
      case "ImportDeclaration":
        return this.#import(statement);
      case "ExportNamedDeclaration":
        return this.#exportNamed(statement);
      case "ExportDefaultDeclaration":
        return this.#exportDefault(statement);
      case "ExportAllDeclaration":
        this.starSources.push(textOf(child(statement, "source"), "value"));
        return;
      case "ExpressionStatement":
        return this.#expression(statement);
      case "IfStatement":
        if (isMainGuard(statement)) return;
        return this.#change(statement);
      default:
        if (this.#declaration(statement, statement).length === 0) {
          this.#change(statement);
        }
    }
  }

  #add(fragment: Fragment, names: readonly string[]): Fragment {
    this.all.push(fragment);
    for (const name of names) {
      const known = this.byName.get(name);
      if (known) known.push(fragment);
      else this.byName.set(name, [fragment]);
    }
    return fragment;
  }

  #import(statement: SyntaxNode): void {
    if (textOf(statement, "importKind") === "type") return;
    const specifiers = children(statement, "specifiers");
    for (const node of specifiers) {
      if (textOf(node, "importKind") === "type") continue;
      const name = textOf(child(node, "local"), "name");
      this.#add({ kind: "import", node, statement }, [name]);
    }
    const isAlwaysNeeded = specifiers.length === 0
      ? this.#isPackage(statement)
      : this.#registersClasses(statement);
    if (!isAlwaysNeeded) return;
    const kind = "side_effect_import";
    this.always.push(this.#add({ kind, node: statement, statement }, []));
  }

  /** `import "reflect-metadata"` sets up; `import "./run.ts"` runs. */
  #isPackage(statement: SyntaxNode): boolean {
    const { kind } = this.#classify(statement);
    return kind === "package" || kind === "external";
  }

  /** Values of its classes may come as arguments, in a function's types only. */
  #registersClasses(statement: SyntaxNode): boolean {
    const found = this.#classify(statement);
    if (found.kind === "library") return true;
    return found.kind === "file" && registersClasses(found.path, new Set());
  }

  #classify(statement: SyntaxNode) {
    const source = textOf(child(statement, "source"), "value");
    return classifySpecifier(source, this.#module.file.path);
  }

  /** Gives the names that a declaration declares. */
  #declaration(node: SyntaxNode, statement: SyntaxNode): string[] {
    if (node["declare"] === true) return [];
    if (node.type === "VariableDeclaration") {
      return children(node, "declarations").flatMap((declarator) => {
        const names = this.#declaredBy(declarator);
        this.#add({ kind: "variable", node: declarator, statement }, names);
        return names;
      });
    }
    const name = declaredName(node);
    if (name === undefined) return [];
    const fragment: Fragment = { kind: "declaration", node, statement };
    this.#add(fragment, [name, ...this.#changedByStatics(node)]);
    return [name];
  }

  #declaredBy(declarator: SyntaxNode): string[] {
    const names: string[] = [];
    for (const binding of this.#module.scope.bindings.values()) {
      if (binding.node === declarator) names.push(binding.name);
    }
    return names;
  }

  #exportNamed(statement: SyntaxNode): void {
    if (textOf(statement, "exportKind") === "type") return;
    const declaration = child(statement, "declaration");
    if (declaration) {
      for (const name of this.#declaration(declaration, statement)) {
        this.exports.set(name, { kind: "local", name });
      }
      return;
    }
    const source = child(statement, "source");
    for (const specifier of children(statement, "specifiers")) {
      if (textOf(specifier, "exportKind") === "type") continue;
      const exported = exportedName(child(specifier, "exported"));
      const name = exportedName(child(specifier, "local"));
      const isNamespace = specifier.type === "ExportNamespaceSpecifier";
      this.exports.set(
        exported,
        source
          ? {
            kind: "from",
            imported: isNamespace ? "*" : name,
            source: textOf(source, "value"),
          }
          : { kind: "local", name },
      );
    }
  }

  #exportDefault(statement: SyntaxNode): void {
    const declaration = child(statement, "declaration");
    if (!declaration || declaration.type.startsWith("TSInterface")) return;
    const name = declaredName(declaration);
    if (name !== undefined) {
      this.#add({ kind: "declaration", node: declaration, statement }, [name]);
      this.exports.set("default", { kind: "local", name });
      return;
    }
    const fragment: Fragment = { kind: "default", node: statement, statement };
    this.#add(fragment, []);
    this.exports.set("default", { kind: "default", fragment });
  }

  #expression(statement: SyntaxNode): void {
    const expression = child(statement, "expression");
    if (!expression) return;
    if (this.#registersSerializer(expression)) {
      const kind = "serializer";
      this.always.push(this.#add({ kind, node: statement, statement }, []));
    } else if (isChange(expression)) this.#change(statement);
  }

  /** `static { … }` may give a variable of the module its value. */
  #changedByStatics(node: SyntaxNode): string[] {
    return children(child(node, "body") ?? node, "body")
      .filter((member) => member.type === "StaticBlock")
      .flatMap((member) => this.#changedNames(member));
  }

  /** A statement counts for each variable of the module that it changes. */
  #change(statement: SyntaxNode): void {
    const names = this.#changedNames(statement);
    if (names.length === 0) return;
    this.#add({ kind: "assignment", node: statement, statement }, names);
  }

  #changedNames(statement: SyntaxNode): string[] {
    const roots = changedRoots(statement);
    const names = new Set<string>();
    for (
      const { node, name, binding } of referencesIn(this.#module, statement)
    ) {
      if (roots.has(node) && binding?.scope.kind === "module") names.add(name);
    }
    return [...names];
  }

  #registersSerializer(node: SyntaxNode): boolean {
    if (node.type !== "CallExpression") return false;
    const call = { node, scope: this.#module.scope };
    return mantaCallee(this.#module, call) === "registerSerializer";
  }
}

/** Whether a module, or one whose exports it passes on, registers classes. */
function registersClasses(path: string, seen: Set<string>): boolean {
  const file = seen.has(path) ? undefined : snapshotSource(path);
  seen.add(path);
  if (!file) return false;
  if (file.text.includes("registerSerializer")) return true;
  if (!PASSES_EXPORTS_ON.test(file.text)) return false;
  return children(moduleSyntax(file).program, "body").some((statement) => {
    const source = child(statement, "source");
    if (!source || !statement.type.startsWith("Export")) return false;
    const found = classifySpecifier(textOf(source, "value"), path);
    return found.kind === "file" && registersClasses(found.path, seen);
  });
}

/** Spares most modules the parser. */
const PASSES_EXPORTS_ON = /\bexport\b[^;]*\bfrom\b/;

/** The name of a function, class, enum or namespace that has a value. */
function declaredName(node: SyntaxNode): string | undefined {
  switch (node.type) {
    case "FunctionDeclaration":
    case "ClassDeclaration":
    case "TSEnumDeclaration":
    case "TSImportEqualsDeclaration":
    case "TSModuleDeclaration": {
      let id = child(node, "id");
      while (id?.type === "TSQualifiedName") id = child(id, "left");
      return textOf(id, "name") || undefined;
    }
    default:
      return undefined;
  }
}

function exportedName(node: SyntaxNode | undefined): string {
  return textOf(node, "name") || textOf(node, "value");
}

// The walk behind `scope.ts`: declares names, collects uses, resolves them at
// the end (so that hoisting needs no second walk). What TypeScript erases is
// not visited.

import {
  child,
  children,
  forEachChild,
  type SyntaxNode,
  textOf,
  TYPE_WRAPPERS,
} from "./syntax.ts";
import {
  type BindingKind,
  type Call,
  type ImportMeta,
  lookUp,
  type ModuleScope,
  type Reference,
  type Scope,
} from "./scope.ts";

/** Names that every function but an arrow gives to its body. */
const IMPLICIT_NAMES = ["this", "super", "arguments", "new.target"];

type Visit = (node: SyntaxNode, scope: Scope) => void;

/** Analyses a parsed module; JSX in it is a use of each of `jsxNames`. */
export function analyseScopes(
  program: SyntaxNode,
  jsxNames: readonly string[] = [],
): ModuleScope {
  return new ScopeBuilder(program, jsxNames).build();
}

/** Builds the scopes of one module; used once. */
class ScopeBuilder {
  readonly #program: SyntaxNode;
  readonly #jsxNames: readonly string[];
  readonly #module: Scope;
  readonly #uses: { name: string; node: SyntaxNode; scope: Scope }[] = [];
  readonly #calls: Call[] = [];
  readonly #functions: Call[] = [];
  readonly #importMetas: ImportMeta[] = [];
  readonly #visitors: Readonly<Record<string, Visit>>;

  constructor(program: SyntaxNode, jsxNames: readonly string[]) {
    this.#program = program;
    this.#jsxNames = jsxNames;
    this.#module = newScope("module", program, undefined);
    this.#visitors = this.#makeVisitors();
  }

  build(): ModuleScope {
    for (const statement of children(this.#program, "body")) {
      this.#visit(statement, this.#module);
    }
    const references = this.#uses.map((use): Reference => ({
      ...use,
      binding: lookUp(use.scope, use.name),
    }));
    references.sort((a, b) => a.node.start - b.node.start);
    return {
      program: this.#program,
      scope: this.#module,
      references,
      calls: this.#calls,
      functions: this.#functions,
      importMetas: this.#importMetas,
    };
  }

  #visit(node: SyntaxNode, scope: Scope): void {
    const visitor = this.#visitors[node.type];
    if (visitor) visitor(node, scope);
    else if (TYPE_WRAPPERS.has(node.type)) {
      this.#visitKey(node, "expression", scope);
    } else if (!node.type.startsWith("TS")) this.#visitChildren(node, scope);
  }

  #visitChildren(node: SyntaxNode, scope: Scope): void {
    forEachChild(node, (inner) => this.#visit(inner, scope));
  }

  #visitKey(node: SyntaxNode, key: string, scope: Scope): void {
    const inner = child(node, key);
    if (inner) this.#visit(inner, scope);
  }

  #visitList(node: SyntaxNode, key: string, scope: Scope): void {
    for (const inner of children(node, key)) this.#visit(inner, scope);
  }

  #use(name: string, node: SyntaxNode, scope: Scope): void {
    this.#uses.push({ name, node, scope });
  }

  #makeVisitors(): Record<string, Visit> {
    const functionLike: Visit = (node, scope) => this.#function(node, scope);
    const block: Visit = (node, scope) =>
      this.#visitChildren(node, newScope("block", node, scope));
    const nothing: Visit = () => {};
    return {
      ...this.#nameVisitors(),
      ...this.#declarationVisitors(),
      ...this.#moduleVisitors(),
      FunctionExpression: functionLike,
      ArrowFunctionExpression: functionLike,
      ObjectMethod: functionLike,
      ClassMethod: functionLike,
      ClassPrivateMethod: functionLike,
      ClassExpression: (node, scope) => this.#class(node, scope),
      ClassProperty: (node, scope) => this.#field(node, scope),
      ClassPrivateProperty: (node, scope) => this.#field(node, scope),
      ClassAccessorProperty: (node, scope) => this.#field(node, scope),
      StaticBlock: (node, scope) => {
        const inner = this.#implicitScope(node, scope);
        this.#visitList(node, "body", inner);
      },
      BlockStatement: block,
      ForStatement: block,
      ForInStatement: block,
      ForOfStatement: block,
      SwitchStatement: block,
      CatchClause: (node, scope) => {
        const inner = newScope("block", node, scope);
        const param = child(node, "param");
        if (param) this.#declarePattern(param, "param", inner, param);
        this.#visitKey(node, "body", inner);
      },
      LabeledStatement: (node, scope) => this.#visitKey(node, "body", scope),
      BreakStatement: nothing,
      ContinueStatement: nothing,
      TSParameterProperty: (node, scope) =>
        this.#visitKey(node, "parameter", scope),
      TSExportAssignment: (node, scope) =>
        this.#visitKey(node, "expression", scope),
    };
  }

  #nameVisitors(): Record<string, Visit> {
    return {
      Identifier: (node, scope) => this.#use(textOf(node, "name"), node, scope),
      ThisExpression: (node, scope) => this.#use("this", node, scope),
      Super: (node, scope) => this.#use("super", node, scope),
      PrivateName: (node, scope) =>
        this.#use(`#${textOf(child(node, "id"), "name")}`, node, scope),
      MetaProperty: (node, scope) => {
        const isNew = textOf(child(node, "meta"), "name") === "new";
        if (isNew) this.#use("new.target", node, scope);
        else this.#importMetas.push({ node, property: "" });
      },
      MemberExpression: (node, scope) => this.#member(node, scope),
      OptionalMemberExpression: (node, scope) => this.#member(node, scope),
      ObjectProperty: (node, scope) => {
        if (node["computed"] === true) this.#visitKey(node, "key", scope);
        this.#visitKey(node, "value", scope);
      },
      CallExpression: (node, scope) => {
        this.#calls.push({ node, scope });
        this.#visitChildren(node, scope);
      },
      OptionalCallExpression: (node, scope) => {
        this.#calls.push({ node, scope });
        this.#visitChildren(node, scope);
      },
      JSXOpeningElement: (node, scope) => {
        this.#jsxName(child(node, "name"), scope);
        this.#visitList(node, "attributes", scope);
      },
      JSXAttribute: (node, scope) => this.#visitKey(node, "value", scope),
      JSXClosingElement: () => {},
      JSXOpeningFragment: (node, scope) => this.#useJsx(node, scope),
    };
  }

  #declarationVisitors(): Record<string, Visit> {
    return {
      FunctionDeclaration: (node, scope) => {
        this.#declareId(node, "function", scope);
        this.#function(node, scope);
      },
      ClassDeclaration: (node, scope) => {
        if (node["declare"] === true) return;
        this.#declareId(node, "class", scope);
        this.#class(node, scope);
      },
      VariableDeclaration: (node, scope) => {
        if (node["declare"] !== true) this.#variables(node, scope);
      },
      TSEnumDeclaration: (node, scope) => this.#enum(node, scope),
      TSModuleDeclaration: (node, scope) => this.#namespace(node, scope),
      TSImportEqualsDeclaration: (node, scope) => {
        if (textOf(node, "importKind") === "type") return;
        this.#declareId(node, "import", scope);
        const first = firstName(child(node, "moduleReference"));
        if (first) this.#visit(first, scope);
      },
    };
  }

  #moduleVisitors(): Record<string, Visit> {
    return {
      ImportDeclaration: (node, scope) => {
        if (textOf(node, "importKind") === "type") return;
        for (const specifier of children(node, "specifiers")) {
          if (textOf(specifier, "importKind") === "type") continue;
          const name = textOf(child(specifier, "local"), "name");
          declare(scope, name, "import", specifier);
        }
      },
      ExportNamedDeclaration: (node, scope) => {
        if (textOf(node, "exportKind") === "type") return;
        this.#visitKey(node, "declaration", scope);
        if (child(node, "source")) return;
        for (const specifier of children(node, "specifiers")) {
          if (textOf(specifier, "exportKind") === "type") continue;
          this.#visitKey(specifier, "local", scope);
        }
      },
      ExportAllDeclaration: () => {},
    };
  }

  #member(node: SyntaxNode, scope: Scope): void {
    const object = child(node, "object");
    const property = child(node, "property");
    const isComputed = node["computed"] === true;
    if (object?.type === "MetaProperty" && !isComputed) {
      const name = textOf(property, "name");
      const isNew = textOf(child(object, "meta"), "name") === "new";
      if (!isNew) return void this.#importMetas.push({ node, property: name });
    }
    if (object) this.#visit(object, scope);
    if (!property) return;
    if (isComputed || property.type === "PrivateName") {
      this.#visit(property, scope);
    }
  }

  #useJsx(node: SyntaxNode, scope: Scope): void {
    for (const name of this.#jsxNames) this.#use(name, node, scope);
  }

  #jsxName(name: SyntaxNode | undefined, scope: Scope): void {
    if (!name) return;
    this.#useJsx(name, scope);
    let first = name;
    while (first.type === "JSXMemberExpression") {
      const object = child(first, "object");
      if (!object) return;
      first = object;
    }
    const text = textOf(first, "name");
    const isComponent = first !== name || !/^[a-z]/.test(text);
    if (first.type === "JSXIdentifier" && isComponent) {
      this.#use(text, first, scope);
    }
  }

  #function(node: SyntaxNode, outer: Scope): void {
    this.#functions.push({ node, scope: outer });
    this.#visitList(node, "decorators", outer);
    if (node["computed"] === true) this.#visitKey(node, "key", outer);
    const named = node.type === "FunctionExpression"
      ? this.#ownName(node, outer)
      : outer;
    const inner = node.type === "ArrowFunctionExpression"
      ? newScope("arrow", node, named)
      : this.#implicitScope(node, named);
    for (const param of children(node, "params")) {
      this.#declarePattern(param, "param", inner, param);
    }
    const body = child(node, "body");
    if (body?.type === "BlockStatement") this.#visitList(body, "body", inner);
    else if (body) this.#visit(body, inner);
  }

  #class(node: SyntaxNode, outer: Scope): void {
    this.#functions.push({ node, scope: outer });
    this.#visitList(node, "decorators", outer);
    const named = node.type === "ClassExpression"
      ? this.#ownName(node, outer)
      : outer;
    const inner = newScope("class", node, named);
    const members = children(child(node, "body") ?? node, "body");
    for (const member of members) {
      const key = child(member, "key");
      if (key?.type !== "PrivateName") continue;
      const name = `#${textOf(child(key, "id"), "name")}`;
      declare(inner, name, "implicit", member);
    }
    this.#visitKey(node, "superClass", inner);
    for (const member of members) this.#visit(member, inner);
  }

  #field(node: SyntaxNode, scope: Scope): void {
    this.#visitList(node, "decorators", scope);
    if (node["computed"] === true) this.#visitKey(node, "key", scope);
    if (node["declare"] === true) return;
    this.#visitKey(node, "value", this.#implicitScope(node, scope));
  }

  #implicitScope(node: SyntaxNode, parent: Scope): Scope {
    const scope = newScope("function", node, parent);
    for (const name of IMPLICIT_NAMES) declare(scope, name, "implicit", node);
    return scope;
  }

  #ownName(node: SyntaxNode, outer: Scope): Scope {
    if (!child(node, "id")) return outer;
    const scope = newScope("block", node, outer);
    this.#declareId(node, "own_name", scope);
    return scope;
  }

  #declareId(node: SyntaxNode, kind: BindingKind, scope: Scope): void {
    const name = textOf(firstName(child(node, "id")), "name");
    if (name !== "") declare(scope, name, kind, node);
  }

  #variables(node: SyntaxNode, scope: Scope): void {
    const kind = textOf(node, "kind");
    const isVar = kind === "var";
    const target = isVar ? functionScope(scope) : scope;
    const bindingKind = isVar ? "var" : kind === "let" ? "let" : "const";
    for (const declarator of children(node, "declarations")) {
      const id = child(declarator, "id");
      if (id) this.#declarePattern(id, bindingKind, target, declarator, scope);
      this.#visitKey(declarator, "init", scope);
    }
  }

  /** Declares each name of a pattern; defaults and keys are uses. */
  #declarePattern(
    pattern: SyntaxNode,
    kind: BindingKind,
    target: Scope,
    owner: SyntaxNode,
    scope: Scope = target,
  ): void {
    const inner = (node: SyntaxNode | undefined) =>
      node && this.#declarePattern(node, kind, target, owner, scope);
    switch (pattern.type) {
      case "Identifier":
        return declare(target, textOf(pattern, "name"), kind, owner);
      case "ObjectPattern":
        for (const property of children(pattern, "properties")) {
          if (property["computed"] === true) {
            this.#visitKey(property, "key", scope);
          }
          inner(child(property, "value") ?? child(property, "argument"));
        }
        return;
      case "ArrayPattern":
        return children(pattern, "elements").forEach(inner);
      case "AssignmentPattern":
        inner(child(pattern, "left"));
        return this.#visitKey(pattern, "right", scope);
      case "RestElement":
        return void inner(child(pattern, "argument"));
      case "TSParameterProperty":
        return void inner(child(pattern, "parameter"));
      default:
        return this.#visit(pattern, scope);
    }
  }

  #enum(node: SyntaxNode, scope: Scope): void {
    if (node["declare"] === true) return;
    this.#declareId(node, "enum", scope);
    const inner = newScope("block", node, scope);
    for (const member of children(child(node, "body") ?? node, "members")) {
      const id = child(member, "id");
      const name = textOf(id, "name") || textOf(id, "value");
      if (name !== "") declare(inner, name, "enum", member);
      this.#visitKey(member, "initializer", inner);
    }
  }

  #namespace(node: SyntaxNode, scope: Scope): void {
    if (node["declare"] === true) return;
    this.#declareId(node, "namespace", scope);
    const body = child(node, "body");
    if (!body) return;
    if (body.type === "TSModuleDeclaration") {
      return this.#namespace(body, newScope("block", node, scope));
    }
    const inner = newScope("function", node, scope);
    this.#visitList(body, "body", inner);
  }
}

function newScope(
  kind: Scope["kind"],
  node: SyntaxNode,
  parent: Scope | undefined,
): Scope {
  return { kind, node, parent, bindings: new Map() };
}

/** The first declaration counts: overloads and merged enums are one name. */
function declare(
  scope: Scope,
  name: string,
  kind: BindingKind,
  node: SyntaxNode,
): void {
  if (scope.bindings.has(name)) return;
  scope.bindings.set(name, { name, kind, scope, node });
}

function functionScope(scope: Scope): Scope {
  let at = scope;
  while ((at.kind === "block" || at.kind === "class") && at.parent) {
    at = at.parent;
  }
  return at;
}

/** The leftmost name of `a.b.c`. */
function firstName(node: SyntaxNode | undefined): SyntaxNode | undefined {
  let at = node;
  while (at?.type === "TSQualifiedName") at = child(at, "left");
  return at?.type === "Identifier" ? at : undefined;
}

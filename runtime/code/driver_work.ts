// Which top-level statements are the driver's own work: those that use its
// session, such as `const images = await put(…)`. Doing them again in every
// executor would run the driver there.

import type { ModuleSyntax } from "./module_syntax.ts";
import { type Call, contains, lookUp, type Scope } from "./scope.ts";
import { mantaCallee } from "./sites.ts";
import { child, children, type SyntaxNode, textOf } from "./syntax.ts";

/** Calls that ask nothing of a session. */
const SESSION_FREE: ReadonlySet<string> = new Set([
  "remote",
  "registerSerializer",
]);

/** Methods that call their argument before they return. */
const CALLING_METHODS: ReadonlySet<string> = new Set([
  "every",
  "filter",
  "find",
  "findIndex",
  "flatMap",
  "forEach",
  "from",
  "map",
  "reduce",
  "reduceRight",
  "replace",
  "some",
  "sort",
  "then",
]);

/** Whether running a top-level part would do the driver's work. */
export function isDriverWork(module: ModuleSyntax, part: SyntaxNode): boolean {
  return new WorkFinder(module).finds(part, module.scope);
}

class WorkFinder {
  readonly #module: ModuleSyntax;
  readonly #seen = new Set<SyntaxNode>();

  constructor(module: ModuleSyntax) {
    this.#module = module;
  }

  /** Looks at what runs when the part, which stands in the scope, runs. */
  finds(part: SyntaxNode, scope: Scope): boolean {
    if (this.#seen.has(part)) return false;
    this.#seen.add(part);
    return this.#module.calls.some((call) =>
      contains(part, call.node) && this.#runsWith(call.scope, scope) &&
      (this.#usesSession(call) || this.#callsWorker(call))
    );
  }

  /** Whether code in the inner scope runs when the outer one does. */
  #runsWith(inner: Scope, outer: Scope): boolean {
    for (let at = inner; at !== outer; at = at.parent!) {
      if (!at.parent) return true;
      if (at.kind === "block" || at.kind === "class") continue;
      if (!this.#isCalledAtOnce(at.node)) return false;
    }
    return true;
  }

  /** `(() => …)()` and `list.map(() => …)`. */
  #isCalledAtOnce(fn: SyntaxNode): boolean {
    return this.#module.calls.some(({ node }) => {
      const callee = child(node, "callee");
      if (callee === fn) return true;
      if (!children(node, "arguments").includes(fn)) return false;
      return CALLING_METHODS.has(textOf(child(callee!, "property"), "name"));
    });
  }

  #usesSession(call: Call): boolean {
    const name = mantaCallee(this.#module, call);
    if (name !== undefined) return !SESSION_FREE.has(name);
    const callee = child(call.node, "callee");
    if (!callee?.type.endsWith("MemberExpression")) return false;
    return textOf(child(callee, "property"), "name") === "remote";
  }

  /** Whether the call is of a function of the module that does the work. */
  #callsWorker({ node, scope }: Call): boolean {
    const callee = child(node, "callee");
    if (callee?.type !== "Identifier") return false;
    const binding = lookUp(scope, textOf(callee, "name"));
    if (!binding) return false;
    const fn = binding.kind === "function"
      ? binding.node
      : child(binding.node, "init");
    if (!fn || !/Function/.test(fn.type)) return false;
    const inner = this.#scopeOf(fn);
    return inner !== undefined && this.finds(fn, inner);
  }

  /** The scope of a function's body, if any call stands in it. */
  #scopeOf(fn: SyntaxNode): Scope | undefined {
    for (const { node, scope } of this.#module.calls) {
      if (!contains(fn, node)) continue;
      for (let at: Scope | undefined = scope; at; at = at.parent) {
        if (at.node === fn && at.kind !== "block") return at;
      }
    }
    return undefined;
  }
}

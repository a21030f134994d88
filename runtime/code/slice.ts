// What of a module a function needs, and the text that has only that. The
// driver's own statements are left out, so they never run in an executor.
// Every `remote(…)` call in the text is told its identity in the bundle.

import {
  type Fragment,
  fragmentsOf,
  type ModuleExport,
  type ModuleFragments,
} from "./fragments.ts";
import type { ModuleSyntax } from "./module_syntax.ts";
import { isDriverWork } from "./driver_work.ts";
import {
  type Binding,
  contains,
  freeReferences,
  type Reference,
} from "./scope.ts";
import {
  type Capture,
  type Closure,
  closureOf,
  type Site,
  sitesOf,
} from "./sites.ts";
import type { SyntaxNode } from "./syntax.ts";

/** An expression that executors must be able to ask for by its site. */
export interface Hoist {
  readonly id: string;
  readonly expression: SyntaxNode;
  /** The local declaration that the expression stands for. */
  readonly root: Binding | undefined;
  readonly closure: Closure;
}

/** What of a module is kept. */
export interface Slice {
  readonly module: ModuleSyntax;
  readonly sites: readonly Site[];
  /** `undefined`: the whole module is. */
  readonly kept: ReadonlySet<Fragment> | undefined;
  readonly hoists: ReadonlyMap<string, Hoist>;
  readonly exports: ReadonlyMap<string, ModuleExport>;
  readonly starSources: readonly string[];
  /** Names that cannot be shipped; not empty means that nothing can. */
  readonly captures: readonly Capture[];
}

/** What a slice must offer. */
export interface SliceRequest {
  /** Names the module in the ids of its sites. */
  readonly label: string;
  /** What executors call. */
  readonly target?: {
    readonly expression: SyntaxNode;
    readonly root?: Binding;
  };
  /** Names that other modules import; `"*"` for all. */
  readonly exports: ReadonlySet<string>;
}

/** Finds what of the module has to be kept for the request. */
export function sliceModule(
  module: ModuleSyntax,
  request: SliceRequest & { readonly targetId?: string },
): Slice {
  return new Slicer(module, request).slice();
}

/** Keeps all of a module, with its sites told who they are. */
export function wholeModule(module: ModuleSyntax, label: string): Slice {
  const sites = sitesOf(module, label);
  const hoists = new Map<string, Hoist>();
  for (const site of sites) {
    if (site.scope.kind !== "module") hoists.set(site.id, hoistSite(site));
  }
  return {
    module,
    sites,
    kept: undefined,
    hoists,
    exports: new Map(),
    starSources: [],
    captures: [],
  };
}

class Slicer {
  readonly #module: ModuleSyntax;
  readonly #request: SliceRequest & { readonly targetId?: string };
  readonly #fragments: ModuleFragments;
  readonly #sites: readonly Site[];
  readonly #kept = new Set<Fragment>();
  readonly #hoists = new Map<string, Hoist>();
  readonly #exports = new Map<string, ModuleExport>();
  readonly #captures = new Map<string, Capture>();
  #needsStars = false;

  constructor(
    module: ModuleSyntax,
    request: SliceRequest & { readonly targetId?: string },
  ) {
    this.#module = module;
    this.#request = request;
    this.#fragments = fragmentsOf(module);
    this.#sites = sitesOf(module, request.label);
  }

  slice(): Slice {
    for (const fragment of this.#fragments.always) this.#keep(fragment);
    for (const name of this.#request.exports) this.#export(name);
    this.#target();
    return {
      module: this.#module,
      sites: this.#sites,
      kept: this.#kept,
      hoists: this.#hoists,
      exports: this.#exports,
      starSources: this.#needsStars ? this.#fragments.starSources : [],
      captures: [...this.#captures.values()],
    };
  }

  #target(): void {
    const { target, targetId } = this.#request;
    if (!target || targetId === undefined) return;
    const { expression, root } = target;
    const closure = closureOf(this.#module, expression, root);
    for (const capture of closure.captures) this.#capture(capture);
    if (root?.scope.kind === "module") {
      this.#bind(root.name, expression.loc.start.line);
    }
    this.#hoist({ id: targetId, expression, root, closure });
    const site = this.#sites.find(({ id }) => id === targetId);
    // A site that runs as the module loads makes itself known.
    if (site && this.#runsOnLoad(site)) this.#hoists.delete(targetId);
  }

  #runsOnLoad(site: Site): boolean {
    if (site.scope.kind !== "module") return false;
    for (const { node } of this.#kept) {
      if (contains(node, site.call)) return true;
    }
    return false;
  }

  #keep(fragment: Fragment): void {
    if (this.#kept.has(fragment)) return;
    this.#kept.add(fragment);
    if (fragment.kind === "import") return;
    this.#scan(fragment.node);
  }

  /** Keeps what a range of the source uses. */
  #scan(range: SyntaxNode): void {
    for (const reference of freeReferences(this.#module, range)) {
      if (reference.binding?.scope.kind === "module") {
        this.#bind(reference.name, lineOf(reference));
      }
    }
    for (const site of this.#sites) {
      const isInner = site.scope.kind !== "module";
      if (isInner && contains(range, site.call)) this.#hoist(hoistSite(site));
    }
  }

  #hoist(hoist: Hoist): void {
    if (this.#hoists.has(hoist.id)) return;
    this.#hoists.set(hoist.id, hoist);
    if (hoist.closure.captures.length > 0) return;
    this.#scan(hoist.expression);
    for (const lift of hoist.closure.lifts) this.#scan(lift.node);
  }

  #bind(name: string, line: number): void {
    const fragments = this.#fragments.byName.get(name);
    if (!fragments) return this.#capture({ name, line });
    for (const fragment of fragments) {
      if (this.#isDriverWork(fragment)) this.#capture({ name, line });
      else this.#keep(fragment);
    }
  }

  #isDriverWork({ kind, node }: Fragment): boolean {
    return (kind === "variable" || kind === "assignment") &&
      isDriverWork(this.#module, node);
  }

  #capture(capture: Capture): void {
    if (!this.#captures.has(capture.name)) {
      this.#captures.set(capture.name, capture);
    }
  }

  #export(name: string): void {
    if (name === "*") {
      for (const each of this.#fragments.exports.keys()) this.#export(each);
      this.#needsStars = true;
      return;
    }
    const exported = this.#fragments.exports.get(name);
    if (!exported) {
      this.#needsStars = true;
      return;
    }
    this.#exports.set(name, exported);
    if (exported.kind === "default") this.#keep(exported.fragment);
    if (exported.kind === "local") this.#bind(exported.name, 0);
  }
}

function hoistSite(site: Site): Hoist {
  const { module, expression, root } = site.target;
  const closure = closureOf(module, expression, root);
  return { id: site.id, expression, root, closure };
}

function lineOf(reference: Reference): number {
  return reference.node.loc.start.line;
}

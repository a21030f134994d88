// Tells esbuild where the modules of a bundle come from: slices for the
// driver's own modules, Manta's API from the executor, everything else as the
// user's runtime would have found it.

import { readFileSync } from "node:fs";
import { dirname, extname, isAbsolute, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type {
  ImportKind,
  Loader,
  OnLoadArgs,
  OnLoadResult,
  OnResolveArgs,
  OnResolveResult,
  Plugin,
  PluginBuild,
} from "esbuild";
import { importedNames } from "./imported_names.ts";
import type { MappedText } from "./mapped_text.ts";
import { type ModuleSyntax, moduleSyntax } from "./module_syntax.ts";
import { isInNativePackage } from "./native_package.ts";
import { findInPackages, PASS } from "./packages_plugin.ts";
import { placedText } from "./placed_text.ts";
import { BUNDLE_API, renderSlice } from "./render_slice.ts";
import { type Slice, sliceModule, wholeModule } from "./slice.ts";
import { dependencySource, snapshotSource } from "./source_file.ts";
import {
  classifySpecifier,
  isMantaModule,
  libraryPath,
  runtimeSpecifier,
} from "./specifier.ts";
import type { SyntaxNode } from "./syntax.ts";
import type { Binding } from "./scope.ts";
import type { PackageFolder } from "./variant.ts";

/** What a bundle is for. */
export interface BundleRequest {
  readonly module: ModuleSyntax;
  readonly expression: SyntaxNode;
  readonly root?: Binding;
  /** The name that executors ask for. */
  readonly exportName: string;
  /** The driver loaded all its files before this. */
  readonly loadedAtMs: number;
  /** Packages of the environment that the bundle is for. */
  readonly packages?: PackageFolder;
}

const SCRIPT = /\.[cm]?[jt]sx?$/;

/** The modules of one run of esbuild. */
export class BundleModules {
  /** The slices by path, once they were asked for. */
  readonly slices = new Map<string, Slice>();
  /** The texts that differ from their files. */
  readonly rendered = new Map<string, MappedText>();
  /** Names that modules import from sliced ones, by path. */
  readonly wanted: ReadonlyMap<string, Set<string>>;
  readonly #request: BundleRequest;

  constructor(
    request: BundleRequest,
    wanted: ReadonlyMap<string, Set<string>>,
  ) {
    this.#request = request;
    this.wanted = wanted;
    this.slice(request.module.file.path);
  }

  /** Whether some module asked for a name that its slice lacks. */
  hasGrown = false;

  plugin(): Plugin {
    return {
      name: "manta",
      setup: (build) => {
        build.onResolve({ filter: /.*/ }, (args) => this.#resolve(build, args));
        build.onLoad({ filter: /.*/, namespace: "manta" }, () => ({
          contents: `module.exports = ${BUNDLE_API};`,
          loader: "js",
        }));
        build.onLoad(
          { filter: /.*/, namespace: "file" },
          (args) => this.#load(args),
        );
      },
    };
  }

  /** The slice of a module that must not be bundled whole. */
  slice(path: string): Slice | undefined {
    const known = this.slices.get(path);
    const names = this.wanted.get(path);
    if (known || !names) return known;
    const { module, expression, root, exportName } = this.#request;
    const isTarget = path === module.file.path;
    const file = isTarget ? module.file : snapshotSource(path);
    if (!file) return undefined;
    const slice = sliceModule(moduleSyntax(file), {
      label: this.#label(path),
      exports: names,
      ...(isTarget
        ? {
          targetId: exportName,
          target: { expression, ...(root && { root }) },
        }
        : {}),
    });
    this.slices.set(path, slice);
    return slice;
  }

  async #resolve(
    build: PluginBuild,
    args: OnResolveArgs,
  ): Promise<OnResolveResult | undefined> {
    if (args.pluginData === PASS || args.kind === "entry-point") {
      return undefined;
    }
    if (args.path.endsWith(".node")) return addonFile(args);
    const found = classifySpecifier(
      args.path,
      args.importer || args.resolveDir,
    );
    switch (found.kind) {
      case "manta":
        return { path: "manta", namespace: "manta" };
      case "external":
        return { path: found.url, external: true };
      case "library": {
        const path = libraryPath(found.name);
        return path === undefined ? undefined : { path };
      }
      case "file":
        return await this.#resolveFile(build, args, found.path);
      case "package":
        return await this.#resolvePackage(build, args, found.fallback);
    }
  }

  async #resolveFile(
    build: PluginBuild,
    args: OnResolveArgs,
    path: string,
  ): Promise<OnResolveResult | undefined> {
    if (isPackageFile(args.importer) && !this.slices.has(args.importer)) {
      return isMantaModule(path)
        ? { path: "manta", namespace: "manta" }
        : undefined;
    }
    const found = await build.resolve(path, resolveOptions(args));
    if (found.errors.length > 0) return missing(args, path);
    if (isMantaModule(found.path)) return { path: "manta", namespace: "manta" };
    this.#want(found.path, args);
    return { path: found.path, namespace: found.namespace };
  }

  async #resolvePackage(
    build: PluginBuild,
    args: OnResolveArgs,
    fallback: string | undefined,
  ): Promise<OnResolveResult | undefined> {
    const { packages } = this.#request;
    const wanted = packages && await findInPackages(build, args, packages);
    if (wanted) return wanted;
    const found = await build.resolve(args.path, resolveOptions(args));
    if (found.errors.length > 0) {
      const mapped = fallback ?? runtimeSpecifier(args.path, args.importer);
      if (mapped?.startsWith("file:")) return { path: fileURLToPath(mapped) };
      if (mapped !== undefined) return { path: mapped, external: true };
      return missing(args, args.path);
    }
    if (isInNativePackage(found.path)) {
      return { path: found.path, external: true };
    }
    const { path, namespace, external, sideEffects } = found;
    return { path, namespace, external, sideEffects };
  }

  /** Notes what a module imports from a sliced one. */
  #want(path: string, args: OnResolveArgs): void {
    const known = this.wanted.get(path);
    if (!known) return;
    for (const name of this.#namesFrom(args)) {
      if (known.has(name)) continue;
      known.add(name);
      this.hasGrown = true;
    }
  }

  #namesFrom(args: OnResolveArgs): Iterable<string> {
    if (args.kind !== "import-statement") return ["*"];
    const slice = this.slice(args.importer);
    const file = snapshotSource(args.importer);
    if (!file) return ["*"];
    const module = slice?.module ?? moduleSyntax(file);
    return importedNames(module, slice?.kept).get(args.path) ?? [];
  }

  #load(args: OnLoadArgs): OnLoadResult | undefined {
    const type = args.with["type"];
    if (type === "text" || type === "bytes") {
      const contents = readFileSync(args.path);
      return { contents, loader: type === "text" ? "text" : "binary" };
    }
    if (!SCRIPT.test(args.path)) return undefined;
    const isPackage = isPackageFile(args.path) && !this.slices.has(args.path);
    if (isPackage && !usesManta(args.path)) return placedText(args.path);
    const file = dependencySource(args.path, this.#request.loadedAtMs);
    if (!file) return undefined;
    const slice = this.slice(args.path);
    const mayHaveSites = /\bremote\b|\bimport\.meta\b/.test(file.text);
    if (!slice && !mayHaveSites) {
      return { contents: file.text, loader: loaderOf(args.path) };
    }
    const text = renderSlice(
      slice ?? wholeModule(moduleSyntax(file), this.#label(args.path)),
    );
    this.rendered.set(args.path, text);
    return { contents: text.text, loader: loaderOf(args.path) };
  }

  #label(path: string): string {
    const folder = dirname(this.#request.module.file.path);
    return relative(folder, path);
  }
}

/** The label of the module that a bundle starts from. */
export function entryLabel(path: string): string {
  return relative(dirname(path), path);
}

/** Machine code that no package was found to have stays where it is. */
function addonFile({ path, resolveDir }: OnResolveArgs): OnResolveResult {
  const isPath = isAbsolute(path) || /^\.\.?\//.test(path);
  return { path: isPath ? resolve(resolveDir, path) : path, external: true };
}

function resolveOptions(args: OnResolveArgs) {
  const { kind, importer, resolveDir } = args;
  return {
    kind: kind as Exclude<ImportKind, "entry-point">,
    importer,
    resolveDir,
    with: args.with,
    pluginData: PASS,
  };
}

/** What is imported at run time may be missing until then. */
function missing(
  args: OnResolveArgs,
  path: string,
): OnResolveResult | undefined {
  return args.kind === "dynamic-import" ? { path, external: true } : undefined;
}

/** Whether a package's file may make functions remote itself. */
function usesManta(path: string): boolean {
  const text = readFileSync(path, "utf8");
  return /\bremote\b/.test(text) &&
    /["'](?:[^"']*manta[^"']*|\.[^"']*\/mod\.[cm]?[jt]s)["']/.test(text);
}

function isPackageFile(path: string): boolean {
  return isAbsolute(path) && path.includes("/node_modules/");
}

function loaderOf(path: string): Loader {
  switch (extname(path)) {
    case ".ts":
    case ".mts":
    case ".cts":
      return "ts";
    case ".tsx":
      return "tsx";
    default:
      return "jsx";
  }
}

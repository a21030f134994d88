// What an import in a user's module leads to, as far as the text and the
// import maps around it say: Manta itself, a file, something that the runtime
// brings, or a package to be looked up. Knows the layout of Manta's own
// package; does not resolve packages.

import { existsSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, isAbsolute, join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseLiteral } from "./syntax.ts";

/** What an import specifier stands for. */
export type Specifier =
  | { readonly kind: "manta" }
  /** A module of Manta's that is built on the public API: `manta/util`. */
  | { readonly kind: "library"; readonly name: string }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "external"; readonly url: string }
  /** To be found in a `node_modules`; else what the import map says. */
  | {
    readonly kind: "package";
    readonly name: string;
    readonly fallback?: string;
  };

const BUILTINS: ReadonlySet<string> = new Set(builtinModules);

/** `manta`, `npm:manta@1/util`, `jsr:@manta/manta@^1`. */
const MANTA_NAME =
  /^(?:npm:\/?manta(?:@[^/]*)?|jsr:\/?@manta\/manta(?:@[^/]*)?|@manta\/manta|manta)(\/.+)?$/;

const URL_SCHEME = /^(?:npm|jsr|https?|data|blob|bun|node|ext):/;

/** Says what a specifier in the module at `importer` stands for. */
export function classifySpecifier(
  specifier: string,
  importer: string,
): Specifier {
  const mapped = mapSpecifier(specifier, importer);
  const named = MANTA_NAME.exec(specifier) ?? MANTA_NAME.exec(mapped ?? "");
  if (named) return mantaModule(named[1]);
  if (isPathLike(specifier)) return fileSpecifier(specifier, dirname(importer));
  if (isBuiltin(specifier)) return { kind: "external", url: specifier };
  if (URL_SCHEME.test(specifier)) return { kind: "external", url: specifier };
  if (mapped === undefined) return { kind: "package", name: specifier };
  if (isPathLike(mapped)) return fileSpecifier(mapped, dirname(importer));
  return { kind: "package", name: specifier, fallback: mapped };
}

/**
 * What Deno itself makes of a name that no `node_modules` and no `deno.json`
 * near the file knows: an import map from the command line, or a dependency
 * in `package.json` that is only in Deno's cache.
 */
export function runtimeSpecifier(
  name: string,
  importer: string,
): string | undefined {
  if (process.versions["deno"] === undefined) return undefined;
  try {
    return import.meta.resolve(name);
  } catch { // Not in the import map.
    return declaredDependency(name, dirname(importer));
  }
}

/** Whether a module is Manta's public one, by whatever path it was reached. */
export function isMantaModule(path: string): boolean {
  if (!/\/mod\.[cm]?[jt]s$/.test(path)) return false;
  const known = mantaModules.get(path);
  if (known !== undefined) return known;
  const own = join(dirname(path), "runtime/code/remote_code");
  const found = existsSync(`${own}.ts`) || existsSync(`${own}.js`);
  mantaModules.set(path, found);
  return found;
}

/**
 * Says where the sources of `manta/util` and its like are, for a binary or a
 * package that has them elsewhere than Manta's own source tree.
 */
export function locateLibraries(paths: Readonly<Record<string, string>>): void {
  for (const [name, path] of Object.entries(paths)) libraries.set(name, path);
}

/** The source of `manta/<name>`, if it is known. */
export function libraryPath(name: string): string | undefined {
  const located = libraries.get(name);
  if (located !== undefined) return located;
  const url = import.meta.url;
  if (!url.startsWith("file:")) return undefined;
  const extension = url.endsWith(".ts") ? "ts" : "js";
  const own = new URL(`../../lib/${name}/mod.${extension}`, url);
  const path = fileURLToPath(own.href);
  return existsSync(path) ? path : undefined;
}

const mantaModules = new Map<string, boolean>();
const libraries = new Map<string, string>();
const importMaps = new Map<string, ImportMap | undefined>();

interface ImportMap {
  readonly directory: string;
  readonly imports: Readonly<Record<string, string>>;
}

/** `npm:` with the version that the nearest `package.json` asks for. */
function declaredDependency(
  name: string,
  directory: string,
): string | undefined {
  const parts = name.split("/");
  const bare = parts.slice(0, name.startsWith("@") ? 2 : 1).join("/");
  const path = join(directory, "package.json");
  if (existsSync(path)) {
    const description = parseLiteral(readFileSync(path, "utf8"));
    const dependencies = isRecord(description) && description["dependencies"];
    const range = isRecord(dependencies) ? dependencies[bare] : undefined;
    if (typeof range === "string") {
      return `npm:${bare}@${range}${name.slice(bare.length)}`;
    }
  }
  const parent = dirname(directory);
  return parent === directory ? undefined : declaredDependency(name, parent);
}

function mantaModule(subpath: string | undefined): Specifier {
  return subpath === undefined
    ? { kind: "manta" }
    : { kind: "library", name: subpath.slice(1) };
}

function fileSpecifier(specifier: string, directory: string): Specifier {
  const bare = specifier.replace(/[?#].*$/, "");
  const path = bare.startsWith("file:")
    ? fileURLToPath(bare)
    : resolve(directory, bare);
  return isMantaModule(path) ? { kind: "manta" } : { kind: "file", path };
}

function isPathLike(specifier: string): boolean {
  return specifier.startsWith("./") || specifier.startsWith("../") ||
    specifier.startsWith("file:") || isAbsolute(specifier) ||
    specifier === "." || specifier === "..";
}

function isBuiltin(specifier: string): boolean {
  return specifier === "bun" || BUILTINS.has(specifier) ||
    specifier.startsWith("node:");
}

/** What the nearest `deno.json` that knows the specifier maps it to. */
function mapSpecifier(
  specifier: string,
  importer: string,
): string | undefined {
  if (isPathLike(specifier) || importer.includes("/node_modules/")) {
    return undefined;
  }
  let directory = dirname(importer);
  while (true) {
    const map = importMapIn(directory);
    const mapped = map && lookUpImport(map, specifier);
    if (mapped !== undefined) return mapped;
    const parent = dirname(directory);
    if (parent === directory) return undefined;
    directory = parent;
  }
}

function lookUpImport(map: ImportMap, specifier: string): string | undefined {
  const exact = map.imports[specifier];
  if (exact !== undefined) return anchored(map, exact);
  let best = "";
  for (const key of Object.keys(map.imports)) {
    const isPrefix = key.endsWith("/") && specifier.startsWith(key);
    if (isPrefix && key.length > best.length) best = key;
  }
  const target = map.imports[best];
  if (best !== "" && target !== undefined) {
    return anchored(map, target + specifier.slice(best.length));
  }
  return subpathOf(map, specifier);
}

/** `"hono": "npm:hono@4"` also stands for `hono/cors`, as Deno has it. */
function subpathOf(map: ImportMap, specifier: string): string | undefined {
  for (const [key, target] of Object.entries(map.imports)) {
    const isPackage = target.startsWith("npm:") || target.startsWith("jsr:");
    if (isPackage && specifier.startsWith(`${key}/`)) {
      return target + specifier.slice(key.length);
    }
  }
  return undefined;
}

function anchored(map: ImportMap, target: string): string {
  const isRelative = target.startsWith("./") || target.startsWith("../");
  return isRelative
    ? pathToFileURL(resolve(map.directory, target)).href
    : target;
}

function importMapIn(directory: string): ImportMap | undefined {
  if (importMaps.has(directory)) return importMaps.get(directory);
  let map: ImportMap | undefined;
  for (const name of ["deno.json", "deno.jsonc"]) {
    const path = join(directory, name);
    if (!existsSync(path)) continue;
    map = readImportMap(path);
    break;
  }
  importMaps.set(directory, map);
  return map;
}

function readImportMap(path: string): ImportMap | undefined {
  const settings = parseLiteral(readFileSync(path, "utf8"));
  const directory = dirname(path);
  if (!isRecord(settings)) return undefined;
  const linked = settings["importMap"];
  if (typeof linked === "string" && existsSync(join(directory, linked))) {
    return readImportMap(join(directory, linked));
  }
  const imports = settings["imports"];
  if (!isRecord(imports)) return undefined;
  const entries = Object.entries(imports).filter((entry) =>
    typeof entry[1] === "string"
  ) as [string, string][];
  return { directory, imports: Object.fromEntries(entries) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

// Whether a package has machine code, and how another machine gets the same
// one. Such a package cannot be put into a bundle: it stays where it is and is
// loaded from there.

import { existsSync, readFileSync, realpathSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

/** A file of a package that is installed. */
export interface FoundPackage {
  readonly name: string;
  readonly version: string;
  /** What installs the same: `name@version`, or where it came from. */
  readonly spec: string;
  /** The file within the package. */
  readonly file: string;
}

/** Packages whose only work is to find another package's machine code. */
const LOADERS: ReadonlySet<string> = new Set([
  "@mapbox/node-pre-gyp",
  "bindings",
  "node-addon-api",
  "node-gyp-build",
  "node-gyp-build-optional-packages",
  "prebuild-install",
  "prebuildify",
]);

const byFolder = new Map<string, boolean>();

/** Whether the file belongs to a package that has machine code. */
export function isInNativePackage(path: string): boolean {
  const folder = packageFolder(path);
  if (folder === undefined) return false;
  let isNative = byFolder.get(folder);
  if (isNative === undefined) {
    isNative = hasMachineCode(folder);
    byFolder.set(folder, isNative);
  }
  return isNative;
}

function packageFolder(path: string): string | undefined {
  if (!path.includes("/node_modules/")) return undefined;
  let folder = dirname(path);
  while (!folder.endsWith("/node_modules")) {
    // A nested package.json may only say `"type": "module"`.
    const parent = dirname(folder);
    const isScope = parent.endsWith("/node_modules") ||
      dirname(parent).endsWith("/node_modules") &&
        parent.split("/").at(-1)?.startsWith("@");
    if (isScope && existsSync(join(folder, "package.json"))) return folder;
    folder = parent;
  }
  return undefined;
}

function hasMachineCode(folder: string): boolean {
  if (existsSync(join(folder, "binding.gyp"))) return true;
  const description = descriptionIn(folder);
  if ("gypfile" in description || "napi" in description) return true;
  if ("binary" in description) return true;
  return Object.keys(description["dependencies"] ?? {}).some((name) =>
    LOADERS.has(name)
  );
}

/** The package that a file belongs to, as its `package.json` says. */
export function packageOf(path: string): FoundPackage | undefined {
  const folder = packageFolder(path);
  if (folder === undefined) return undefined;
  const { name, version } = descriptionIn(folder);
  if (typeof name !== "string" || typeof version !== "string") return undefined;
  const spec = sourceOf(folder) ?? `${name}@${version}`;
  return { name, version, spec, file: relative(folder, path) };
}

/** What is not in a registry, such as `file:`, `git+ssh:` or a URL. */
const ELSEWHERE = /^(?:[a-z+]+:|[^@][^/]*\/)/;
const IN_REGISTRY = /^(?:npm|jsr|catalog):/;
const IN_FOLDER = /^(?:(?:file|link|portal|workspace):|(?=[./]))/;

/** Where the project got the package from, if that is no registry. */
function sourceOf(folder: string): string | undefined {
  const modules = folder.lastIndexOf("/node_modules/");
  const project = folder.slice(0, modules);
  const name = folder.slice(modules + "/node_modules/".length);
  const description = descriptionIn(project);
  for (const kind of ["dependencies", "optionalDependencies"]) {
    const range = (description[kind] as Description | undefined)?.[name];
    if (typeof range !== "string" || !ELSEWHERE.test(range)) continue;
    if (IN_REGISTRY.test(range)) continue;
    if (!IN_FOLDER.test(range)) return range;
    const path = resolve(project, range.replace(IN_FOLDER, ""));
    // A workspace is named by its version.
    return `file:${existsSync(path) ? path : realpathSync(folder)}`;
  }
  return undefined;
}

type Description = Readonly<Record<string, unknown>>;

/** Nothing where there is no readable description. */
function descriptionIn(folder: string): Description {
  try {
    const text = readFileSync(join(folder, "package.json"), "utf8");
    const description: unknown = JSON.parse(text);
    const isObject = typeof description === "object" && description !== null;
    return isObject ? description as Description : {};
  } catch {
    return {};
  }
}

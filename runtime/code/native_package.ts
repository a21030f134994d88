// Whether a package has machine code. Such a package cannot be put into a
// bundle: it stays where it is and is loaded from there.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

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
  try {
    const text = readFileSync(join(folder, "package.json"), "utf8");
    const description: unknown = JSON.parse(text);
    if (typeof description !== "object" || description === null) return false;
    if ("gypfile" in description || "napi" in description) return true;
    if ("binary" in description) return true;
    return "dependencies" in description &&
      Object.keys(description.dependencies ?? {}).some((name) =>
        LOADERS.has(name)
      );
  } catch { // No readable description: an ordinary folder of files.
    return false;
  }
}

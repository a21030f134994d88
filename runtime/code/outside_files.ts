// What a bundle imports that it could not have in it: files from where they are,
// because they have machine code or load it, and what Deno alone finds, such as
// "npm:hono@4". A line of the bundle's text names it, with the packages that it
// comes in, for machines where these are elsewhere.

import type { Metafile } from "esbuild";
import { existsSync } from "node:fs";
import { isAbsolute } from "node:path";
import { type FoundPackage, packageOf } from "./native_package.ts";
import { MAP_COMMENT } from "./source_map.ts";

/** A file that is not in the bundle. */
export interface OutsideFile {
  /** What the bundle imports: where the file was when the bundle was made. */
  readonly path: string;
  /** Absent for a file of the user's own. */
  readonly package?: FoundPackage;
}

/** The last line before the map, or before the label of a variant. */
const LINE = /^\/\/manta-outside (\[.*\])\n(?:\/\/manta-environment .*\n)?$/;

/** What a bundle imports by the paths of files, as the bundler says. */
export function outsideFiles(
  metafile: Metafile | undefined,
  known: readonly OutsideFile[] = [],
): OutsideFile[] {
  const paths = Object.values(metafile?.outputs ?? {})
    .flatMap(({ imports }) => imports)
    .filter(({ external }) => external)
    .map(({ path }) => path);
  return [...new Set(paths)].flatMap((path) => {
    const before = known.find((file) => file.path === path);
    if (before) return [before];
    if (path.startsWith("npm:")) return [npmImport(path)];
    if (!isAbsolute(path)) return [];
    // Others are meant to be missing.
    const isInstalled = path.includes("/node_modules/");
    if (!isInstalled && !path.endsWith(".node")) return [];
    if (!existsSync(path)) return [];
    const found = packageOf(path);
    return [{ path, ...(found ? { package: found } : {}) }];
  });
}

const NPM_IMPORT = /^npm:\/?((?:@[^/]+\/)?[^@/]+)(?:@([^/]+))?(?:\/(.*))?$/;

function npmImport(path: string): OutsideFile {
  const [, name = "", version = "latest", file = ""] = NPM_IMPORT.exec(path) ??
    [];
  const spec = `${name}@${version}`;
  return { path, package: { name, version, spec, file } };
}

/** Whether only Deno finds it where it is. */
export function isNpmImport({ path }: OutsideFile): boolean {
  return path.startsWith("npm:");
}

/** The line that names the files; nothing where there are none. */
export function outsideLine(files: readonly OutsideFile[]): string {
  return files.length === 0 ? "" : `//manta-outside ${JSON.stringify(files)}\n`;
}

/** The files that a bundle names. */
export function outsideFilesOf(text: string): readonly OutsideFile[] {
  const start = text.lastIndexOf("//manta-outside ");
  if (start === -1) return [];
  const [lines = ""] = text.slice(start).split(MAP_COMMENT, 1);
  const [, list] = LINE.exec(lines) ?? [];
  return list === undefined ? [] : JSON.parse(list);
}

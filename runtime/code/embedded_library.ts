// Puts a library of Manta's own (`manta/util`) on disk for a compiled binary.
// Libraries are built on the public API alone, so their functions and classes
// are shipped like a user's: from a file that can be read.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { codeDirectory } from "./code_cache.ts";
import { sha256 } from "./source_file.ts";
import { locateLibraries } from "./specifier.ts";

/**
 * Writes the library's one module, which imports `manta` and nothing else of
 * ours, and says where it is; gives the path to import it from.
 */
export function placeLibrary(name: string, text: string): string {
  const version = sha256(text).slice(0, 16);
  const path = join(codeDirectory(), "lib", version, `${name}.mjs`);
  if (readText(path) !== text) {
    mkdirSync(dirname(path), { recursive: true });
    const partial = `${path}.${process.pid}.partial`;
    writeFileSync(partial, text);
    renameSync(partial, path);
  }
  locateLibraries({ [name]: path });
  return path;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

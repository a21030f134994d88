// The executor's side of what a bundle imports from outside of itself: on
// another machine than that where the bundle was made, the packages with
// machine code are installed, and a copy of the bundle imports them from there.

import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { RuntimeEnvError } from "../base/errors.ts";
import { writeWhole } from "./code_cache.ts";
import { type FoundPackage, packageOf } from "./native_package.ts";
import { type OutsideFile, outsideFilesOf } from "./outside_files.ts";
import { packageFolder } from "./package_store.ts";

const placing = new Map<string, Promise<string>>();

/**
 * The file to load instead of a bundle that another process has made; itself
 * if it imports nothing, or all of it is where it says.
 *
 * @throws {RuntimeEnvError} If a package cannot be installed.
 */
export async function placedBundle(path: string): Promise<string> {
  let placed = placing.get(path);
  if (!placed) {
    placed = place(path);
    placing.set(path, placed);
    // The network may be back by then.
    placed.catch(() => placing.delete(path));
  }
  return await placed;
}

async function place(path: string): Promise<string> {
  const text = readFileSync(path, "utf8");
  let placedText = text;
  for (const file of outsideFilesOf(text)) {
    const here = await placeOf(file);
    for (const quoted of quotations(file.path)) {
      placedText = placedText.replaceAll(quoted, JSON.stringify(here));
    }
  }
  if (placedText === text) return path;
  // The name is the bundle's hash, by which it is known.
  const placed = join(dirname(path), "placed", basename(path));
  mkdirSync(dirname(placed), { recursive: true });
  writeWhole(placed, placedText);
  return placed;
}

async function placeOf({ path, package: wanted }: OutsideFile) {
  if (!wanted || isSame(path, wanted)) return path;
  const folder = await installed(wanted);
  const here = join(folder, "node_modules", wanted.name, wanted.file);
  if (existsSync(here)) return here;
  throw new RuntimeEnvError(
    `Cannot load package "${wanted.spec}" on this node: as it is installed ` +
      `here, it has no file "${wanted.file}". Run the driver on a machine of ` +
      "the same kind",
    { details: { packages: [wanted.spec], output: "" } },
  );
}

/** Whether this machine has the package at the same place. */
function isSame(path: string, { name, version }: FoundPackage): boolean {
  if (!existsSync(path)) return false;
  const found = packageOf(path);
  return found?.name === name && found.version === version;
}

async function installed({ spec }: FoundPackage): Promise<string> {
  try {
    return (await packageFolder([spec])).path;
  } catch (error) {
    if (!(error instanceof RuntimeEnvError)) throw error;
    const { output = "" } = error as { output?: string };
    throw new RuntimeEnvError(
      `Cannot load package "${spec}" on this node: it has machine code, ` +
        "which does not cross a connection, and could not be installed here. " +
        "Name a release that can be in `runtimeEnv.npm`, or make its registry " +
        `reachable. ${error.message}`,
      { cause: error, details: { packages: [spec], output } },
    );
  }
}

/** A path as the bundler writes it: ASCII only, in a JSON string. */
function quotations(path: string): string[] {
  const quoted = JSON.stringify(path);
  const ascii = quoted.replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return [...new Set([quoted, ascii])];
}

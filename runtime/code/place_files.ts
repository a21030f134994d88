// The executor's side of what a bundle imports from outside of itself: on
// another machine than that where the bundle was made, or another runtime, the
// packages are installed, and a copy of the bundle imports them from there.

import {
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import process from "node:process";
import { RuntimeEnvError } from "../base/errors.ts";
import { writeWhole } from "./code_cache.ts";
import { type FoundPackage, packageOf } from "./native_package.ts";
import {
  isNpmImport,
  type OutsideFile,
  outsideFilesOf,
} from "./outside_files.ts";
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
  const files = outsideFilesOf(text);
  const isDeno = process.versions["deno"] !== undefined;
  const named = isDeno ? [] : files.filter(isNpmImport);
  let placedText = text;
  for (const file of files) {
    if (isNpmImport(file)) continue;
    placedText = replaced(placedText, file, await placeOf(file));
  }
  for (const file of named) {
    const { name, file: part } = file.package!;
    placedText = replaced(placedText, file, part ? `${name}/${part}` : name);
  }
  if (placedText === text) return path;
  // The name is the bundle's hash, by which it is known.
  const folder = join(dirname(path), "placed", basename(path, ".mjs"));
  mkdirSync(folder, { recursive: true });
  if (named.length > 0) await install(named, join(folder, "node_modules"));
  const placed = join(folder, basename(path));
  writeWhole(placed, placedText);
  return placed;
}

/** A path as the bundler writes it is in a JSON string, and ASCII only. */
function replaced(text: string, { path }: OutsideFile, by: string): string {
  const quoted = JSON.stringify(path);
  const ascii = quoted.replace(
    /[\u0080-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return text.replaceAll(quoted, JSON.stringify(by))
    .replaceAll(ascii, JSON.stringify(by));
}

/** Installs packages that are imported by their names. */
async function install(
  files: readonly OutsideFile[],
  modules: string,
): Promise<void> {
  const specs = [...new Set(files.map((file) => file.package!.spec))];
  const names = new Set(files.map((file) => file.package!.name));
  if (names.size < specs.length) {
    throw new RuntimeEnvError(
      `Cannot load ${specs.join(", ")} on this node: of two releases of a ` +
        "package it can install one. Name the same release in all modules",
      { details: { packages: specs, output: "" } },
    );
  }
  const folder = await installed(specs);
  rmSync(modules, { force: true });
  symlinkSync(join(folder, "node_modules"), modules);
}

async function placeOf({ path, package: wanted }: OutsideFile) {
  if (!wanted || isSame(path, wanted)) return path;
  const folder = await installed([wanted.spec]);
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

async function installed(specs: readonly string[]): Promise<string> {
  try {
    return (await packageFolder(specs)).path;
  } catch (error) {
    if (!(error instanceof RuntimeEnvError)) throw error;
    const { output = "" } = error as { output?: string };
    const names = specs.map((spec) => `"${spec}"`).join(", ");
    throw new RuntimeEnvError(
      `Cannot load package ${names} on this node: it does not cross a ` +
        "connection with the code, and could not be installed here. Name a " +
        "release that can be in `runtimeEnv.npm`, or make its registry " +
        `reachable. ${error.message}`,
      { cause: error, details: { packages: specs, output } },
    );
  }
}

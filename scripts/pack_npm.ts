// Finishes the folder dist/npm that the compiler filled: the package's manifest,
// the licence, the README, and the names of the thread entries.

import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const FOLDER = "dist/npm";
/** Dependencies of the command line only. */
const BINARY_ONLY = new Set([
  ...["@peculiar/asn1-schema", "@peculiar/asn1-x509", "@stricli/core", "yaml"],
]);
/** A thread's entry as the source names it, relative to its own file. */
const THREAD_URL =
  /(new URL\("\.{1,2}\/[\w/.]+)\.ts("\s*,\s*import\.meta\.url\))/g;

interface Manifest {
  readonly [key: string]: unknown;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

const source: Manifest = JSON.parse(readFileSync("package.json", "utf8"));
const { name, version, description, license } = source;
const manifest = {
  name,
  version,
  description,
  license,
  type: "module",
  exports: Object.fromEntries(
    Object.entries(source.exports).map(([key, path]) => [key, {
      types: path.replace(/\.ts$/, ".d.ts"),
      default: path.replace(/\.ts$/, ".js"),
    }]),
  ),
  dependencies: Object.fromEntries(
    Object.entries(source.dependencies)
      .filter(([dependency]) => !BINARY_ONLY.has(dependency)),
  ),
};
writeFileSync(
  join(FOLDER, "package.json"),
  `${JSON.stringify(manifest, null, 2)}\n`,
);
for (const file of ["LICENSE", "README.md"]) cpSync(file, join(FOLDER, file));

// The compiler renames what is imported, but not what a URL names.
let renamed = 0;
for (const path of readdirSync(FOLDER, { recursive: true, encoding: "utf8" })) {
  if (!path.endsWith(".js")) continue;
  const text = readFileSync(join(FOLDER, path), "utf8");
  const changed = text.replace(THREAD_URL, "$1.js$2");
  if (changed === text) continue;
  writeFileSync(join(FOLDER, path), changed);
  renamed++;
}
if (renamed === 0) throw new Error("No thread entry was found to rename");

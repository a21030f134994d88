// A package that a test installs without a network: an archive in the folder
// for temporary files, always at the same place, so that it is installed once.

import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What of the package's `package.json` and its `index.js` differs. */
export interface LocalPackage {
  readonly name: string;
  readonly version: string;
  readonly index: string;
  /** More of its `package.json`. */
  readonly more?: Readonly<Record<string, unknown>>;
}

/** Writes the package; gives what `npm` of a runtime environment takes. */
export function localPackage(
  { name, version, index, more = {} }: LocalPackage,
): string {
  const parent = join(tmpdir(), "manta-test-packages");
  mkdirSync(parent, { recursive: true });
  const work = mkdtempSync(join(parent, "work-"));
  mkdirSync(join(work, "package"));
  const description = { name, version, main: "index.js", ...more };
  writeFileSync(
    join(work, "package", "package.json"),
    JSON.stringify(description),
  );
  writeFileSync(join(work, "package", "index.js"), index);
  execFileSync("tar", ["-czf", "package.tgz", "package"], { cwd: work });
  const path = join(parent, `${name}-${version}.tgz`);
  renameSync(join(work, "package.tgz"), path);
  return `file:${path}`;
}

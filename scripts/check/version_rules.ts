// The version is in four places and the dependencies in three: this tells when
// they differ, and that every dependency is pinned to one exact version.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Finding, Project, Rule } from "./source_file.ts";

interface Manifest {
  readonly version: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** The rules of this file. */
export const checkVersions: readonly Rule[] = [
  checkSameVersion,
  checkSameExports,
  checkPinned,
];

function checkSameVersion(project: Project): Finding[] {
  const { version } = readManifest(project, "package.json");
  const findings: Finding[] = [];
  if (readManifest(project, "deno.json").version !== version) {
    findings.push(differs("deno.json", `version is not ${version}`));
  }
  const source = "runtime/base/version.ts";
  if (!project.files.get(source)?.text.includes(`"${version}"`)) {
    findings.push(differs(source, `VERSION is not ${version}`));
  }
  return findings;
}

function checkSameExports(project: Project): Finding[] {
  const wanted = JSON.stringify(readManifest(project, "package.json").exports);
  const actual = JSON.stringify(readManifest(project, "deno.json").exports);
  if (actual === wanted) return [];
  return [differs("deno.json", "exports differ from those of package.json")];
}

function checkPinned(project: Project): Finding[] {
  const manifest = readManifest(project, "package.json");
  const lock = readLock(project);
  const findings: Finding[] = [];
  const pins = { ...manifest.dependencies, ...manifest.devDependencies };
  for (const [name, version] of Object.entries(pins)) {
    if (version.startsWith("file:")) continue;
    if (!/^\d+\.\d+\.\d+$/.test(version)) {
      findings.push(differs("package.json", `${name} is not pinned`));
    } else if (!lock.includes(`"${name}@${version}"`)) {
      findings.push(differs("bun.lock", `${name} ${version} is not locked`));
    }
  }
  return findings;
}

function readLock(project: Project): string {
  const path = join(project.root, "bun.lock");
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function readManifest(project: Project, path: string): Manifest {
  return JSON.parse(readFileSync(join(project.root, path), "utf8"));
}

function differs(path: string, message: string): Finding {
  return { path, line: 1, message };
}

// Tells one version of Manta's code shipping from another, so that none takes
// what another left on disk. Goes by the files themselves: nobody has to
// remember to count a number up.

import { readdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

let version: string | undefined;

/** Differs between any two builds and between any two states of the source. */
export function toolVersion(): string {
  return version ??= findVersion();
}

function findVersion(): string {
  const url = import.meta.url;
  if (!url.startsWith("file:")) return url;
  if (url.includes("$bunfs")) return fileVersion(process.execPath);
  const folder = dirname(fileURLToPath(url));
  const names = readdirSync(folder);
  return names.map((name) => `${name} ${fileVersion(`${folder}/${name}`)}`)
    .join();
}

function fileVersion(path: string): string {
  const { mtimeMs, size } = statSync(path);
  return `${mtimeMs} ${size}`;
}

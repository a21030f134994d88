// Proposes the scripts and folders that a partly typed path can mean. Only the
// shells' completion comes here.

import { readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";

const SCRIPT_NAME = /\.[cm]?[jt]sx?$/;

/** Paths that go on from `partial`: scripts, and folders with a slash. */
export function completeScript(partial: string): string[] {
  const endsFolder = partial === "" || partial.endsWith("/");
  const folder = endsFolder ? partial : dirname(partial);
  const start = endsFolder ? "" : basename(partial);
  const prefix = endsFolder || partial.startsWith("./") || folder !== "."
    ? folder
    : "";
  return listFolder(folder || ".")
    .filter((entry) => entry.name.startsWith(start))
    .filter((entry) => start !== "" || !entry.name.startsWith("."))
    .filter((entry) => entry.isDirectory() || SCRIPT_NAME.test(entry.name))
    .map((entry) => joinTyped(prefix, entry.name, entry.isDirectory()));
}

function listFolder(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return []; // A folder that cannot be read has nothing to propose.
  }
}

function joinTyped(prefix: string, name: string, isFolder: boolean): string {
  const path = prefix === "" ? name : join(prefix, name);
  const typed = prefix.startsWith("./") || prefix === "." ? `./${path}` : path;
  return isFolder ? `${typed}/` : typed;
}

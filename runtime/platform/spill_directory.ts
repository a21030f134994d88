// Where the object store of one node spills to: a folder of its own in the
// directory that the user names, or in one under the system's folder for
// temporary files.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import {
  makeProcessFolder,
  openUserFolder,
  type ProcessFolder,
  sweepProcessFoldersLater,
} from "./process_folder.ts";

const KIND = "manta-node";

/** The folder of a node; undefined if there is no place for one. */
export function openSpillDirectory(
  directory: string | undefined,
  temporaryFolder: string = tmpdir(),
): ProcessFolder | undefined {
  if (directory === undefined) return openDefault(temporaryFolder);
  const parent = resolve(directory);
  try {
    mkdirSync(parent, { recursive: true });
    return openFolder(parent);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new RangeError(
      `Cannot spill objects to "${directory}": ${why}. Give a ` +
        "`spillDirectory` that can be written to",
      { cause: error },
    );
  }
}

/** Removes what nodes that were killed left beside this folder. */
export function sweepSpillDirectories(path: string): Promise<void> {
  return sweepProcessFoldersLater(dirname(path), KIND);
}

function openDefault(temporaryFolder: string): ProcessFolder | undefined {
  try {
    return openFolder(openUserFolder(temporaryFolder, "manta-spill"));
  } catch {
    return undefined;
  }
}

function openFolder(parent: string): ProcessFolder {
  const folder = makeProcessFolder(parent, KIND);
  const probe = join(folder.path, "probe");
  try {
    writeFileSync(probe, "");
    rmSync(probe);
  } catch (error) {
    folder.remove();
    throw error;
  }
  return folder;
}

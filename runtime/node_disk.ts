// The disk that a node's store spills to: the wiring of `object_store/`, which
// writes files, and `platform/`, which knows whose folders may go.

import { SpillFolder } from "./object_store/spill_folder.ts";
import { sweepSpillDirectories } from "./platform/spill_directory.ts";

/**
 * Opens the folder, if there is one, and removes what nodes that were killed
 * left beside it. A failure is told once, however often it comes in a row.
 */
export function spillDisk(
  path: string | undefined,
  warn: (text: string) => void,
): SpillFolder | undefined {
  if (path === undefined) return undefined;
  sweepSpillDirectories(path).catch((error: unknown) =>
    warn(`Cannot remove old spill files: ${error}`)
  );
  let latest = "";
  return new SpillFolder({
    path,
    warn: (text) => {
      if (text !== latest) warn(text);
      latest = text;
    },
  });
}

// The place of one session's files: bundles, logs, sockets. Objects that are
// spilled have another one, which may be on another disk.

import { tmpdir } from "node:os";
import {
  makeProcessFolder,
  openUserFolder,
  type ProcessFolder,
  sweepProcessFolders,
} from "./process_folder.ts";

/** The session's own directory; who opened it removes it. */
export type SessionDirectory = ProcessFolder;

/** Makes the directory of a new session and sweeps those of dead drivers. */
export function openSessionDirectory(
  temporaryFolder: string = tmpdir(),
): SessionDirectory {
  const parent = openUserFolder(temporaryFolder, "manta");
  sweepProcessFolders(parent, "session");
  return makeProcessFolder(parent, "session");
}

// Small files with secrets: nobody else can read them, and whoever reads one
// finds a whole one, whatever happens while it is written.

import {
  closeSync,
  constants,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import process from "node:process";
import { AuthenticationError } from "../base/errors.ts";
import { PRIVATE_FILE_BYTES_MAX } from "../base/limits.ts";

const OWNER_ONLY = 0o600;
const GROUP_AND_OTHERS = 0o077;

/**
 * The text of a file; undefined if there is none.
 *
 * @throws {AuthenticationError} If others may have read or written it.
 */
export function readPrivateFile(path: string): string | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
  try {
    const { mode, uid } = fstatSync(file);
    const self = process.getuid?.() ?? -1;
    const isForeign = self >= 0 && uid !== self && uid !== 0;
    if (self >= 0 && (isForeign || (mode & GROUP_AND_OTHERS))) {
      throw new AuthenticationError(
        `Cannot trust ${path}: other users can read or write it. Run ` +
          "`manta token --new` for another secret, or `chmod 600` if nobody " +
          "has seen this one",
      );
    }
    const bytes = new Uint8Array(PRIVATE_FILE_BYTES_MAX);
    return new TextDecoder().decode(
      bytes.subarray(0, readSync(file, bytes, 0, bytes.length, 0)),
    );
  } finally {
    closeSync(file);
  }
}

/** Writes a file, over one that is there. */
export function writePrivateFile(path: string, text: string): void {
  const partial = writePartial(path, text);
  try {
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
}

/** Writes a file unless there is one; the text that is there in the end. */
export function addPrivateFile(path: string, text: string): string {
  const partial = writePartial(path, text);
  try {
    linkSync(partial, path);
    return text;
  } catch (error) {
    // Another process was faster, or the file system has no links.
    const present = readPrivateFile(path);
    if (present !== undefined) return present;
    if ((error as { code?: unknown }).code === "EEXIST") throw error;
    renameSync(partial, path);
    return text;
  } finally {
    rmSync(partial, { force: true });
  }
}

function writePartial(path: string, text: string): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const partial = `${path}.${process.pid}.partial`;
  rmSync(partial, { force: true });
  writeFileSync(partial, text, { mode: OWNER_ONLY, flag: "wx" });
  return partial;
}

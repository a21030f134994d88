// The texts of the user's files as this process first saw them. A file is read
// once; what is written to it later is not seen, so that a function and the
// driver that defined it are always of one version.

import { createHash } from "node:crypto";
import { readFileSync, realpathSync, statSync } from "node:fs";
import { CaptureError } from "../base/errors.ts";
import { FILE_TIME_AHEAD_MS_MAX } from "../base/limits.ts";

/** One file of the user's, with what tells its version. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly modifiedAtMs: number;
  readonly sizeBytes: number;
}

const files = new Map<string, SourceFile>();
const hashes = new WeakMap<SourceFile, string>();

/** The file's text; `undefined` if there is no such file to read. */
export function snapshotSource(path: string): SourceFile | undefined {
  const known = files.get(path);
  if (known) return known;
  try {
    const stat = statSync(path);
    if (!stat.isFile()) return undefined;
    // The bundler knows files by their real paths, so everything here does.
    const file: SourceFile = {
      path: realpathSync(path),
      text: readFileSync(path, "utf8"),
      modifiedAtMs: stat.mtimeMs,
      sizeBytes: stat.size,
    };
    files.set(path, file);
    return file;
  } catch { // Not a file of ours to read: a REPL's or an eval's name.
    return undefined;
  }
}

/**
 * Reads a file that the driver must have loaded before `loadedAtMs`.
 *
 * @throws {CaptureError} If the file was written after that: what the driver
 * runs and what would be shipped may then differ.
 */
export function dependencySource(
  path: string,
  loadedAtMs: number,
): SourceFile | undefined {
  const file = snapshotSource(path);
  if (file) requireUnchanged(path, file.modifiedAtMs, loadedAtMs);
  return file;
}

/**
 * Throws if a file was written after the driver loaded it. A time that is far
 * ahead says nothing: the clock was set back, or is not the one that wrote it.
 */
export function requireUnchanged(
  path: string,
  modifiedAtMs: number,
  loadedAtMs: number,
): void {
  const isAhead = modifiedAtMs > Date.now() + FILE_TIME_AHEAD_MS_MAX;
  if (!isAhead && modifiedAtMs > loadedAtMs) throw changedError(path);
}

/** The error for a file that is not what the driver runs any more. */
export function changedError(path: string): CaptureError {
  return new CaptureError(
    `Cannot ship "${path}": it changed after this driver loaded it. ` +
      `Start the driver again`,
    { details: { captures: [], file: path } },
  );
}

/** The SHA-256 of the file's text, computed once. */
export function sourceHash(file: SourceFile): string {
  let hash = hashes.get(file);
  if (hash === undefined) {
    hash = sha256(file.text);
    hashes.set(file, hash);
  }
  return hash;
}

/** SHA-256 as hexadecimal text. */
export function sha256(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

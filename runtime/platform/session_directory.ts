// The place of one session's files (bundles, logs, sockets): private to the
// user, under the system's folder for temporary files, and swept: what drivers
// that died left behind goes when the next session starts.

import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import process from "node:process";

/** The session's own directory; who opened it removes it. */
export interface SessionDirectory {
  readonly path: string;
  /** Removes it with all it holds; synchronous, for `exit` listeners. */
  remove(): void;
}

const PRIVATE = 0o700;
const GROUP_AND_OTHERS = 0o077;

/** Makes the directory of a new session and sweeps those of dead drivers. */
export function openSessionDirectory(
  temporaryFolder: string = tmpdir(),
): SessionDirectory {
  const parent = openParent(temporaryFolder);
  const prefix = `session-${pidNamespace()}-`;
  sweep(parent, prefix);
  const path = mkdtempSync(join(parent, `${prefix}${process.pid}-`));
  return {
    path,
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/**
 * The user's folder, unless somebody else was there first: then a fresh one,
 * so that nobody can plant code or read results.
 */
function openParent(temporaryFolder: string): string {
  const { uid, username } = userInfo();
  const path = join(temporaryFolder, `manta-${uid >= 0 ? uid : username}`);
  mkdirSync(path, { recursive: true, mode: PRIVATE });
  const stat = lstatSync(path);
  const isOurs = stat.isDirectory() && (uid < 0 || stat.uid === uid);
  if (!isOurs) return mkdtempSync(`${path}-`);
  if (stat.mode & GROUP_AND_OTHERS) chmodSync(path, PRIVATE);
  return path;
}

function sweep(parent: string, prefix: string): void {
  for (const name of readdirSync(parent)) {
    if (!name.startsWith(prefix)) continue;
    const pid = parseInt(name.slice(prefix.length), 10);
    if (pid > 0 && !isAlive(pid)) {
      rmSync(join(parent, name), { recursive: true, force: true });
    }
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { code?: unknown }).code === "EPERM";
  }
}

/**
 * Containers may share the folder while each counts its processes from 1: a
 * number says something only beside its namespace.
 */
function pidNamespace(): string {
  try {
    return readlinkSync("/proc/self/ns/pid").replace(/\D/g, "");
  } catch {
    return "0";
  }
}

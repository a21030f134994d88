// Folders that belong to one process each and go with it: private to the user,
// side by side in one parent folder, and swept: what processes that were killed
// left behind goes when the next one starts.

import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { userInfo } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { isAlive, pidNamespace, startOf } from "./process_life.ts";

/** A folder of this process; who opened it removes it. */
export interface ProcessFolder {
  readonly path: string;
  /** Removes it with all it holds; synchronous, for `exit` listeners. */
  remove(): void;
}

const PRIVATE = 0o700;
const GROUP_AND_OTHERS = 0o077;

/** Makes a new folder for this process in an existing one. */
export function makeProcessFolder(
  parent: string,
  kind: string,
): ProcessFolder {
  const path = mkdtempSync(join(parent, `${ownedName(kind)}-`));
  return {
    path,
    remove: () => removeFolder(path),
  };
}

/** What cannot be removed now goes when the next process starts. */
function removeFolder(path: string): void {
  try {
    // A thread may be writing a file there yet.
    rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  } catch (error) {
    console.warn(`Cannot remove ${path}: ${error}`);
  }
}

/**
 * The user's own folder, made where it is missing, unless somebody else was
 * there first: then a fresh one, so that nobody can plant code or read values.
 */
export function openUserFolder(temporaryFolder: string, name: string): string {
  const path = pathOfUser(temporaryFolder, name);
  mkdirSync(path, { recursive: true, mode: PRIVATE });
  if (!isOurs(path)) return mkdtempSync(`${path}-`);
  if (lstatSync(path).mode & GROUP_AND_OTHERS) chmodSync(path, PRIVATE);
  return path;
}

/** The user's own folder if it is there, and nobody else's. */
export function findUserFolder(
  temporaryFolder: string,
  name: string,
): string | undefined {
  const path = pathOfUser(temporaryFolder, name);
  try {
    return isOurs(path) ? path : undefined;
  } catch {
    return undefined; // It is not there.
  }
}

function pathOfUser(temporaryFolder: string, name: string): string {
  const { uid, username } = userInfo();
  return join(temporaryFolder, `${name}-${uid >= 0 ? uid : username}`);
}

function isOurs(path: string): boolean {
  const { uid } = userInfo();
  const stat = lstatSync(path);
  return stat.isDirectory() && (uid < 0 || stat.uid === uid);
}

/** Removes the folders of processes that are gone. */
export function sweepProcessFolders(parent: string, kind: string): void {
  for (const path of leftFolders(parent, kind)) {
    rmSync(path, { recursive: true, force: true });
  }
}

/** The same where there may be much to remove. */
export async function sweepProcessFoldersLater(
  parent: string,
  kind: string,
): Promise<void> {
  for (const path of leftFolders(parent, kind)) {
    // Another process may be doing the same.
    await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

function leftFolders(parent: string, kind: string): string[] {
  return readdirSync(parent).filter((name) => {
    const owner = ownerOf(name, kind);
    return owner !== undefined && !isAlive(owner.pid, owner.start);
  }).map((name) => join(parent, name));
}

/** How the name of what belongs to this process begins. */
export function ownedName(kind: string): string {
  return `${prefixOf(kind)}${process.pid}.${startOf(process.pid)}`;
}

/** Who a name of this kind belongs to; undefined for any other name. */
export function ownerOf(
  name: string,
  kind: string,
): { readonly pid: number; readonly start: string } | undefined {
  const prefix = prefixOf(kind);
  if (!name.startsWith(prefix)) return undefined;
  const [pid = "", start = "0"] = name.slice(prefix.length).split(/[.-]/);
  return Number(pid) > 0 ? { pid: Number(pid), start } : undefined;
}

function prefixOf(kind: string): string {
  return `${kind}-${pidNamespace()}-`;
}

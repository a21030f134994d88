// Bundles on disk, by the hash of their text, and an index that says which
// bundle a site led to last time. Everything in it can be made again: a file
// that is missing or damaged counts as absent, and no failure to write hurts.

import type { Signature } from "./signature.ts";
import {
  accessSync,
  constants,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { sha256 } from "./source_file.ts";

/** The text of a bundle and where it is on disk. */
export interface CodeBundle {
  /** SHA-256 of the text. */
  readonly hash: string;
  readonly path: string;
  readonly text: string;
}

/** A file that went into a bundle, as it was then. */
export interface BundleInput {
  readonly path: string;
  readonly modifiedAtMs: number;
  readonly sizeBytes: number;
}

/** What a site led to. */
export interface IndexEntry {
  readonly bundleHash: string;
  readonly exportName: string;
  readonly signature: Signature;
  readonly inputs: readonly BundleInput[];
}

const PRIVATE = 0o700;
let directory: string | undefined;
let serial = 0;

/** The folder of all bundles; made on first use. */
export function codeDirectory(): string {
  return directory ??= openDirectory();
}

/** Uses another folder from now on; for tests and for other settings. */
export function useCodeDirectory(path: string | undefined): void {
  directory = path;
  if (path !== undefined) mkdirSync(join(path, "index"), { recursive: true });
}

/** Where the bundle with this hash is, or would be. */
export function bundlePath(hash: string): string {
  return join(codeDirectory(), `${hash}.mjs`);
}

/** The bundle, if it is on disk and undamaged. */
export function readBundle(hash: string): CodeBundle | undefined {
  const path = bundlePath(hash);
  const text = readText(path);
  if (text === undefined || sha256(text) !== hash) return undefined;
  return { hash, path, text };
}

/** Puts a bundle on disk, whole or not at all. */
export function writeBundle(text: string): CodeBundle {
  const hash = sha256(text);
  const known = readBundle(hash);
  if (known) return known;
  const path = bundlePath(hash);
  writeWhole(path, text);
  return { hash, path, text };
}

/** What a site led to last time, if none of its files has changed since. */
export function readIndex(key: string): IndexEntry | undefined {
  const text = readText(join(codeDirectory(), "index", `${key}.json`));
  if (text === undefined) return undefined;
  try {
    const entry: unknown = JSON.parse(text);
    return isIndexEntry(entry) && entry.inputs.every(isUnchanged)
      ? entry
      : undefined;
  } catch { // Damaged: the same as absent.
    return undefined;
  }
}

/** Remembers what a site led to. */
export function writeIndex(key: string, entry: IndexEntry): void {
  const path = join(codeDirectory(), "index", `${key}.json`);
  try {
    writeWhole(path, JSON.stringify(entry));
  } catch { // Only costs time at the next start.
    return;
  }
}

/** A file's state now, to be compared later. */
export function inputAt(path: string): BundleInput | undefined {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return undefined;
  return { path, modifiedAtMs: stat.mtimeMs, sizeBytes: stat.size };
}

function isUnchanged(input: BundleInput): boolean {
  const now = inputAt(input.path);
  return now?.modifiedAtMs === input.modifiedAtMs &&
    now.sizeBytes === input.sizeBytes;
}

function isIndexEntry(value: unknown): value is IndexEntry {
  if (typeof value !== "object" || value === null) return false;
  const entry = value as Partial<IndexEntry>;
  return typeof entry.bundleHash === "string" &&
    typeof entry.exportName === "string" &&
    typeof entry.signature === "object" && entry.signature !== null &&
    Array.isArray(entry.inputs);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** A reader sees the old file or the new one, never a part. */
export function writeWhole(path: string, text: string): void {
  const partial = `${path}.${process.pid}.${serial++}.partial`;
  writeFileSync(partial, text);
  renameSync(partial, path);
}

function openDirectory(): string {
  const home = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  const { uid, username } = userInfo();
  const owner = uid >= 0 ? uid : username;
  const places = [
    join(home, "manta", "code"),
    join(tmpdir(), `manta-${owner}`, "code"),
  ];
  for (const place of places) {
    try {
      mkdirSync(join(place, "index"), { recursive: true, mode: PRIVATE });
      accessSync(place, constants.W_OK);
      return place;
    } catch { // Not ours to write to: try the next place.
      continue;
    }
  }
  throw new Error(
    `Cannot keep code bundles: none of ${places.join(", ")} can be written ` +
      `to. Set XDG_CACHE_HOME to a folder that can`,
  );
}

// Where in the user's source a `remote(…)` call stands. Runs once per call, in
// the call: it takes the stack and the file's text, and leaves all thinking
// for later.

import { statSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { isBundlePath, sourcePlace } from "./bundle_map.ts";
import { snapshotSource, type SourceFile } from "./source_file.ts";
import { locationPath, parseFrame, type StackFrame } from "./stack_frames.ts";

/** A place that called into Manta, or that called the place that did. */
export interface SiteFrame {
  readonly file: SourceFile;
  readonly line: number;
  /** Counts from 1. */
  readonly column: number;
}

/** The user's frames above a `remote(…)` call, nearest first. */
export interface CallSite {
  readonly frames: readonly SiteFrame[];
  /**
   * Where in the stack code stands that is in no file, as in a REPL or an
   * `eval`: `"nearest"` if it made the call itself.
   */
  readonly text: "nearest" | "further" | "nowhere";
  readonly capturedAtMs: number;
}

/** Frames further up are not looked at. */
const FRAMES_MAX = 8;

let mainPath: string | undefined;

/** Frames of the runtime itself. */
const RUNTIME_LOCATION = /^(?:node|ext|bun|native|internal|deno):?/;

const OWN_PATH = ownPath();
const OWN_DIRECTORY = ownDirectory();

/** Takes the call site of whoever called into Manta. */
export function captureSite(): CallSite {
  const frames: SiteFrame[] = [];
  let text: CallSite["text"] = "nowhere";
  for (const line of stackText().split("\n")) {
    const frame = parseFrame(line);
    if (!frame || RUNTIME_LOCATION.test(frame.location)) continue;
    const path = locationPath(frame.location);
    if (path !== undefined && isOwnPath(path)) continue;
    const site = path === undefined ? undefined : siteFrame(frame, path);
    if (site) {
      frames.push(site);
      if (frames.length === FRAMES_MAX) break;
    } else if (path === undefined && frames.length === 0) {
      text = "nearest";
    } else if (text === "nowhere") text = "further";
  }
  // A file's time has fractions of a millisecond, the clock has none.
  return { frames, text, capturedAtMs: Date.now() + 1 };
}

/** In a bundle the call stands where the user wrote it. */
function siteFrame(frame: StackFrame, path: string): SiteFrame | undefined {
  const { line, column } = frame;
  if (!isBundlePath(path)) {
    const file = snapshotSource(path);
    return file && { file, line, column };
  }
  const place = sourcePlace(path, line, column);
  const file = place && snapshotSource(place.path);
  // A file that was edited since the bundle was made says nothing about it.
  if (!file || file.modifiedAtMs > statSync(path).mtimeMs) return undefined;
  return { file, line: place.line, column: place.column };
}

/** Whether a file is part of Manta's own runtime. */
export function isOwnPath(path: string): boolean {
  if (path === OWN_PATH) return true;
  return OWN_DIRECTORY !== undefined && path.startsWith(OWN_DIRECTORY);
}

/** Says which script is the driver, where the process's arguments do not. */
export function useMainFile(path: string): void {
  mainPath = path;
}

/** The script that the process was started with, if it is a file. */
export function mainFile(): SourceFile | undefined {
  const path = mainPath ?? process.argv[1];
  if (path === undefined || isOwnPath(path)) return undefined;
  return snapshotSource(path);
}

function stackText(): string {
  const before = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES_MAX + 8;
  const stack = new Error().stack ?? "";
  Error.stackTraceLimit = before;
  return stack;
}

/** This file, or the bundle or binary that it has become part of. */
function ownPath(): string | undefined {
  const url = import.meta.url;
  return url.startsWith("file:") ? fileURLToPath(url) : undefined;
}

/** The `runtime/` folder of Manta's source tree or package. */
function ownDirectory(): string | undefined {
  if (OWN_PATH?.includes("/$bunfs/")) return "/$bunfs/";
  return /^(.*\/runtime\/)code\/call_site\.[jt]s$/.exec(OWN_PATH ?? "")?.[1];
}

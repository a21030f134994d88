// Leads places in a bundle back to the user's files, by the map that each
// bundle carries.

import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { originalPositionFor, TraceMap } from "@jridgewell/trace-mapping";
import { MAP_COMMENT } from "./source_map.ts";

/** A place in a file of the user's; line and column count from 1. */
export interface SourcePlace {
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

const BUNDLE_NAME = /^[0-9a-f]{64}\.mjs$/;

const maps = new Map<string, TraceMap | undefined>();

/** Whether a file is one of our bundles. */
export function isBundlePath(path: string): boolean {
  return BUNDLE_NAME.test(basename(path));
}

/** `undefined` for what only the bundle has: its first lines, and our calls. */
export function sourcePlace(
  bundlePath: string,
  line: number,
  column: number,
): SourcePlace | undefined {
  const map = mapOf(bundlePath);
  if (!map) return undefined;
  const found = originalPositionFor(map, {
    line,
    column: Math.max(0, column - 1),
  });
  if (found.source === null) return undefined;
  const path = found.source.startsWith("file:")
    ? fileURLToPath(found.source)
    : found.source;
  return { path, line: found.line, column: found.column + 1 };
}

function mapOf(path: string): TraceMap | undefined {
  if (maps.has(path)) return maps.get(path);
  const map = readMap(path);
  maps.set(path, map);
  return map;
}

function readMap(path: string): TraceMap | undefined {
  try {
    const text = readFileSync(path, "utf8");
    const start = text.lastIndexOf(MAP_COMMENT);
    if (start === -1) return undefined;
    const encoded = text.slice(start + MAP_COMMENT.length).trim();
    return new TraceMap(Buffer.from(encoded, "base64").toString("utf8"));
  } catch { // The file is gone or damaged: the place cannot be told.
    return undefined;
  }
}

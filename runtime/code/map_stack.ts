// Makes a stack from an executor readable: frames in bundles become frames in
// the user's files, Manta's own frames go. Deno has mapped some frames itself
// by then; those name no bundle and stay as they are.

import { isBundlePath, sourcePlace } from "./bundle_map.ts";
import { isOwnPath } from "./call_site.ts";
import { locationPath, parseFrame } from "./stack_frames.ts";

/** The stack with the user's files and lines. */
export function mapStack(stack: string): string {
  return stack.split("\n").flatMap(mapLine).join("\n");
}

function mapLine(line: string): string[] {
  const frame = parseFrame(line);
  const path = frame && locationPath(frame.location);
  if (!frame || path === undefined) return [line];
  if (isOwnPath(path)) return [];
  if (!isBundlePath(path)) return [line];
  const source = sourcePlace(path, frame.line, frame.column);
  if (!source) return [];
  const place = `${source.path}:${source.line}:${source.column}`;
  return frame.name === "" || frame.name === "<anonymous>"
    ? [`    at ${place}`]
    : [`    at ${frame.name} (${place})`];
}

// Makes a stack from an executor readable: frames in bundles become frames in
// the user's files, Manta's own frames go. Deno has mapped some frames itself
// by then; those name no bundle and stay as they are.

import { isBundlePath, sourcePlace } from "./bundle_map.ts";
import { isOwnPath } from "./call_site.ts";
import { locationPath, parseFrame } from "./stack_frames.ts";

/** A compiled binary gives its own frames as paths relative to its source. */
const BINARY_FRAME =
  /^\s*at (?:.* \()?(?:\.\.?\/)*(?:runtime|cli|lib|node_modules)\/.*:\d+:\d+\)?$/;

/** Frames of the runtime itself. */
const RUNTIME_FRAME = /^\s*at (?:.* \()?(?:node|ext|bun|internal|native):/;

/** The stack with the user's files and lines. */
export function mapStack(stack: string): string {
  const lines = stack.split("\n").flatMap(mapLine);
  // What called the user's code is Manta by way of the runtime.
  while (lines.length > 1 && RUNTIME_FRAME.test(lines.at(-1)!)) lines.pop();
  return lines.join("\n");
}

function mapLine(line: string): string[] {
  const frame = parseFrame(line);
  const path = frame && locationPath(frame.location);
  if (!frame || path === undefined) {
    return BINARY_FRAME.test(line) ? [] : [line];
  }
  if (isOwnPath(path)) return [];
  if (!isBundlePath(path)) return [line];
  const source = sourcePlace(path, frame.line, frame.column);
  if (!source) return [];
  const place = `${source.path}:${source.line}:${source.column}`;
  return frame.name === "" || frame.name === "<anonymous>"
    ? [`    at ${place}`]
    : [`    at ${frame.name} (${place})`];
}

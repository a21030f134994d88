// Reads the frames of V8's and JavaScriptCore's stack texts. Knows nothing of
// bundles or sources; one frame in, one frame out.

import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** One line of a stack that names a place. */
export interface StackFrame {
  /** What ran: a function's name, or nothing at the top of a module. */
  readonly name: string;
  /** As the runtime printed it: a path or a URL. */
  readonly location: string;
  readonly line: number;
  /** Counts from 1. */
  readonly column: number;
}

/** `    at name (location:1:2)` or `    at location:1:2`. */
const FRAME =
  /^\s*at (?:async (?=[/a-z]+[:/]))?(?:(.*?) \()?((?:\/|[a-z]+:|<|\[|[A-Z]:\\).*?):(\d+):(\d+)\)?$/;

/** The place that a line of a stack names, if it names one. */
export function parseFrame(line: string): StackFrame | undefined {
  const match = FRAME.exec(line);
  if (!match) return undefined;
  const [, name = "", location = "", row = "0", column = "0"] = match;
  return { name, location, line: Number(row), column: Number(column) };
}

/** The file behind a location, or `undefined` if it is none. */
export function locationPath(location: string): string | undefined {
  if (location.startsWith("file://")) return urlPath(location);
  const isPath = location.startsWith("/") || /^[A-Z]:\\/.test(location);
  return isPath ? location : undefined;
}

/** Deno shows URLs decoded, so what looks like a query may be a name. */
function urlPath(location: string): string {
  const shown = location.slice("file://".length);
  if (existsSync(shown)) return shown;
  const end = location.search(/[?#]/);
  try {
    return fileURLToPath(end === -1 ? location : location.slice(0, end));
  } catch { // A percent sign that stands for itself.
    return shown;
  }
}

// Reads the frames of V8's and JavaScriptCore's stack texts. Knows nothing of
// files or bundles; one frame in, one frame out.

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
  if (location.startsWith("file://")) {
    const end = location.search(/[?#]/);
    return fileURLToPath(end === -1 ? location : location.slice(0, end));
  }
  const isPath = location.startsWith("/") || /^[A-Z]:\\/.test(location);
  return isPath ? location : undefined;
}

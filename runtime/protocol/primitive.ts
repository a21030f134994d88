// The values that travel in messages as they are, without the value codec:
// most arguments and results of small tasks.

import { PRIMITIVE_STRING_CHARACTERS_MAX } from "../base/limits.ts";
import type { Primitive } from "./messages.ts";

/** Whether a value travels without the codec. */
export function isPrimitive(value: unknown): value is Primitive {
  switch (typeof value) {
    case "number":
    case "boolean":
    case "undefined":
      return true;
    case "string":
      return value.length <= PRIMITIVE_STRING_CHARACTERS_MAX;
    default:
      return value === null;
  }
}

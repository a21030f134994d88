// Compares a value with its copy part by part, in order: classes, contents,
// holes, and which objects are one and the same. `assertEquals` looks at less
// and does not end for Maps that are their own keys.

import { fail } from "node:assert";

/** Fails unless `copy` is what `value` would be after a perfect copy. */
export function assertSameValue(
  copy: unknown,
  value: unknown,
  message: string,
): void {
  const pairs = new Map<object, object>();
  const pending: [string, unknown, unknown][] = [["value", copy, value]];
  while (pending.length > 0) {
    const [path, left, right] = pending.pop()!;
    if (typeof right !== "object" || right === null) {
      if (!Object.is(left, right)) fail(`${message}: ${path} differs`);
      continue;
    }
    if (typeof left !== "object" || left === null) {
      fail(`${message}: ${path} is no object`);
    }
    if (pairs.has(right)) {
      if (pairs.get(right) !== left) fail(`${message}: ${path} is another`);
      continue;
    }
    pairs.set(right, left);
    if (Object.getPrototypeOf(left) !== Object.getPrototypeOf(right)) {
      fail(`${message}: ${path} is of another class`);
    }
    const leftParts = partsOf(left);
    const rightParts = partsOf(right);
    if (leftParts.length !== rightParts.length) {
      fail(`${message}: ${path} has another number of parts`);
    }
    for (const [i, part] of rightParts.entries()) {
      pending.push([`${path}/${i}`, leftParts[i], part]);
    }
  }
  if (new Set(pairs.values()).size !== pairs.size) {
    fail(`${message}: two objects became one`);
  }
}

/** Everything that makes up an object, in order. */
function partsOf(object: object): unknown[] {
  if (object instanceof Map) return [...object].flat();
  if (object instanceof Set) return [...object];
  if (object instanceof Date) return [object.getTime()];
  if (object instanceof RegExp) return [object.source, object.flags];
  if (object instanceof ArrayBuffer) return [...new Uint8Array(object)];
  if (ArrayBuffer.isView(object)) {
    const { buffer, byteOffset, byteLength } = object;
    return [...new Uint8Array(buffer, byteOffset, byteLength)];
  }
  const parts: unknown[] = Object.entries(object).flat();
  if (Array.isArray(object)) parts.push(object.length);
  if (object instanceof Error) {
    parts.push(object.name, object.message, object.stack, object.cause);
  }
  const primitive: unknown = object.valueOf();
  if (primitive !== object) parts.push(primitive);
  return parts;
}

// The checks that options are made of. Each takes a value and the path that
// names it, and throws: a `TypeError` for a wrong type, a `RangeError` for a
// value out of range. Knows no option by name.

import { toUnits } from "../base/resources.ts";

/** Throws unless `value` will do; `path` is how the message names it. */
export type Check = (value: unknown, path: string) => void;

/** A value as messages show it: short, and never the work of a getter. */
export function shown(value: unknown): string {
  switch (typeof value) {
    case "string":
      return value.length > 60
        ? `the string ${JSON.stringify(value.slice(0, 57))}…`
        : `the string ${JSON.stringify(value)}`;
    case "number":
      return String(value);
    case "boolean":
    case "undefined":
      return `${value}`;
    case "bigint":
      return `the bigint ${value}n`;
    case "function":
      return value.name ? `the function "${value.name}"` : "a function";
    case "symbol":
      return "a symbol";
    case "object":
      if (value === null) return "null";
      return Array.isArray(value) ? "an array" : "an object";
  }
}

/** Throws the `TypeError` that says what `path` must be. */
export function wrongType(value: unknown, path: string, wanted: string): never {
  throw new TypeError(
    `Option "${path}" must be ${wanted}, got ${shown(value)}`,
  );
}

/** Throws the `RangeError` that says what `path` must be. */
export function outOfRange(
  value: unknown,
  path: string,
  wanted: string,
): never {
  throw new RangeError(
    `Option "${path}" must be ${wanted}, got ${shown(value)}`,
  );
}

/** Throws unless `value` is an object to read options from. */
export function checkRecord(
  value: unknown,
  path: string,
  wanted = "an object",
): asserts value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    wrongType(value, path, wanted);
  }
}

/** `true` or `false`. */
export function aBoolean(value: unknown, path: string): void {
  if (typeof value !== "boolean") wrongType(value, path, "a boolean");
}

/** A string with something in it. */
export function aText(value: unknown, path: string): void {
  if (typeof value !== "string") wrongType(value, path, "a string");
  if (value === "") outOfRange(value, path, "a string that is not empty");
}

/** One of the words. */
export function oneOf(...words: readonly string[]): Check {
  const wanted = inWords(words.map((word) => `"${word}"`), "or");
  return (value, path) => {
    if (typeof value !== "string") wrongType(value, path, wanted);
    if (!words.includes(value)) outOfRange(value, path, wanted);
  };
}

/** A whole number from `least` on. */
export function wholeFrom(least: number): Check {
  const wanted = `a whole number from ${least} on`;
  return (value, path) => {
    if (typeof value !== "number") wrongType(value, path, wanted);
    if (!Number.isSafeInteger(value) || value < least) {
      outOfRange(value, path, wanted);
    }
  };
}

/** `-1` for no limit, or a whole number from `least` on. */
export function wholeOrUnlimited(least: number): Check {
  const wanted = `-1 (no limit) or a whole number from ${least} on`;
  return (value, path) => {
    if (typeof value !== "number") wrongType(value, path, wanted);
    if (value === -1) return;
    if (!Number.isSafeInteger(value) || value < least) {
      outOfRange(value, path, wanted);
    }
  };
}

/** Milliseconds above 0. */
export function aDuration(value: unknown, path: string): void {
  const wanted = "a number of milliseconds above 0";
  if (typeof value !== "number") wrongType(value, path, wanted);
  if (!(value > 0 && value < Infinity)) outOfRange(value, path, wanted);
}

/** Milliseconds from 0 on, infinity included. */
export function aWait(value: unknown, path: string): void {
  const wanted = "a number of milliseconds from 0 on";
  if (typeof value !== "number") wrongType(value, path, wanted);
  if (!(value >= 0)) outOfRange(value, path, wanted);
}

/** An amount of a resource. */
export function anAmount(value: unknown, path: string): void {
  const wanted = "a number from 0 on, in steps of 0.0001";
  if (typeof value !== "number") wrongType(value, path, wanted);
  if (toUnits(value) === undefined) outOfRange(value, path, wanted);
}

/** An amount of GPUs: a part of one, or whole ones. */
export function gpuAmount(value: unknown, path: string): void {
  anAmount(value, path);
  if (Number(value) > 1 && !Number.isInteger(value)) {
    outOfRange(value, path, "a whole number when it is above 1");
  }
}

/** A number of bytes. */
export function aByteCount(value: unknown, path: string): void {
  const wanted = "a whole number of bytes from 0 on";
  if (typeof value !== "number") wrongType(value, path, wanted);
  if (!Number.isInteger(value) || toUnits(value) === undefined) {
    outOfRange(value, path, wanted);
  }
}

/** An array whose items all pass. */
export function listOf(check: Check, wanted: string): Check {
  return (value, path) => {
    if (!Array.isArray(value)) wrongType(value, path, wanted);
    for (let index = 0; index < value.length; index++) {
      check(value[index], `${path}[${index}]`);
    }
  };
}

/** An object whose values all pass, whatever their keys. */
export function recordOf(check: Check, wanted: string): Check {
  return (value, path) => {
    checkRecord(value, path, wanted);
    for (const [key, entry] of Object.entries(value)) {
      check(entry, `${path}.${key}`);
    }
  };
}

/** An object with no other keys than these; `undefined` is not given. */
export function shape(checks: Readonly<Record<string, Check>>): Check {
  return (value, path) => {
    checkRecord(value, path);
    for (const [key, entry] of Object.entries(value)) {
      const check = Object.hasOwn(checks, key) ? checks[key] : undefined;
      if (!check) {
        unknownKey(key, Object.keys(checks), `key "${path}.${key}"`);
      }
      if (entry !== undefined) check(entry, `${path}.${key}`);
    }
  };
}

/**
 * Throws the `TypeError` for a key that there is not, with what there is;
 * `what` names it and its place.
 */
export function unknownKey(
  key: string,
  known: readonly string[],
  what = `option "${key}"`,
): never {
  const close = closest(key, known);
  const hint = close === undefined ? "" : `did you mean "${close}"? `;
  const list = [...known].sort().join(", ") || "none";
  throw new TypeError(`Unknown ${what}: ${hint}There are ${list}`);
}

/** As `unknownKey`, for the options of a call: names all that there are not. */
function unknownOptions(
  unknown: readonly string[],
  known: readonly string[],
  call: string,
): never {
  const names = inWords(unknown.map((key) => `"${key}"`), "and");
  const what = `${unknown.length > 1 ? "options" : "option"} ${names}`;
  unknownKey(unknown[0]!, known, `${what} of ${call}`);
}

/** Throws unless the options have only these keys, with good values. */
export function checkShape(
  options: unknown,
  checks: Readonly<Record<string, Check>>,
  call: string,
): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `The options of ${call} must be an object, got ${shown(options)}`,
    );
  }
  const known = Object.keys(checks);
  const unknown = Object.keys(options).filter((key) => !known.includes(key));
  if (unknown.length > 0) unknownOptions(unknown, known, call);
  for (const [key, value] of Object.entries(options)) {
    if (value !== undefined) checks[key]!(value, key);
  }
}

/** The words as a sentence has them: `a, b or c`. */
export function inWords(words: readonly string[], joint: string): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} ${joint} ${words.at(-1)}`;
}

/** The known word that `word` was most likely meant to be, if any is near. */
function closest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.ceil(word.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(plainForm(word), plainForm(candidate));
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** `num_cpus` and `numCPUs` are `numcpus`: spelling differences only. */
function plainForm(word: string): string {
  return word.slice(0, 60).replaceAll("_", "").replaceAll("-", "")
    .toLowerCase();
}

/** How many characters must be put in, left out or replaced. */
function editDistance(source: string, target: string): number {
  let previous = Array.from({ length: target.length + 1 }, (_, i) => i);
  for (let i = 0; i < source.length; i++) {
    const row = [i + 1];
    for (let j = 0; j < target.length; j++) {
      const replaced = previous[j]! + (source[i] === target[j] ? 0 : 1);
      row.push(Math.min(replaced, previous[j + 1]! + 1, row[j]! + 1));
    }
    previous = row;
  }
  return previous[target.length]!;
}

// The one door to the test framework and the assertions: every test imports
// `describe`, `it` and its assertions from here, so that their source can be
// switched in one place. Works under `deno test` and `bun test`.
export {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  it,
} from "@std/testing/bdd";
import nodeAssert from "node:assert/strict";

/** A class whose instances are errors, whatever its constructor takes. */
export type ErrorClass<E extends Error = Error> = abstract new (
  ...args: never[]
) => E;

/** Fails unless `condition` is truthy. */
export function assert(
  condition: unknown,
  message = "Expected a truthy value",
): asserts condition {
  if (!condition) fail(message);
}

/** Fails unless both are deeply and strictly equal. */
export function assertEquals(
  actual: unknown,
  expected: unknown,
  message?: string,
): void {
  withMessage(message, () => nodeAssert.deepStrictEqual(actual, expected));
}

/** Fails unless both are the same value, as by `Object.is`. */
export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  message?: string,
): asserts actual is T {
  withMessage(message, () => nodeAssert.strictEqual(actual, expected));
}

/** Fails unless `text` matches `pattern`. */
export function assertMatch(
  text: string,
  pattern: RegExp,
  message?: string,
): void {
  if (!pattern.test(text)) {
    fail(message ?? `Expected ${quote(text)} to match ${pattern}`);
  }
}

/** Fails unless `text` has `part` in it. */
export function assertStringIncludes(
  text: string,
  part: string,
  message?: string,
): void {
  if (!text.includes(part)) {
    fail(message ?? `Expected ${quote(text)} to include ${quote(part)}`);
  }
}

/** Fails unless `value` is an instance of `expected`. */
export function assertInstanceOf<T>(
  value: unknown,
  expected: abstract new (...args: never[]) => T,
  message?: string,
): asserts value is T {
  if (!(value instanceof expected)) {
    fail(
      message ?? `Expected an instance of ${expected.name}, got ${show(value)}`,
    );
  }
}

/** Fails unless `fn` throws such an error; returns it. */
export function assertThrows(
  fn: () => unknown,
): Error;
export function assertThrows<E extends Error>(
  fn: () => unknown,
  expected: ErrorClass<E>,
  messageIncludes?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  expected: ErrorClass = Error,
  messageIncludes?: string,
): Error {
  let result: unknown;
  try {
    result = fn();
  } catch (error) {
    return checkError(error, expected, messageIncludes);
  }
  fail(`Expected ${expected.name} to be thrown, got ${show(result)}`);
}

/** Fails unless `fn` (or the promise) rejects with such an error; returns it. */
export function assertRejects(
  fn: (() => PromiseLike<unknown>) | PromiseLike<unknown>,
): Promise<Error>;
export function assertRejects<E extends Error>(
  fn: (() => PromiseLike<unknown>) | PromiseLike<unknown>,
  expected: ErrorClass<E>,
  messageIncludes?: string,
): Promise<E>;
export async function assertRejects(
  fn: (() => PromiseLike<unknown>) | PromiseLike<unknown>,
  expected: ErrorClass = Error,
  messageIncludes?: string,
): Promise<Error> {
  const promise = typeof fn === "function" ? fn() : fn;
  let result: unknown;
  try {
    result = await promise;
  } catch (error) {
    return checkError(error, expected, messageIncludes);
  }
  fail(`Expected a rejection with ${expected.name}, got ${show(result)}`);
}

function checkError(
  error: unknown,
  expected: ErrorClass,
  messageIncludes: string | undefined,
): Error {
  if (!(error instanceof expected)) {
    const failure = new nodeAssert.AssertionError({
      message: `Expected ${expected.name}, got ${show(error)}`,
    });
    failure.cause = error;
    throw failure;
  }
  if (
    messageIncludes !== undefined && !error.message.includes(messageIncludes)
  ) {
    fail(
      `Expected the message of ${expected.name} to include ` +
        `${quote(messageIncludes)}, got ${quote(error.message)}`,
    );
  }
  return error;
}

function withMessage(message: string | undefined, check: () => void): void {
  if (message === undefined) return check();
  try {
    check();
  } catch (error) {
    fail(`${message}: ${error instanceof Error ? error.message : error}`);
  }
}

function fail(message: string): never {
  throw new nodeAssert.AssertionError({ message });
}

function show(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (typeof value === "string") return quote(value);
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return String(value);
  }
}

function quote(text: string): string {
  return JSON.stringify(text);
}

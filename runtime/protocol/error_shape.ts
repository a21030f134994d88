// Which errors keep their class on their way between threads, and how they
// are made again. Shared by errors inside values (`value_writer.ts`) and
// errors of calls (`wire_error.ts`), so that both obey the same rules.

import { ERROR_CLASSES, MantaError } from "../base/errors.ts";

/**
 * What an error is made again as: a class of Manta's by its code, a class of
 * the language by its name, or else an Error that goes by another name.
 */
export type ErrorKind = "manta" | "builtin" | "plain";

/** An error without its fields, cause and parts. */
export interface ErrorShape {
  readonly kind: ErrorKind;
  /** The code for `manta`, the class name for `builtin`, else empty. */
  readonly className: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string | null;
}

/** Constructors of the language's errors that take a message alone. */
const BUILTIN_CLASSES: ReadonlyMap<
  string,
  new (message: string) => Error
> = new Map<string, new (message: string) => Error>([
  ["TypeError", TypeError],
  ["RangeError", RangeError],
  ["SyntaxError", SyntaxError],
  ["ReferenceError", ReferenceError],
  ["URIError", URIError],
  ["EvalError", EvalError],
]);

const BUILTIN_NAMES: ReadonlyMap<object, string> = new Map<object, string>([
  ...[...BUILTIN_CLASSES].map(([name, errorClass]) =>
    [errorClass.prototype, name] as const
  ),
  [AggregateError.prototype, "AggregateError"],
  [DOMException.prototype, "DOMException"],
]);

/** Fields of every error, which are not the user's own. */
const STANDARD_FIELDS = new Set(["name", "message", "stack", "cause"]);
const MANTA_FIELDS = new Set([...STANDARD_FIELDS, "code", "retryable"]);

/** Reads an error's shape; a getter of the user's may throw. */
export function errorShape(error: Error): ErrorShape {
  const stack: unknown = error.stack;
  return {
    ...errorClass(error),
    name: String(error.name),
    message: String(error.message),
    stack: typeof stack === "string" ? stack : null,
  };
}

function errorClass(error: Error): Pick<ErrorShape, "kind" | "className"> {
  if (error instanceof MantaError && ERROR_CLASSES.has(error.code)) {
    return { kind: "manta", className: error.code };
  }
  const builtin = BUILTIN_NAMES.get(Object.getPrototypeOf(error));
  return builtin === undefined
    ? { kind: "plain", className: "" }
    : { kind: "builtin", className: builtin };
}

/** The names of an error's own enumerable fields. */
export function errorFieldNames(error: Error): string[] {
  const skipped = error instanceof MantaError ? MANTA_FIELDS : STANDARD_FIELDS;
  return Object.keys(error).filter((key) => !skipped.has(key));
}

/**
 * Makes an error of that shape, or gives undefined if there is no such class,
 * which only bytes of a stranger can bring about.
 */
export function makeError(shape: ErrorShape): Error | undefined {
  const error = withoutFrames(() => construct(shape));
  if (!error) return undefined;
  if (error.name !== shape.name) defineHidden(error, "name", shape.name);
  defineHidden(error, "stack", shape.stack ?? undefined);
  return error;
}

/**
 * Frames of our own would be shown beside the stack that the error gets:
 * runtimes print an error nobody caught by the frames that they noted.
 */
function withoutFrames<T>(make: () => T): T {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function construct(shape: ErrorShape): Error | undefined {
  const { kind, className, name, message } = shape;
  if (kind === "plain") return new Error(message);
  if (kind === "manta") {
    const mantaClass = ERROR_CLASSES.get(className);
    return mantaClass && new mantaClass(message);
  }
  if (className === "AggregateError") return new AggregateError([], message);
  if (className === "DOMException") return new DOMException(message, name);
  const builtinClass = BUILTIN_CLASSES.get(className);
  return builtinClass && new builtinClass(message);
}

/** Sets a field the way the language sets `message`: not enumerable. */
export function defineHidden(
  error: Error,
  key: string,
  value: unknown,
): void {
  Object.defineProperty(error, key, {
    value,
    writable: true,
    configurable: true,
    enumerable: false,
  });
}

/** Sets a field as an assignment would, whatever its name. */
export function defineField(
  target: object,
  key: string,
  value: unknown,
): void {
  Object.defineProperty(target, key, {
    value,
    writable: true,
    configurable: true,
    enumerable: true,
  });
}

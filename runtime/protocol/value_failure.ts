// Why a value cannot be serialised, in words, and where in it. The path is
// put together while the failure leaves the writer, so that it costs nothing
// when there is none.

import { SerializationError } from "../base/errors.ts";

/** Characters of a path that are shown; the middle of longer ones goes. */
const PATH_CHARACTERS_MAX = 400;

/** Thrown inside the writer only; not an Error, so no stack is taken. */
export class ValueFailure {
  readonly reason: string;
  readonly cause: unknown;
  readonly hasCause: boolean;
  /** The steps of the path, the innermost first. */
  readonly segments: string[] = [];

  constructor(reason: string, ...causes: [] | [cause: unknown]) {
    this.reason = reason;
    this.hasCause = causes.length > 0;
    this.cause = causes[0];
  }

  /** The error for the user; `root` is what the value as a whole is called. */
  toError(root: string): SerializationError {
    const path = shorten(root + this.segments.toReversed().join(""));
    const options = { details: { path } };
    return new SerializationError(
      `Cannot serialize ${path}: ${this.reason}`,
      this.hasCause ? { ...options, cause: this.cause } : options,
    );
  }
}

/** What went wrong one level down, as a failure with one more step. */
export function failedAt(error: unknown, segment: string): ValueFailure {
  const failure = asFailure(error);
  failure.segments.push(segment);
  return failure;
}

/** Any thrown value as a failure; user code may throw while it is read. */
export function asFailure(error: unknown): ValueFailure {
  if (error instanceof ValueFailure) return error;
  if (error instanceof SerializationError) {
    return new ValueFailure(error.message, error);
  }
  if (isStackOverflow(error)) {
    return new ValueFailure(
      "the stack is too small for how deep it nests; flatten the value",
      error,
    );
  }
  return new ValueFailure(`reading it threw ${describeThrown(error)}`, error);
}

function isStackOverflow(error: unknown): boolean {
  // No regular expression: its matcher would need stack, too.
  return error instanceof RangeError && error.message.includes("call stack");
}

/** A thrown value in a few words; never throws itself. */
export function describeThrown(error: unknown): string {
  try {
    if (error instanceof Error) return `${error.name}: ${error.message}`;
    if (typeof error === "string") return JSON.stringify(error.slice(0, 200));
    if (typeof error === "object" && error !== null) {
      return `an object of class ${classNameOf(error)}`;
    }
    return typeof error === "function" ? "a function" : String(error);
  } catch {
    return "something that cannot be described";
  }
}

/** The step to a member: `.name` or `["odd name"]`. */
export function memberSegment(key: string): string {
  return /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u.test(key)
    ? `.${key}`
    : `[${JSON.stringify(key)}]`;
}

/** The step to the value of a Map's key, or to the key itself. */
export function mapSegment(key: unknown, index: number, atKey: boolean) {
  if (atKey) return `.keys()[${index}]`;
  switch (typeof key) {
    case "string":
      return `.get(${JSON.stringify(key)})`;
    case "bigint":
      return `.get(${key}n)`;
    case "number":
    case "boolean":
    case "undefined":
      return `.get(${key})`;
    default:
      return key === null ? ".get(null)" : `.values()[${index}]`;
  }
}

function shorten(path: string): string {
  if (path.length <= PATH_CHARACTERS_MAX) return path;
  const half = PATH_CHARACTERS_MAX / 2;
  return `${path.slice(0, half)}…${path.slice(-half)}`;
}

/** What to do with classes: code takes those along that it names. */
const NAMED_INSTEAD = "use it by its name in the code that needs it, which " +
  "is shipped with what it names";

/** Why a function or class cannot go, and what to do. */
export function functionReason(target: object): string {
  let name: unknown;
  let isClass = false;
  try {
    name = (target as { name?: unknown }).name;
    isClass = /^class\b/.test(Function.prototype.toString.call(target));
  } catch {
    // A proxy or an odd function; it stays nameless.
  }
  const noun = isClass ? "class" : "function";
  const named = typeof name === "string" && name !== ""
    ? `the ${noun} ${name}`
    : `a ${noun} without a name`;
  const wayOut = isClass ? NAMED_INSTEAD : "wrap it in remote()";
  return `${named} cannot be sent as a value; ${wayOut}`;
}

/** Why an actor class cannot go, and what to do. */
export function actorClassReason(name: string): string {
  return `the actor class ${name} cannot be sent as a value; ` +
    `${NAMED_INSTEAD}, or start an actor of it here and pass its handle`;
}

/** What to do instead, for classes of the platform that come up often. */
const WAYS_OUT: ReadonlyMap<string, string> = new Map([
  ["Promise", "await it first"],
  ["WeakMap", "pass a Map"],
  ["WeakSet", "pass a Set"],
  ["WeakRef", "pass what deref() gives"],
  ["FinalizationRegistry", "leave it out"],
  ["ReadableStream", "read it first and pass what it held"],
  ["WritableStream", "write in the thread that made it"],
  ["TransformStream", "use it in the thread that made it"],
  ["Blob", "pass what await blob.arrayBuffer() gives"],
  ["File", "pass what await file.arrayBuffer() gives"],
  ["Request", "pass its URL, headers and body as plain values"],
  ["Response", "pass what await response.json() or the like gives"],
  ["Headers", "pass Object.fromEntries(headers)"],
  ["FormData", "pass Object.fromEntries(form)"],
  ["URLSearchParams", "pass its toString()"],
  ["URL", "pass its href"],
  ["AbortSignal", "use context().signal in the task and cancel(ref) outside"],
  ["AbortController", "use cancel(ref) instead"],
  ["Generator", "collect what it yields into an array first"],
  ["AsyncGenerator", "collect what it yields into an array first"],
  ["Iterator", "collect what it yields into an array first"],
]);

/** Why an object that is not plain data cannot go, and what to do. */
export function objectReason(object: object): string {
  const name = classNameOf(object);
  for (
    let prototype: object | null = object;
    prototype;
    prototype = Object.getPrototypeOf(prototype)
  ) {
    const wayOut = WAYS_OUT.get(classNameOf(prototype));
    if (wayOut !== undefined) {
      return `an instance of ${name} cannot be sent to another thread; ${wayOut}`;
    }
  }
  return `it is an instance of ${name}, a class without a serializer; ` +
    `register the class with registerSerializer() or pass a plain object`;
}

/** The name of an object's class, or the nearest thing to one. */
export function classNameOf(object: object): string {
  try {
    const named = Reflect.get(object, "constructor") as unknown;
    if (typeof named === "function" && named !== Object && named.name !== "") {
      return String(named.name);
    }
    const tag: unknown = Reflect.get(object, Symbol.toStringTag);
    if (typeof tag === "string" && tag !== "") return tag;
  } catch {
    // A getter or a proxy that throws.
  }
  return "an anonymous class";
}

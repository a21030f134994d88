// Errors as plain objects that any CBOR codec carries, and back. Whatever was
// thrown can be written, with its causes; what cannot travel is left out and
// noted. Session objects in fields do not travel: an error holds no refs.

import { ProtocolError } from "../base/errors.ts";
import {
  ERROR_DEPTH_MAX,
  ERROR_FIELDS_BYTES_MAX,
  ERROR_PARTS_MAX,
  ERROR_TEXT_CHARACTERS_MAX,
} from "../base/limits.ts";
import {
  defineField,
  defineHidden,
  errorFieldNames,
  type ErrorKind,
  type ErrorShape,
  errorShape,
  makeError,
} from "./error_shape.ts";
import { type SerializerEntry, SerializerRegistry } from "./serializers.ts";
import {
  decodeValue,
  encodeValue,
  toPayload,
  type ValueHooks,
} from "./value_codec.ts";
import { describeThrown } from "./value_failure.ts";

/** An error, or another thrown value, in a message. */
export interface WireError {
  /**
   * `registered`: of a class with a serializer; it reads as `plain` where
   * that is missing. `value`: no error at all was thrown.
   */
  readonly kind: ErrorKind | "registered" | "value";
  /** The code, the class or the registered name, by `kind`; else empty. */
  readonly className: string;
  readonly name: string;
  readonly message: string;
  readonly stack: string | null;
  /** For `registered` what serialize() gave, for `value` the value. */
  readonly state?: Uint8Array;
  /** The error's own fields, each with its serialised value. */
  readonly fields?: readonly (readonly [name: string, value: Uint8Array])[];
  /** What was left out, each with the reason. */
  readonly omitted?: readonly string[];
  readonly cause?: WireError;
  /** The parts of an AggregateError. */
  readonly errors?: readonly WireError[];
}

/** What is shared by all parts of one error while it is written or read. */
interface Scope {
  readonly hooks: ValueHooks;
  readonly mapStack: (stack: string) => string;
  partsLeft: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const NO_HOOKS: Pick<ValueHooks, "serializers"> = {
  serializers: new SerializerRegistry(),
};

/** What is done with errors that are written. */
export interface ErrorHooks extends Pick<ValueHooks, "serializers"> {
  /** Leads a stack back to the source; the error itself may be frozen. */
  readonly mapStack?: (stack: string) => string;
}

/** Writes whatever was thrown; never throws itself. */
export function encodeError(
  thrown: unknown,
  hooks: ErrorHooks = NO_HOOKS,
): WireError {
  const scope = openScope(hooks);
  return encodePart(thrown, scope, []);
}

/**
 * Makes the error again. If something else was thrown, the result is an Error
 * whose `cause` it is; `decodeThrown` gives the value itself.
 *
 * @throws {ProtocolError} if `wire` is no error.
 */
export function decodeError(
  wire: unknown,
  hooks: Pick<ValueHooks, "serializers"> = NO_HOOKS,
): Error {
  const thrown = decodeThrown(wire, hooks);
  if (thrown instanceof Error) return thrown;
  return new Error(`Thrown was ${describeThrown(thrown)}, not an Error`, {
    cause: thrown,
  });
}

/** Makes what was thrown again, error or not. */
export function decodeThrown(
  wire: unknown,
  hooks: Pick<ValueHooks, "serializers"> = NO_HOOKS,
): unknown {
  return decodePart(wire, openScope(hooks), 0);
}

function openScope(
  { serializers, mapStack = (stack) => stack }: ErrorHooks,
): Scope {
  return {
    mapStack,
    hooks: {
      replace: () => undefined,
      revive: () => {
        throw new ProtocolError("Cannot read an error: it holds a ref");
      },
      serializers,
    },
    partsLeft: ERROR_PARTS_MAX,
  };
}

// -- Writing --

/** `around` are the errors that this one is a cause or a part of. */
function encodePart(
  thrown: unknown,
  scope: Scope,
  around: readonly unknown[],
): WireError {
  scope.partsLeft--;
  try {
    return isError(thrown)
      ? encodeErrorPart(thrown, scope, around)
      : encodeOtherPart(thrown, scope);
  } catch (error) {
    return {
      ...plainShape(
        `An error could not be read: ${clip(describeThrown(error))}`,
      ),
    };
  }
}

function encodeErrorPart(
  error: Error,
  scope: Scope,
  around: readonly unknown[],
): WireError {
  const omitted: string[] = [];
  const shape = readShape(error, omitted);
  const wire: Mutable<WireError> = {
    ...shape,
    message: clip(shape.message),
    stack: shape.stack === null ? null : clip(scope.mapStack(shape.stack)),
  };
  const entry = scope.hooks.serializers.findByPrototype(
    Object.getPrototypeOf(error),
  );
  if (!entry || !encodeState(error, entry, wire, scope, omitted)) {
    encodeFields(error, wire, scope, omitted);
  }
  encodeLinks(error, wire, scope, [...around, error], omitted);
  if (omitted.length > 0) wire.omitted = omitted;
  return wire;
}

/** An error's shape, as far as its getters let it be read. */
function readShape(error: Error, omitted: string[]): ErrorShape {
  try {
    return errorShape(error);
  } catch (thrown) {
    omitted.push(`class: ${clip(describeThrown(thrown))}`);
  }
  const shape: Mutable<ErrorShape> = plainShape("");
  for (const key of ["name", "message", "stack"] as const) {
    try {
      shape[key] = String(error[key]);
    } catch (thrown) {
      omitted.push(`${key}: ${clip(describeThrown(thrown))}`);
    }
  }
  return shape;
}

function plainShape(message: string): ErrorShape {
  return { kind: "plain", className: "", name: "Error", message, stack: null };
}

/** Writes what the class's serializer makes of the error, if it can. */
function encodeState(
  error: Error,
  entry: SerializerEntry,
  wire: Mutable<WireError>,
  scope: Scope,
  omitted: string[],
): boolean {
  try {
    const state = encodeBounded(entry.serialize(error), "state", scope);
    wire.kind = "registered";
    wire.className = entry.name;
    wire.state = state;
    return true;
  } catch (thrown) {
    omitted.push(`class ${entry.name}: ${clip(describeThrown(thrown))}`);
    return false;
  }
}

function encodeFields(
  error: Error,
  wire: Mutable<WireError>,
  scope: Scope,
  omitted: string[],
): void {
  const fields: (readonly [string, Uint8Array])[] = [];
  let bytesLeft = ERROR_FIELDS_BYTES_MAX;
  for (const key of errorFieldNames(error)) {
    try {
      const value = encodeBounded(Reflect.get(error, key), key, scope);
      bytesLeft -= value.length + key.length;
      if (bytesLeft < 0) throw new RangeError("the fields are too large");
      fields.push([key, value]);
    } catch (thrown) {
      if (omitted.length >= ERROR_PARTS_MAX) break;
      omitted.push(`${clip(key)}: ${clip(describeThrown(thrown))}`);
    }
  }
  if (fields.length > 0) wire.fields = fields;
}

function encodeBounded(
  value: unknown,
  root: string,
  scope: Scope,
): Uint8Array {
  const encoded = encodeValue(value, root, scope.hooks);
  if (encoded.sizeBytes > ERROR_FIELDS_BYTES_MAX) {
    throw new RangeError(
      `it takes ${encoded.sizeBytes} bytes, more than ${ERROR_FIELDS_BYTES_MAX}`,
    );
  }
  return toPayload(encoded);
}

function encodeLinks(
  error: Error,
  wire: Mutable<WireError>,
  scope: Scope,
  around: readonly unknown[],
  omitted: string[],
): void {
  if (Object.hasOwn(error, "cause")) {
    const cause = error.cause;
    const reason = whyNotLink(cause, scope, around);
    if (reason === undefined) wire.cause = encodePart(cause, scope, around);
    else omitted.push(`cause: ${reason}`);
  }
  if (!(error instanceof AggregateError)) return;
  const parts: readonly unknown[] = error.errors;
  const errors: WireError[] = [];
  for (const [i, part] of parts.entries()) {
    const reason = whyNotLink(part, scope, around);
    if (reason !== undefined) {
      omitted.push(`errors[${i}] and later: ${reason}`);
      break;
    }
    errors.push(encodePart(part, scope, around));
  }
  wire.errors = errors;
}

function whyNotLink(
  link: unknown,
  scope: Scope,
  around: readonly unknown[],
): string | undefined {
  if (around.includes(link)) return "it leads back to the error itself";
  if (around.length >= ERROR_DEPTH_MAX) {
    return `it lies deeper than ${ERROR_DEPTH_MAX} causes`;
  }
  return scope.partsLeft > 0
    ? undefined
    : `the error has more than ${ERROR_PARTS_MAX} parts`;
}

function encodeOtherPart(thrown: unknown, scope: Scope): WireError {
  try {
    const state = encodeBounded(thrown, "thrown", scope);
    return { ...plainShape(""), kind: "value", state };
  } catch (reason) {
    return {
      ...plainShape(`Thrown was ${clip(describeThrown(thrown))}, no Error`),
      omitted: [`value: ${clip(describeThrown(reason))}`],
    };
  }
}

function isError(thrown: unknown): thrown is Error {
  try {
    return thrown instanceof Error;
  } catch {
    return false;
  }
}

function clip(text: string): string {
  if (text.length <= ERROR_TEXT_CHARACTERS_MAX) return text;
  const more = text.length - ERROR_TEXT_CHARACTERS_MAX;
  return `${
    text.slice(0, ERROR_TEXT_CHARACTERS_MAX)
  }… (${more} more characters)`;
}

// -- Reading --

function decodePart(wire: unknown, scope: Scope, depth: number): unknown {
  if (depth >= ERROR_DEPTH_MAX || scope.partsLeft-- <= 0) {
    throw malformed("it has too many parts");
  }
  checkWireError(wire);
  if (wire.kind === "value") {
    return decodeValue(wire.state!, scope.hooks, { share: false });
  }
  const omitted = [...wire.omitted ?? []];
  const error = wire.kind === "registered"
    ? decodeRegistered(wire, scope, omitted)
    : makeError(wire as ErrorShape);
  if (!error) throw malformed("it is of a class that is not known");
  for (const [key, bytes] of wire.fields ?? []) {
    try {
      const value = decodeValue(bytes, scope.hooks, { share: false });
      defineField(error, key, value);
    } catch (thrown) {
      if (thrown instanceof ProtocolError) throw thrown;
      omitted.push(`${key}: ${describeThrown(thrown)}`);
    }
  }
  if (omitted.length > 0) defineField(error, "omittedFields", omitted);
  if (wire.cause) {
    defineHidden(error, "cause", decodePart(wire.cause, scope, depth + 1));
  }
  if (wire.errors) {
    const errors = wire.errors.map((part) =>
      decodePart(part, scope, depth + 1)
    );
    defineHidden(error, "errors", errors);
  }
  return error;
}

/** An error of a registered class, or a plain one if that does not work. */
function decodeRegistered(
  wire: WireError,
  scope: Scope,
  omitted: string[],
): Error | undefined {
  const entry = scope.hooks.serializers.findByName(wire.className);
  try {
    if (!entry) throw new TypeError("it is not registered in this thread");
    const state = decodeValue(wire.state!, scope.hooks, { share: false });
    const error = entry.deserialize(state);
    if (!isError(error)) throw new TypeError("deserialize() gave no Error");
    defineHidden(error, "stack", wire.stack ?? undefined);
    return error;
  } catch (thrown) {
    if (thrown instanceof ProtocolError) throw thrown;
    omitted.push(`class ${wire.className}: ${describeThrown(thrown)}`);
    return makeError({ ...wire, kind: "plain" });
  }
}

const KINDS: ReadonlySet<unknown> = new Set<WireError["kind"]>([
  "manta",
  "builtin",
  "plain",
  "registered",
  "value",
]);

function checkWireError(wire: unknown): asserts wire is WireError {
  if (typeof wire !== "object" || wire === null) {
    throw malformed("it is not an object");
  }
  const { kind, className, name, message, stack, state, ...rest } =
    wire as Record<string, unknown>;
  const { fields = [], omitted = [], errors = [] } = rest;
  if (!KINDS.has(kind)) throw malformed("its kind is not known");
  const texts = [className, name, message];
  if (!texts.every(isString) || !(stack === null || isString(stack))) {
    throw malformed("a text is not a string");
  }
  if ((kind === "registered" || kind === "value") && !isBytes(state)) {
    throw malformed("it has no state");
  }
  if (!Array.isArray(omitted) || !omitted.every(isString)) {
    throw malformed("its notes are not strings");
  }
  if (!Array.isArray(errors)) throw malformed("its parts are not a list");
  if (!Array.isArray(fields) || !fields.every(isField)) {
    throw malformed("its fields are not a list of names with bytes");
  }
}

function isString(value: unknown): value is string {
  return typeof value === "string";
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

function isField(field: unknown): boolean {
  return Array.isArray(field) && field.length === 2 && isString(field[0]) &&
    isBytes(field[1]);
}

function malformed(reason: string): ProtocolError {
  return new ProtocolError(`Cannot read an error: ${reason}`);
}

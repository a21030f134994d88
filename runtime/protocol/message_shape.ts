// What the fields of messages must be, said once and checked wherever a message
// comes from another process. Shapes are tied to the types of the messages: a
// field that nobody checks does not compile. Knows no message by its name.

import { ProtocolError } from "../base/errors.ts";
import {
  MESSAGE_ID_CHARACTERS_MAX,
  MESSAGE_ITEMS_MAX,
  MESSAGE_TEXT_CHARACTERS_MAX,
  RESOURCE_AMOUNT_MAX,
} from "../base/limits.ts";
import { RESOURCE_UNIT, type ResourceSet } from "../base/resources.ts";

/**
 * Looks at a value. Gives the path of the first thing in it that is not as it
 * must be, "" for the value itself, and nothing if all is well.
 */
export interface Shape<T> {
  (value: unknown): string | undefined;
  /** For the compiler alone: what passes. */
  readonly passes?: T;
}

/** The shape of a field that may be missing. */
export interface OptionalShape<T> extends Shape<T | undefined> {
  readonly isOptional: true;
}

/** A shape for each field of an object. */
export type Fields<T> = {
  readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K>
    ? OptionalShape<T[K]>
    : Shape<T[K]>;
};

/** The fields of each message of a union, by its type. */
export type MessageFields<M extends { readonly type: string }> = {
  readonly [Type in M["type"]]: Fields<
    Omit<Extract<M, { readonly type: Type }>, "type">
  >;
};

type AnyShape = Shape<unknown>;

/** Reads messages that any process may have written. */
export class MessageReader<M extends { readonly type: string }> {
  readonly #fields: ReadonlyMap<
    string,
    readonly (readonly [name: string, shape: AnyShape])[]
  >;

  /** `types` are the messages that the sender may send; else all of them. */
  constructor(
    fields: MessageFields<M>,
    types = Object.keys(fields) as readonly M["type"][],
  ) {
    this.#fields = new Map(
      types.map((type) => [type, Object.entries<AnyShape>(fields[type])]),
    );
  }

  /** Whether a message is one of them, by its type. */
  knows(type: string): boolean {
    return this.#fields.has(type);
  }

  /** @throws {ProtocolError} if the message is none of them, or is not whole. */
  read(message: { readonly type: string }): M {
    const { type } = message;
    if (!this.knows(type)) throw unexpectedMessage(type);
    const path = this.#pathIn(message);
    if (path !== undefined) throw brokenField(type, path);
    return message as M;
  }

  /** One of them as a part of another message. */
  readonly shape: Shape<M> = (value) => {
    if (!isPlain(value) || !this.knows(String(value["type"]))) return "";
    const path = this.#pathIn(value as { readonly type: string });
    return path === undefined ? undefined : `.${path}`;
  };

  #pathIn(message: { readonly type: string }): string | undefined {
    const values = message as Readonly<Record<string, unknown>>;
    for (const [name, shape] of this.#fields.get(message.type)!) {
      const path = shape(values[name]);
      if (path !== undefined) return name + path;
    }
    return undefined;
  }
}

/** The error for a message that its sender never sends. */
export function unexpectedMessage(type: string): ProtocolError {
  const shown = type.slice(0, SHOWN_CHARACTERS_MAX);
  return new ProtocolError(`Cannot read ${shown}: nobody sends it here`, {
    details: { messageType: shown },
  });
}

/** The error for a field that is not as it must be. */
export function brokenField(type: string, field: string): ProtocolError {
  return new ProtocolError(
    `Cannot read ${type}: its field ${field} is not what it must be`,
    { details: { messageType: type, field } },
  );
}

/**
 * Does what a message of a stranger asks for. Whatever that throws is the
 * stranger's doing: it ends the link, and not who has the other end.
 */
export function withStranger(work: () => void): void {
  try {
    work();
  } catch (error) {
    throw asProtocolError(error);
  }
}

/** What was thrown at a message of a stranger. */
export function asProtocolError(error: unknown): ProtocolError {
  if (error instanceof ProtocolError) return error;
  return new ProtocolError(`Cannot take in what a peer has sent: ${error}`, {
    cause: error,
  });
}

/** Of a name in an error that a stranger may have chosen. */
const SHOWN_CHARACTERS_MAX = 64;

// -- Single values -----------------------------------------------------------

/** What holds or not, without anything inside. */
export function passing<T>(isSo: (value: unknown) => boolean): Shape<T> {
  return (value) => isSo(value) ? undefined : "";
}

/** A name that a program made; ids are compared, and never taken apart. */
export function id<T extends string>(): Shape<T> {
  return text<T>(MESSAGE_ID_CHARACTERS_MAX);
}

export function text<T extends string = string>(
  charactersMax = MESSAGE_TEXT_CHARACTERS_MAX,
): Shape<T> {
  return passing((value) =>
    typeof value === "string" && value.length <= charactersMax
  );
}

/** A text of one kind. */
export function matching<T extends string>(pattern: RegExp): Shape<T> {
  return passing((value) => typeof value === "string" && pattern.test(value));
}

export function oneOf<const T>(...values: readonly T[]): Shape<T> {
  return passing((value) => values.includes(value as T));
}

export function whole(least: number, most: number): Shape<number> {
  return passing((value) =>
    Number.isSafeInteger(value) && value as number >= least &&
    value as number <= most
  );
}

/** A number from 0 on. */
export const COUNT: Shape<number> = whole(0, Number.MAX_SAFE_INTEGER);

/** A number from 0 on, or `Infinity`. */
export const COUNT_OR_UNLIMITED: Shape<number> = passing((value) =>
  value === Infinity || COUNT(value) === undefined
);

/** A time or a duration in milliseconds. */
export const TIME_MS: Shape<number> = passing((value) =>
  Number.isFinite(value) && value as number >= 0
);

export const BOOLEAN: Shape<boolean> = passing((value) =>
  typeof value === "boolean"
);

export const BYTES: Shape<Uint8Array> = passing((value) =>
  value instanceof Uint8Array
);

/** Whatever a frame can hold; for who looks at it elsewhere. */
export const ANYTHING: Shape<never> = passing(() => true);

// -- What is made of them ----------------------------------------------------

export function optional<T>(shape: Shape<T>): OptionalShape<T> {
  return Object.assign(
    (value: unknown) => value === undefined ? undefined : shape(value),
    { isOptional: true } as const,
  );
}

export function anyOf<T>(...shapes: readonly Shape<T>[]): Shape<T> {
  return passing((value) => shapes.some((shape) => shape(value) === undefined));
}

/** For a shape that is in itself: it is made when it is needed. */
export function later<T>(shape: () => Shape<T>): Shape<T> {
  return (value) => shape()(value);
}

export function list<T>(
  shape: Shape<T>,
  itemsMax = MESSAGE_ITEMS_MAX,
): Shape<readonly T[]> {
  return (value) => {
    if (!Array.isArray(value) || value.length > itemsMax) return "";
    for (const [index, item] of value.entries()) {
      const path = shape(item);
      if (path !== undefined) return `[${index}]${path}`;
    }
    return undefined;
  };
}

/** A list of this length, with a shape for each place. */
export function tuple<T extends readonly unknown[]>(
  ...shapes: { readonly [K in keyof T]: Shape<T[K]> }
): Shape<T> {
  return (value) => {
    if (!Array.isArray(value) || value.length !== shapes.length) return "";
    for (const [index, shape] of shapes.entries()) {
      const path = shape(value[index]);
      if (path !== undefined) return `[${index}]${path}`;
    }
    return undefined;
  };
}

export function object<T extends object>(fields: Fields<T>): Shape<T> {
  const shapes = Object.entries<AnyShape>(fields);
  return (value) => {
    if (!isPlain(value)) return "";
    for (const [name, shape] of shapes) {
      const path = shape(value[name]);
      if (path !== undefined) return `.${name}${path}`;
    }
    return undefined;
  };
}

/** An object with names of anybody's choice. */
export function record<T>(shape: Shape<T>): Shape<Readonly<Record<string, T>>> {
  return (value) => {
    if (!isPlain(value)) return "";
    const names = Object.keys(value);
    if (names.length > MESSAGE_ITEMS_MAX) return "";
    for (const name of names) {
      // Who looks such a name up would find what all objects have.
      const isGood = name.length <= MESSAGE_TEXT_CHARACTERS_MAX &&
        !(name in Object.prototype);
      if (!isGood || shape(value[name]) !== undefined) {
        return `.${name.slice(0, SHOWN_CHARACTERS_MAX)}`;
      }
    }
    return undefined;
  };
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === Object.prototype;
}

/** Amounts of resources, in units: more than integers that are safe. */
export const RESOURCES: Shape<ResourceSet> = record(
  passing((value) =>
    Number.isInteger(value) && value as number >= 0 &&
    value as number <= RESOURCE_AMOUNT_MAX * RESOURCE_UNIT
  ),
);

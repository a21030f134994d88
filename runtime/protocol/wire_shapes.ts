// The shapes of what stands in messages to nodes and to threads alike: ids,
// values, errors, code. Values of users in them are checked by their codec.

import type {
  ActorId,
  LeaseId,
  PlacementGroupId,
  WorkerId,
} from "../base/ids.ts";
import {
  anyOf,
  BYTES,
  COUNT,
  type Fields,
  id,
  later,
  list,
  object,
  oneOf,
  optional,
  passing,
  record,
  type Shape,
  text,
  tuple,
} from "./message_shape.ts";
import type {
  ObjectKey,
  Primitive,
  WireCode,
  WireEnvironment,
  WireHeld,
  WireValue,
} from "./messages.ts";
import { isPrimitive } from "./primitive.ts";
import type { WireError } from "./wire_error.ts";

export const WORKER: Shape<WorkerId> = id();
export const ACTOR: Shape<ActorId> = id();
export const LEASE: Shape<LeaseId> = id();
export const GROUP: Shape<PlacementGroupId> = id();
export const TEXT: Shape<string> = text();
export const TEXTS: Shape<Readonly<Record<string, string>>> = record(TEXT);

/** Fields, and the parts of the error, are checked by who decodes it. */
export const ERROR: Shape<WireError> = object<WireError>({
  kind: oneOf("plain", "builtin", "manta", "registered", "value"),
  className: TEXT,
  name: TEXT,
  message: TEXT,
  stack: anyOf<string | null>(TEXT, oneOf(null)),
  state: optional(BYTES),
  fields: optional(list(tuple<readonly [string, Uint8Array]>(TEXT, BYTES))),
  omitted: optional(list(TEXT)),
  cause: optional(later(() => ERROR)),
  errors: optional(later(() => list(ERROR))),
});

export const PRIMITIVE: Shape<Primitive> = passing(isPrimitive);
const OBJECT = tuple<ObjectKey>(WORKER, COUNT);
/** As many as a frame holds. */
const HELD: Fields<WireHeld> = {
  c: optional(list(OBJECT, Infinity)),
  a: optional(list(ACTOR, Infinity)),
};
type Having<Key extends string> = Extract<WireValue, Record<Key, unknown>>;
export const VALUE: Shape<WireValue> = anyOf<WireValue>(
  object<Having<"p">>({ p: BYTES, ...HELD }),
  object<Having<"o">>({ o: OBJECT, at: optional(COUNT), ...HELD }),
  passing((value) =>
    Object.hasOwn(value ?? {}, "v") &&
    PRIMITIVE((value as { v: unknown }).v) === undefined
  ),
);

export const CODE: Shape<WireCode> = object<WireCode>({
  hash: TEXT,
  exportName: TEXT,
  path: TEXT,
});

export const ENVIRONMENT: Shape<WireEnvironment> = object<WireEnvironment>({
  envVars: optional(TEXTS),
  workingDirectory: optional(TEXT),
  npm: optional(list(TEXT)),
});

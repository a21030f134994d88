// What a driver in another process and its node's object store say to one
// another: as threads do, but objects cross in chunks, as no memory is shared.
// The link between them keeps order and loses nothing. docs/protocol.md has the
// whole.

import { ProtocolError } from "../base/errors.ts";
import type { WorkerId } from "../base/ids.ts";
import { VALUE_BYTES_MAX } from "../base/limits.ts";
import {
  type FromStore,
  isFromStore,
  isToStore,
  type RequestId,
  type ToStore,
} from "./messages.ts";

/** A part of an object, in order. */
export interface ObjectChunk {
  readonly type: "object_chunk";
  readonly requestId: RequestId;
  readonly offset: number;
  readonly bytes: Uint8Array;
  /** CRC-32 of the bytes; between nodes. */
  readonly checksum?: number;
}

/** So many chunks have been taken in: as many more may come. */
export interface ChunksTaken {
  readonly type: "chunks_taken";
  readonly count: number;
}

/** The driver wants no more of an object that was found. */
export interface ObjectClose {
  readonly type: "object_close";
  readonly requestId: RequestId;
}

/** From a driver to its node's store. */
export type ToRemoteStore =
  | Extract<
    ToStore,
    {
      type:
        | "object_create"
        | "object_seal"
        | "object_abort"
        | "object_open"
        | "object_free";
    }
  >
  | ObjectChunk
  | ChunksTaken
  | ObjectClose;

/** From the store to a driver. */
export type FromRemoteStore =
  | Extract<FromStore, { type: "object_denied" | "garbage_collect" }>
  /** There is room: the chunks of the object may come. */
  | { readonly type: "object_granted"; readonly requestId: RequestId }
  /** The sealed object follows in chunks. */
  | {
    readonly type: "object_found";
    readonly requestId: RequestId;
    readonly sizeBytes: number;
  }
  | ObjectChunk
  | ChunksTaken;

const FROM_REMOTE_STORE: ReadonlySet<string> = new Set<FromRemoteStore["type"]>(
  ["object_granted", "object_found", "object_chunk", "chunks_taken"],
);

/** Whether a message comes from the store, whichever way it is reached. */
export function isFromAnyStore(
  message: { readonly type: string },
): message is FromStore | FromRemoteStore {
  return isFromStore(message) || FROM_REMOTE_STORE.has(message.type);
}

/** What a field must be. */
type Check = (value: unknown) => boolean;

/** More than any id has. */
const ID_CHARACTERS_MAX = 64;

function isUpTo(max: number): Check {
  return (value) =>
    Number.isSafeInteger(value) && value as number >= 0 &&
    value as number <= max;
}

function isId(value: unknown): boolean {
  return typeof value === "string" && value.length <= ID_CHARACTERS_MAX;
}

function isBytes(value: unknown): boolean {
  return value instanceof Uint8Array;
}

const isCount = isUpTo(Number.MAX_SAFE_INTEGER);
const isSize = isUpTo(VALUE_BYTES_MAX);
const OBJECT = { owner: isId, number: isCount } as const;
const REQUEST = { requestId: isCount } as const;

/** The fields of each message from a driver. */
const FIELDS: {
  readonly [Type in ToRemoteStore["type"]]: Readonly<Record<string, Check>>;
} = {
  object_create: { ...REQUEST, ...OBJECT, sizeBytes: isSize },
  object_chunk: { ...REQUEST, offset: isCount, bytes: isBytes },
  object_seal: REQUEST,
  object_abort: REQUEST,
  object_open: { ...REQUEST, ...OBJECT },
  object_close: REQUEST,
  object_free: OBJECT,
  chunks_taken: { count: isCount },
};

/**
 * Checks a message that any process may have written. Undefined if it is not
 * for the store; a `ProtocolError` if it is for it and is none of a driver's.
 */
export function readToRemoteStore(
  message: { readonly type: string },
): ToRemoteStore | undefined {
  const { type } = message;
  if (!Object.hasOwn(FIELDS, type)) {
    if (isToStore(message)) throw broken(type, "no driver sends it");
    return undefined;
  }
  const fields = FIELDS[type as ToRemoteStore["type"]];
  for (const [name, isValid] of Object.entries(fields)) {
    if (isValid((message as unknown as Record<string, unknown>)[name])) {
      continue;
    }
    throw broken(type, `its ${name} is none`);
  }
  return message as ToRemoteStore;
}

/** Only the driver itself writes and frees what it owns. */
export function requireOwner(
  { type, owner }: { readonly type: string; readonly owner: WorkerId },
  driver: WorkerId,
): void {
  if (owner !== driver) throw broken(type, "another owns the object");
}

function broken(type: string, why: string): ProtocolError {
  return new ProtocolError(`Cannot read ${type}: ${why}`);
}

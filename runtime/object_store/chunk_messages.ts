// What a driver in another process and its node's object store say to one
// another: as threads do, but objects cross in chunks, as no memory is shared.
// The link between them keeps order and loses nothing. docs/protocol.md has the
// whole.

import { ProtocolError } from "../base/errors.ts";
import type { WorkerId } from "../base/ids.ts";
import {
  OBJECT_CHUNK_BYTES_MAX,
  OBJECT_CHUNKS_MAX,
  VALUE_BYTES_MAX,
} from "../base/limits.ts";
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
}

/** The same, where its bytes lie in a slot of the sender's file. */
export interface PlacedChunk {
  readonly type: "chunk_placed";
  readonly requestId: RequestId;
  readonly offset: number;
  readonly length: number;
  readonly slot: number;
}

/** So many chunks have been taken in: as many more may come. */
export interface ChunksTaken {
  readonly type: "chunks_taken";
  readonly count: number;
}

/**
 * The sender has made a file for chunks, its process has it open by this
 * number, and it begins with the proof. No chunk is sent before the answer.
 */
export interface ChunkFileOffered {
  readonly type: "chunk_file_offered";
  readonly fd: number;
  readonly proof: string;
}

/** Whether the receiver has the file open. */
export interface ChunkFileAnswered {
  readonly type: "chunk_file_answered";
  readonly isOpen: boolean;
}

/** The sender uses the file no more. */
export interface ChunkFileClosed {
  readonly type: "chunk_file_closed";
}

/** What both sides of a connection say of chunks. */
export type ChunkMessage =
  | ObjectChunk
  | PlacedChunk
  | ChunksTaken
  | ChunkFileOffered
  | ChunkFileAnswered
  | ChunkFileClosed;

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
  | ChunkMessage
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
  | ChunkMessage;

/** What a field must be. */
type Check = (value: unknown) => boolean;

type Fields<Type extends string> = {
  readonly [Each in Type]: Readonly<Record<string, Check>>;
};

/** More than any id has. */
const ID_CHARACTERS_MAX = 64;

const isCount = isUpTo(Number.MAX_SAFE_INTEGER);

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

function isBoolean(value: unknown): boolean {
  return typeof value === "boolean";
}

/** The fields of each message about chunks. */
const CHUNK_FIELDS: Fields<ChunkMessage["type"]> = {
  object_chunk: { requestId: isCount, offset: isCount, bytes: isBytes },
  chunk_placed: {
    ...{ requestId: isCount, offset: isCount },
    length: isUpTo(OBJECT_CHUNK_BYTES_MAX),
    slot: isUpTo(OBJECT_CHUNKS_MAX - 1),
  },
  chunks_taken: { count: isCount },
  chunk_file_offered: { fd: isCount, proof: isId },
  chunk_file_answered: { isOpen: isBoolean },
  chunk_file_closed: {},
};

const FROM_REMOTE_STORE: ReadonlySet<string> = new Set([
  ...["object_granted", "object_found"],
  ...Object.keys(CHUNK_FIELDS),
]);

/** Whether a message is about chunks, in either direction. */
export function isChunkMessage(
  message: { readonly type: string },
): message is ChunkMessage {
  return Object.hasOwn(CHUNK_FIELDS, message.type);
}

/** Whether a message comes from the store, whichever way it is reached. */
export function isFromAnyStore(
  message: { readonly type: string },
): message is FromStore | FromRemoteStore {
  return isFromStore(message) || FROM_REMOTE_STORE.has(message.type);
}

const isSize = isUpTo(VALUE_BYTES_MAX);
const OBJECT = { owner: isId, number: isCount } as const;
const REQUEST = { requestId: isCount } as const;

/** The fields of each message from a driver. */
const FIELDS: Fields<ToRemoteStore["type"]> = {
  ...CHUNK_FIELDS,
  object_create: { ...REQUEST, ...OBJECT, sizeBytes: isSize },
  object_seal: REQUEST,
  object_abort: REQUEST,
  object_open: { ...REQUEST, ...OBJECT },
  object_close: REQUEST,
  object_free: OBJECT,
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

// What a driver in another process and its node's object store say to one
// another: as threads do, but objects cross in chunks, as no memory is shared.
// The link between them keeps order and loses nothing. docs/protocol.md has the
// whole.

import type { WorkerId } from "../base/ids.ts";
import {
  OBJECT_CHUNK_BYTES_MAX,
  OBJECT_CHUNKS_MAX,
  VALUE_BYTES_MAX,
} from "../base/limits.ts";
import {
  BOOLEAN,
  brokenField,
  BYTES,
  COUNT,
  id,
  list,
  type MessageFields,
  MessageReader,
  text,
  tuple,
  unexpectedMessage,
  whole,
} from "../protocol/message_shape.ts";
import {
  type FromStore,
  isFromStore,
  isToStore,
  type RecalledObject,
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

/** The same, as nodes send them to one another. */
export interface CheckedChunk extends ObjectChunk {
  /** CRC-32 of the bytes. */
  readonly checksum: number;
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

/** What another node answers to what this one reads there. */
export type FromOtherNode =
  | Extract<FromRemoteStore, { type: "object_found" | "object_denied" }>
  | CheckedChunk
  | PlacedChunk
  | ChunkFileOffered
  | ChunkFileClosed;

const REQUEST = { requestId: COUNT } as const;
const OBJECT = { owner: id<WorkerId>(), number: COUNT } as const;
const SIZE = whole(0, VALUE_BYTES_MAX);
const OF_BOTH = {
  object_create: { ...REQUEST, ...OBJECT, sizeBytes: SIZE },
  object_seal: REQUEST,
  object_abort: REQUEST,
  object_open: { ...REQUEST, ...OBJECT },
  object_free: OBJECT,
} as const;

/** The fields of each message about chunks. */
const CHUNK_FIELDS: MessageFields<ChunkMessage> = {
  object_chunk: { ...REQUEST, offset: COUNT, bytes: BYTES },
  chunk_placed: {
    ...REQUEST,
    offset: COUNT,
    length: whole(0, OBJECT_CHUNK_BYTES_MAX),
    slot: whole(0, OBJECT_CHUNKS_MAX - 1),
  },
  chunks_taken: { count: COUNT },
  chunk_file_offered: { fd: COUNT, proof: id() },
  chunk_file_answered: { isOpen: BOOLEAN },
  chunk_file_closed: {},
};

const OF_DRIVER = new MessageReader<ToRemoteStore>({
  ...OF_BOTH,
  ...CHUNK_FIELDS,
  object_close: REQUEST,
});

/** Reads what a child process says to its node's store. */
export const CHILD_TO_STORE = new MessageReader<ToStore>({
  ...OF_BOTH,
  mapping_close: REQUEST,
  segment_want: { segmentId: COUNT },
  objects_recalled: { objects: list(tuple<RecalledObject>(COUNT, COUNT)) },
  segment_release: { segmentId: COUNT },
});

/** Reads what another node answers. */
export const FROM_OTHER_NODE = new MessageReader<FromOtherNode>({
  object_found: { ...REQUEST, sizeBytes: SIZE },
  object_denied: { ...REQUEST, reason: text(), capacityBytes: COUNT },
  object_chunk: { ...CHUNK_FIELDS.object_chunk, checksum: COUNT },
  chunk_placed: CHUNK_FIELDS.chunk_placed,
  chunk_file_offered: CHUNK_FIELDS.chunk_file_offered,
  chunk_file_closed: CHUNK_FIELDS.chunk_file_closed,
});

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

/**
 * Checks a message that any process may have written. Undefined if it is not
 * for the store; a `ProtocolError` if it is for it and is none of a driver's.
 */
export function readToRemoteStore(
  message: { readonly type: string },
): ToRemoteStore | undefined {
  if (OF_DRIVER.knows(message.type)) return OF_DRIVER.read(message);
  if (isToStore(message)) throw unexpectedMessage(message.type);
  return undefined;
}

/** Only the driver itself writes and frees what it owns. */
export function requireOwner(
  { type, owner }: { readonly type: string; readonly owner: WorkerId },
  driver: WorkerId,
): void {
  if (owner !== driver) throw brokenField(type, "owner");
}

// Frames: what one flush of a link sends, a CBOR array of messages, and beside
// it the byte strings that are too large to be copied into it. Decoding never
// runs code and ends in messages with a `type`, or in `ProtocolError`. Only the
// two sub-paths of cbor-x are imported: its bare entry would install a native
// decoder that breaks both runtimes.

import { addExtension, Encoder } from "cbor-x/encode";
import { Decoder } from "cbor-x/decode";
import { ProtocolError } from "../base/errors.ts";
import {
  ATTACHMENT_BYTES_MAX,
  REMOTE_ATTACHED_BYTES_MAX,
  REMOTE_PIECE_BYTES_MAX,
} from "../base/limits.ts";
import { AttachedBytes } from "./attached_bytes.ts";

/** In a frame's CBOR: the length of bytes that stand beside it. */
export const ATTACHED_TAG = 60011;

const OPTIONS = {
  useRecords: false,
  mapsAsObjects: true,
  tagUint8Array: false,
  variableMapSize: true,
} as const;

const encoder = new Encoder(OPTIONS);
const decoder = new Decoder(OPTIONS);

/** What one flush sends. */
export interface Frame {
  /** The messages; valid until the next frame is encoded. */
  readonly head: Uint8Array;
  /** What follows it, in this order. */
  readonly attachments: readonly Uint8Array[];
}

/** What was read from a frame's head. */
export interface FrameContents {
  /** Whole once the attachments are filled in. */
  readonly messages: readonly { readonly type: string }[];
  /** To be filled with the bytes that follow the head, in this order. */
  readonly attachments: readonly Uint8Array[];
}

/** In front of a joined frame: the length of its head. */
const HEAD_LENGTH_BYTES = 4;

const NONE: readonly never[] = Object.freeze([]);

/** Attachments of the longest length, to be filled again. */
const returned: AttachedBytes[] = [];
const RETURNED_MAX = 8;

/**
 * Gives the memory of a long attachment back. For who has copied its bytes and
 * is the only one to know them: fresh memory costs more than the copy.
 */
export function returnAttachment(bytes: Uint8Array): void {
  const isTaken = bytes instanceof AttachedBytes &&
    bytes.length === ATTACHMENT_BYTES_MAX && returned.length < RETURNED_MAX;
  if (isTaken) returned.push(bytes);
}

function takeReturned(lengthBytes: number): AttachedBytes {
  const known = lengthBytes === ATTACHMENT_BYTES_MAX
    ? returned.pop()
    : undefined;
  return known ?? new AttachedBytes(lengthBytes);
}

/** Of the frame that is being encoded or decoded. */
let attachments: Uint8Array[] | undefined;

addExtension(
  {
    Class: AttachedBytes,
    tag: ATTACHED_TAG,
    encode(bytes: AttachedBytes, encode: (value: unknown) => void) {
      (attachments ??= []).push(bytes);
      encode(bytes.length);
    },
    decode(length: unknown): AttachedBytes {
      if (!Number.isInteger(length) || (length as number) < 0) {
        throw new ProtocolError("Cannot read a frame: a length is no number");
      }
      if (length as number > ATTACHMENT_BYTES_MAX) {
        throw new ProtocolError(
          `Cannot read a frame: bytes beside it are ${length} long, and at ` +
            `most ${ATTACHMENT_BYTES_MAX} are allowed`,
        );
      }
      const bytes = takeReturned(length as number);
      (attachments ??= []).push(bytes);
      return bytes;
    },
  } as unknown as Parameters<typeof addExtension>[0],
);

/** Encodes messages as one frame. */
export function encodeFrame(messages: readonly unknown[]): Frame {
  const head = encoder.encode(messages);
  return { head, attachments: takeAttachments() };
}

/** Whether a frame is more than another process takes in at once. */
export function isTooLong({ head, attachments }: Frame): boolean {
  let attachedBytes = 0;
  for (const { length } of attachments) attachedBytes += length;
  return head.length > REMOTE_PIECE_BYTES_MAX ||
    attachedBytes > REMOTE_ATTACHED_BYTES_MAX;
}

/** Decodes a frame's head; small byte strings in it are views on `head`. */
export function decodeFrame(head: Uint8Array): FrameContents {
  let messages: unknown;
  try {
    messages = decoder.decode(head as Uint8Array<ArrayBuffer>);
  } catch (cause) {
    attachments = undefined;
    if (cause instanceof ProtocolError) throw cause;
    throw new ProtocolError("Cannot decode a frame: it is not CBOR", { cause });
  }
  const contents = { messages, attachments: takeAttachments() };
  if (!Array.isArray(messages)) {
    throw new ProtocolError("Cannot read a frame: expected a list of messages");
  }
  for (const message of messages) {
    if (typeof message?.type !== "string") {
      throw new ProtocolError("Cannot read a message: it has no type");
    }
  }
  return contents as FrameContents;
}

/** A frame as one piece of memory of its own: where its head ends, first. */
export function joinFrame({ head, attachments }: Frame): Uint8Array {
  let length = HEAD_LENGTH_BYTES + head.length;
  for (const bytes of attachments) length += bytes.length;
  const joined = new Uint8Array(length);
  new DataView(joined.buffer).setUint32(0, head.length, true);
  let offset = HEAD_LENGTH_BYTES;
  for (const piece of [head, ...attachments]) {
    joined.set(piece, offset);
    offset += piece.length;
  }
  return joined;
}

/** The messages of a frame that was made by `joinFrame`. */
export function readFrame(
  joined: Uint8Array,
): readonly { readonly type: string }[] {
  const { buffer, byteOffset, length } = joined;
  let offset = HEAD_LENGTH_BYTES;
  const take = (count: number): Uint8Array => {
    if (offset + count > length) {
      throw new ProtocolError("Cannot read a frame: it ends too early");
    }
    offset += count;
    return joined.subarray(offset - count, offset);
  };
  if (length < HEAD_LENGTH_BYTES) {
    throw new ProtocolError("Cannot read a frame: it ends too early");
  }
  const headLength = new DataView(buffer, byteOffset).getUint32(0, true);
  const { messages, attachments } = decodeFrame(take(headLength));
  for (const target of attachments) target.set(take(target.length));
  if (offset < length) {
    throw new ProtocolError("Cannot read a frame: bytes follow its end");
  }
  return messages;
}

function takeAttachments(): readonly Uint8Array[] {
  const taken = attachments ?? NONE;
  attachments = undefined;
  return taken;
}

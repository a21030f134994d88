// Frames: what one flush of a link sends, a CBOR array of messages. Decoding
// never runs code and ends in messages with a `type`, or in `ProtocolError`.
// Only the two sub-paths of cbor-x are imported: its bare entry would install
// a native decoder that breaks both runtimes.

import { Encoder } from "cbor-x/encode";
import { Decoder } from "cbor-x/decode";
import { ProtocolError } from "../base/errors.ts";

const OPTIONS = {
  useRecords: false,
  mapsAsObjects: true,
  tagUint8Array: false,
  variableMapSize: true,
} as const;

const encoder = new Encoder(OPTIONS);
const decoder = new Decoder(OPTIONS);

/** Encodes messages as one frame; the result is valid until the next call. */
export function encodeFrame(messages: readonly unknown[]): Uint8Array {
  return encoder.encode(messages);
}

/** Decodes a frame; byte strings in it are views on `frame`. */
export function decodeFrame(frame: Uint8Array): { readonly type: string }[] {
  let messages: unknown;
  try {
    messages = decoder.decode(frame as Uint8Array<ArrayBuffer>);
  } catch (cause) {
    throw new ProtocolError("Cannot decode a frame: it is not CBOR", { cause });
  }
  if (!Array.isArray(messages)) {
    throw new ProtocolError("Cannot read a frame: expected a list of messages");
  }
  for (const message of messages) {
    if (typeof message?.type !== "string") {
      throw new ProtocolError("Cannot read a message: it has no type");
    }
  }
  return messages;
}

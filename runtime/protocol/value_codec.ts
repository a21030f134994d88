// Values of users as bytes and back: the doors of the value codec. Standard
// CBOR with large buffers beside it, so that their bytes are copied once, into
// their final place. See docs/decisions/0004-value-codec.md.

import { MantaError, ProtocolError } from "../base/errors.ts";
import { ATTACHMENT_BYTES_MIN } from "../base/limits.ts";
import { AttachedBytes } from "./attached_bytes.ts";
import { asFailure } from "./value_failure.ts";
import type { EncodedValue, ValueHooks } from "./value_hooks.ts";
import { ValueReader } from "./value_reader.ts";
import { alignOffset } from "./value_tags.ts";
import { ValueWriter } from "./value_writer.ts";

export type { EncodedValue, ValueHooks } from "./value_hooks.ts";

/**
 * One of each is kept. Code of users that runs while a value is written or
 * read (getters, serialisers) may come back here; it then gets a new one.
 */
let spareWriter: ValueWriter | undefined;
let spareReader: ValueReader | undefined;

/**
 * Serialises a value. `root` is what messages call it, such as `args[0]`.
 * The large buffers of the result are the user's own memory: lay them out
 * before user code runs again.
 *
 * @throws {SerializationError} if something in the value cannot be sent; its
 * `path` says where it is.
 */
export function encodeValue(
  value: unknown,
  root: string,
  hooks: ValueHooks,
): EncodedValue {
  const writer = spareWriter ?? new ValueWriter();
  spareWriter = undefined;
  try {
    return writer.encode(value, hooks);
  } catch (error) {
    throw asFailure(error).toError(root);
  } finally {
    writer.reset();
    spareWriter = writer;
  }
}

/**
 * Writes a serialised value into `target`, which has `sizeBytes` bytes or
 * more and starts at a multiple of 64 bytes if its views are to be shared.
 */
export function layOut(encoded: EncodedValue, target: Uint8Array): void {
  if (target.length < encoded.sizeBytes) {
    throw new RangeError(
      `Cannot lay out a value of ${encoded.sizeBytes} bytes in ${target.length} bytes`,
    );
  }
  target.set(encoded.bytes);
  let end = encoded.bytes.length;
  for (const buffer of encoded.buffers) {
    const offset = alignOffset(end);
    // The gap is cleared: the memory may have held another value before.
    target.fill(0, end, offset);
    target.set(buffer, offset);
    end = offset + buffer.length;
  }
}

/** A serialised value as one piece of memory of its own. */
export function toPayload(encoded: EncodedValue): Uint8Array {
  const { bytes, buffers, sizeBytes } = encoded;
  const isAttached = sizeBytes >= ATTACHMENT_BYTES_MIN;
  if (buffers.length === 0) return isAttached ? attached(bytes) : bytes;
  const payload = isAttached
    ? new AttachedBytes(sizeBytes)
    : new Uint8Array(sizeBytes);
  layOut(encoded, payload);
  return payload;
}

function attached(bytes: Uint8Array): AttachedBytes {
  const { buffer, byteOffset, length } = bytes;
  return new AttachedBytes(buffer as ArrayBuffer, byteOffset, length);
}

/**
 * Reads a value. With `share`, large typed arrays are views on `source`,
 * which must then stay as it is; everything else is copied.
 *
 * @throws {ProtocolError} if the bytes are not a value.
 * @throws {SerializationError} if a class in it is not registered here, or
 * its `deserialize` threw.
 */
export function decodeValue(
  source: Uint8Array,
  hooks: ValueHooks,
  options: { readonly share: boolean },
): unknown {
  const reader = spareReader ?? new ValueReader();
  spareReader = undefined;
  try {
    return reader.decode(source, hooks, options.share);
  } catch (error) {
    if (error instanceof MantaError) throw error;
    throw new ProtocolError(
      `Cannot read a serialized value: ${
        error instanceof Error ? error.message : String(error)
      }`,
      { cause: error },
    );
  } finally {
    reader.reset();
    spareReader = reader;
  }
}

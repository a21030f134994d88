// Byte strings that travel beside the CBOR of a frame instead of in it, so
// that their bytes are copied once on each side. They are never changed.

/** Bytes of one value; see the head of the file. */
export class AttachedBytes extends Uint8Array {
  /** Parts and copies of them are bytes like any others. */
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }
}

/** A part of memory that stays as it is until it is sent. */
export function attachedPart(
  memory: ArrayBufferLike,
  offset: number,
  length: number,
): AttachedBytes {
  return new AttachedBytes(memory as ArrayBuffer, offset, length);
}

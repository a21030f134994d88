// A segment of a session as bytes: a header of fixed length, then the frame.
// Everything read from a peer is checked, and what does not fit is a
// `ProtocolError`. docs/protocol.md has the layout.

import { ProtocolError } from "../base/errors.ts";
import { REMOTE_FRAME_BYTES_MAX } from "../base/limits.ts";

/** The fields of a segment; see `transport/reliable_session.ts`. */
export interface SessionPacket {
  readonly epoch: number;
  readonly peerEpoch: number;
  readonly sequence: number;
  readonly ack: number;
  readonly probe?: true;
  readonly goodbye?: true;
  readonly frame?: Uint8Array;
}

/** What stands in front of the frame. */
export const PACKET_HEADER_BYTES = 40;

const FLAGS_AT = 0;
const LENGTH_AT = 4;
const EPOCH_AT = 8;
const PEER_EPOCH_AT = 16;
const SEQUENCE_AT = 24;
const ACK_AT = 32;

const PROBE = 1;
const GOODBYE = 2;
const FRAME = 4;
const FLAGS_ALL = PROBE | GOODBYE | FRAME;

/** Frames from this size are made of memory that others gave back. */
const POOLED_BYTES_MIN = REMOTE_FRAME_BYTES_MAX / 4;
/** How many are kept for that. */
const POOLED_MAX = 32;
const pool: ArrayBuffer[] = [];

/**
 * A frame with room for the header in front of it, so that the packet is made
 * without copying the frame.
 */
export class PacketFrame extends Uint8Array {
  /** Parts and copies of it are bytes like any others. */
  static get [Symbol.species](): Uint8ArrayConstructor {
    return Uint8Array;
  }

  /** A frame of so many bytes, with anything in them. */
  static ofLength(lengthBytes: number): PacketFrame {
    const isLarge = lengthBytes >= POOLED_BYTES_MIN;
    const capacity = isLarge ? REMOTE_FRAME_BYTES_MAX : lengthBytes;
    const buffer = (isLarge ? pool.pop() : undefined) ??
      new ArrayBuffer(PACKET_HEADER_BYTES + capacity);
    return new PacketFrame(buffer, PACKET_HEADER_BYTES, lengthBytes);
  }

  /** Nobody needs the frame any more: its memory serves another. */
  static giveBack(frame: Uint8Array): void {
    const isPooled = frame instanceof PacketFrame &&
      frame.length >= POOLED_BYTES_MIN && pool.length < POOLED_MAX;
    if (isPooled) pool.push(frame.buffer as ArrayBuffer);
  }
}

/**
 * The bytes of a segment. Those of a `PacketFrame` are its own memory: they are
 * valid until the same frame is encoded again.
 */
export function encodePacket(segment: SessionPacket): Uint8Array {
  const { frame } = segment;
  const packet = packetAround(frame);
  const view = new DataView(packet.buffer, packet.byteOffset);
  const flags = (segment.probe ? PROBE : 0) |
    (segment.goodbye ? GOODBYE : 0) | (frame ? FRAME : 0);
  view.setUint32(FLAGS_AT, flags, true);
  view.setUint32(LENGTH_AT, frame?.length ?? 0, true);
  view.setFloat64(EPOCH_AT, segment.epoch, true);
  view.setFloat64(PEER_EPOCH_AT, segment.peerEpoch, true);
  view.setFloat64(SEQUENCE_AT, segment.sequence, true);
  view.setFloat64(ACK_AT, segment.ack, true);
  return packet;
}

function packetAround(frame: Uint8Array | undefined): Uint8Array {
  if (!frame) return new Uint8Array(PACKET_HEADER_BYTES);
  if (frame instanceof PacketFrame) {
    return new Uint8Array(frame.buffer, 0, PACKET_HEADER_BYTES + frame.length);
  }
  const packet = new Uint8Array(PACKET_HEADER_BYTES + frame.length);
  packet.set(frame, PACKET_HEADER_BYTES);
  return packet;
}

/** The segment in a packet; its frame is a view on the packet. */
export function decodePacket(packet: Uint8Array): SessionPacket {
  if (packet.length < PACKET_HEADER_BYTES) throw broken("it ends too early");
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const flags = view.getUint32(FLAGS_AT, true);
  if ((flags & ~FLAGS_ALL) !== 0) throw broken("it has an unknown flag");
  const length = view.getUint32(LENGTH_AT, true);
  if (length > REMOTE_FRAME_BYTES_MAX) {
    throw broken(
      `its frame has ${length} bytes, and at most ${REMOTE_FRAME_BYTES_MAX} ` +
        "are allowed",
    );
  }
  if (packet.length !== PACKET_HEADER_BYTES + length) {
    throw broken(`its length is not that of its frame, ${length}`);
  }
  const hasFrame = (flags & FRAME) !== 0;
  if (!hasFrame && length > 0) throw broken("its frame is not announced");
  const sequence = wholeNumber(view, SEQUENCE_AT, "sequence");
  if ((sequence === 0) === hasFrame) {
    throw broken("only and all frames have a number");
  }
  const epoch = wholeNumber(view, EPOCH_AT, "epoch");
  if (epoch === 0) throw broken("its sender has no epoch");
  return {
    epoch,
    peerEpoch: wholeNumber(view, PEER_EPOCH_AT, "epoch of the peer"),
    sequence,
    ack: wholeNumber(view, ACK_AT, "ack"),
    ...(flags & PROBE ? { probe: true } : {}),
    ...(flags & GOODBYE ? { goodbye: true } : {}),
    ...(hasFrame ? { frame: packet.subarray(PACKET_HEADER_BYTES) } : {}),
  };
}

function wholeNumber(view: DataView, offset: number, name: string): number {
  const value = view.getFloat64(offset, true);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw broken(`its ${name} is no whole number`);
}

function broken(why: string): ProtocolError {
  return new ProtocolError(`Cannot read a packet of a session: ${why}`);
}

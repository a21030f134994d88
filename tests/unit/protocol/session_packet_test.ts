import { ProtocolError } from "../../../runtime/base/errors.ts";
import { REMOTE_FRAME_BYTES_MAX } from "../../../runtime/base/limits.ts";
import {
  decodePacket,
  encodePacket,
  PACKET_HEADER_BYTES,
  PacketFrame,
  type SessionPacket,
} from "../../../runtime/protocol/session_packet.ts";
import {
  assert,
  assertEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";

const ACK: SessionPacket = {
  epoch: 1_763_000_000_000,
  peerEpoch: 0,
  sequence: 0,
  ack: 7,
};
const FRAME = { ...ACK, sequence: 2 ** 40, frame: Uint8Array.of(1, 2, 3) };

describe("a packet of a session", () => {
  it("keeps every field", () => {
    const segments: SessionPacket[] = [
      ACK,
      { ...ACK, probe: true },
      { ...ACK, goodbye: true },
      FRAME,
      { ...FRAME, frame: new Uint8Array(0) },
    ];

    for (const segment of segments) {
      assertEquals(decodePacket(encodePacket(segment)), segment);
    }
  });

  it("is made around a frame that has room for it, without a copy", () => {
    const frame = PacketFrame.ofLength(3);
    frame.set([1, 2, 3]);

    const packet = encodePacket({ ...FRAME, frame });

    assert(packet.buffer === frame.buffer);
    assertEquals(decodePacket(packet), FRAME);
  });

  it("is made of memory that another gave back, of its own length", () => {
    const [longer, shorter] = [200_000, 100_000];
    const frame = PacketFrame.ofLength(longer).fill(7);
    const { buffer } = frame;

    PacketFrame.giveBack(frame);
    const next = PacketFrame.ofLength(shorter);
    const packet = encodePacket({ ...FRAME, frame: next });

    assert(next.buffer === buffer);
    assertEquals(packet.length, PACKET_HEADER_BYTES + shorter);
    assertEquals(decodePacket(packet).frame?.length, shorter);
    assert(PacketFrame.ofLength(longer).buffer !== buffer);
  });

  it("can be read where it stands in other bytes", () => {
    const packet = encodePacket(FRAME);
    const around = new Uint8Array(packet.length + 10);
    around.set(packet, 3);

    assertEquals(decodePacket(around.subarray(3, -7)), FRAME);
  });

  it("is refused when it is cut off or too long", () => {
    const packet = encodePacket(FRAME);
    for (let length = 0; length < packet.length; length++) {
      assertRefused(packet.subarray(0, length));
    }
    assertRefused(new Uint8Array([...packet, 0]));
  });

  it("is refused when a field is not what it can be", () => {
    assertRefused(changed((view) => view.setUint32(0, 8, true)));
    assertRefused(changed((view) => view.setUint32(0, 0, true)));
    assertRefused(changed((view) => view.setUint32(4, 0xffff_ffff, true)));
    for (const at of [8, 16, 24, 32]) {
      for (const value of [-1, 0.5, NaN, Infinity, 2 ** 53]) {
        assertRefused(changed((view) => view.setFloat64(at, value, true)));
      }
    }
    assertRefused(changed((view) => view.setFloat64(8, 0, true)));
    assertRefused(changed((view) => view.setFloat64(24, 0, true)));
    assertRefused(encodePacket({ ...ACK, sequence: 5 }));
    const frame = new Uint8Array(REMOTE_FRAME_BYTES_MAX + 1);
    assertRefused(encodePacket({ ...FRAME, frame }));
  });
});

function changed(change: (view: DataView) => void): Uint8Array {
  const packet = encodePacket(FRAME);
  assertEquals(packet.length, PACKET_HEADER_BYTES + 3);
  change(new DataView(packet.buffer));
  return packet;
}

function assertRefused(packet: Uint8Array): void {
  assertThrows(() => decodePacket(packet), ProtocolError);
}

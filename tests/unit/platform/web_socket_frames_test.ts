import { CHANNEL_MESSAGE_BYTES_MAX } from "../../../runtime/base/limits.ts";
import { FrameReader } from "../../../runtime/platform/web_socket_frames.ts";
import { Dice } from "../../simulation/dice.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";

describe("FrameReader", () => {
  it("reads messages of any size from chunks that end anywhere", () => {
    const sizes = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000];
    const stream = joined(sizes.map((size) => frame(0x82, size)));
    for (let seed = 1; seed <= 20; seed++) {
      const dice = new Dice(seed);
      const { reader, got } = newReader();

      for (let at = 0; at < stream.length;) {
        const end = at + 1 + dice.below(dice.pick([1, 5, 1_000, 300_000]));
        assert(reader.read(stream.subarray(at, end)));
        at = end;
      }

      assertEquals(got, sizes, `seed ${seed}`);
    }
  });

  it("joins a message in several frames, with a ping between them", () => {
    const { reader, got, pings } = newReader();

    const parts = [frame(0x02, 10), frame(0x89, 3), frame(0x00, 5)];
    for (const part of [...parts, frame(0x80, 7)]) assert(reader.read(part));

    assertEquals([got, pings], [[22], [3]]);
  });

  it("reads nothing behind a close", () => {
    const { reader, got, closes } = newReader();

    assert(reader.read(joined([frame(0x88, 2), frame(0x82, 5)])));

    assertEquals([got, closes.length], [[], 1]);
  });

  const refused: readonly [string, Uint8Array][] = [
    ["text", frame(0x81, 3)],
    ["a reserved bit", frame(0xc2, 3)],
    ["an unknown opcode", frame(0x83, 3)],
    ["a mask", Uint8Array.of(0x82, 0x81, 0, 0, 0, 0, 1)],
    ["a rest without a beginning", frame(0x80, 3)],
    ["a beginning within a message", joined([frame(2, 3), frame(0x82, 3)])],
    ["a ping in parts", frame(0x09, 3)],
    ["a long ping", frame(0x89, 126)],
    ["a message that is too long", frame(0x82, CHANNEL_MESSAGE_BYTES_MAX + 1)],
    ["16 exabytes", Uint8Array.of(0x82, 127, ...new Array(8).fill(255))],
    ["too much in parts", joined([frame(2, 200_000), frame(0, 200_000)])],
  ];
  for (const [name, bytes] of refused) {
    it(`refuses ${name}`, () => {
      const { reader, got } = newReader();

      assertEquals(reader.read(bytes), false);
      assertEquals(got, []);
    });
  }

  it("ends, whatever comes", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const dice = new Dice(seed);
      const { reader } = newReader();
      for (let chunk = 0; chunk < 10; chunk++) {
        const length = dice.below(60);
        const bytes = Uint8Array.from({ length }, () => dice.below(256));
        if (dice.chance(0.7) && length > 1) bytes[0] = 0x82;
        if (!reader.read(bytes)) break;
      }
    }
  });
});

function newReader() {
  const got: number[] = [];
  const pings: number[] = [];
  const closes: true[] = [];
  const reader = new FrameReader({
    message: (bytes) => got.push(bytes.length) > 0,
    ping: (payload) => pings.push(payload.length),
    close: () => closes.push(true),
  });
  return { reader, got, pings, closes };
}

function frame(first: number, length: number): Uint8Array {
  const size = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const bytes = new Uint8Array(size + length);
  const view = new DataView(bytes.buffer);
  bytes[0] = first;
  bytes[1] = size === 2 ? length : size === 4 ? 126 : 127;
  if (size === 4) view.setUint16(2, length);
  if (size === 10) view.setBigUint64(2, BigInt(length));
  return bytes;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes: number[] = [];
  for (const part of parts) for (const byte of part) bytes.push(byte);
  return Uint8Array.from(bytes);
}

import { RING_PART_BYTES_MAX } from "../../../runtime/base/limits.ts";
import {
  newRingBuffer,
  RingReader,
  RingWriter,
} from "../../../runtime/transport/ring.ts";
import { Dice } from "../../simulation/dice.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";

describe("RingWriter and RingReader", () => {
  it("carry frames in order", () => {
    const { writer, reader } = makeRing(1024);

    for (const n of [1, 2, 3]) writer.write(Uint8Array.of(n, n));

    assertEquals([1, 2, 3].map(() => [...reader.read()!]), [[1, 1], [2, 2], [
      3,
      3,
    ]]);
    assertEquals(reader.read(), undefined);
  });

  it("carry an empty frame", () => {
    const { writer, reader } = makeRing(64);

    assertEquals(writer.write(new Uint8Array(0)), 0);
    assertEquals(reader.read()?.length, 0);
  });

  it("say how much of a frame found no room, and who waits for it", () => {
    const { writer, reader } = makeRing(64);
    const frame = new Uint8Array(40).fill(7);

    writer.write(frame);
    const written = writer.write(frame);
    const waits = reader.takeWriterWaits();
    reader.read();
    const again = writer.write(frame, written);

    assertEquals([written, again], [0, 40]);
    assert(waits);
    assertEquals(reader.takeWriterWaits(), false);
    assertEquals(reader.read(), frame);
  });

  it("carry a frame larger than the ring, part by part", () => {
    const sizeBytes = 2 * RING_PART_BYTES_MAX;
    const { writer, reader } = makeRing(sizeBytes);
    const frame = new Uint8Array(3 * sizeBytes + 5);
    for (let at = 0; at < frame.length; at++) frame[at] = at * 7;

    let written = 0;
    let got: Uint8Array | undefined;
    for (let turn = 0; !got && turn < 20; turn++) {
      if (written < frame.length) written = writer.write(frame, written);
      got = reader.read();
    }

    assertEquals(written, frame.length);
    assertEquals(got, frame);
  });

  it("carry a frame into memory that waits for it", () => {
    const sizeBytes = 2 * RING_PART_BYTES_MAX;
    const { writer, reader } = makeRing(sizeBytes);
    const frame = new Uint8Array(3 * sizeBytes + 5);
    for (let at = 0; at < frame.length; at++) frame[at] = at * 7;
    const target = new Uint8Array(frame.length);

    let written = 0;
    let isWhole = false;
    for (let turn = 0; !isWhole && turn < 20; turn++) {
      if (written < frame.length) written = writer.write(frame, written);
      isWhole = reader.readInto(target);
    }
    writer.write(Uint8Array.of(1));

    assertEquals(target, frame);
    assertEquals(reader.read(), Uint8Array.of(1));
  });

  it("carry frames intact over the end of the ring, for ever", () => {
    const dice = new Dice(9);
    const { writer, reader } = makeRing(256);
    const under: Uint8Array[] = [];

    for (let step = 0; step < 20_000; step++) {
      if (dice.chance(0.5)) {
        const frame = new Uint8Array(dice.below(120)).fill(step);
        if (writer.write(frame) === frame.length && frame.length > 0) {
          under.push(frame);
        }
      } else {
        const frame = reader.read();
        if (frame?.length) assertEquals(frame, under.shift());
      }
    }
  });

  it("go on past 2^32 bytes", () => {
    const buffer = newRingBuffer(64);
    // Where the ring stands after almost 4 GiB.
    new Int32Array(buffer, 0, 2).fill(-8);
    const writer = new RingWriter(buffer);
    const reader = new RingReader(buffer);

    for (let n = 0; n < 10; n++) {
      writer.write(Uint8Array.of(n, 1, 2, 3, 4));
      assertEquals([...reader.read()!], [n, 1, 2, 3, 4]);
    }
    const full = [1, 2, 3, 4].map(() => writer.write(new Uint8Array(20)));
    assertEquals(full, [20, 20, 0, 0]);
  });
});

function makeRing(sizeBytes: number) {
  const buffer = newRingBuffer(sizeBytes);
  return { writer: new RingWriter(buffer), reader: new RingReader(buffer) };
}

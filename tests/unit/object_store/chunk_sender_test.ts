// Which chunk is sent when, and when an object is through.

import { ProtocolError } from "../../../runtime/base/errors.ts";
import {
  OBJECT_CHUNK_BYTES_MAX as CHUNK,
  OBJECT_CHUNKS_MAX,
} from "../../../runtime/base/limits.ts";
import { ChunkSender } from "../../../runtime/object_store/chunk_sender.ts";
import { ChunkTarget } from "../../../runtime/object_store/chunk_target.ts";
import {
  assertEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";

describe("ChunkSender", () => {
  it("cuts an object into chunks, the last one shorter", () => {
    const sender = new ChunkSender();
    sender.add(1, 2 * CHUNK + 5);

    const chunks = [sender.next(), sender.next(), sender.next()];

    assertEquals(chunks, [
      { requestId: 1, offset: 0, length: CHUNK, isLast: false },
      { requestId: 1, offset: CHUNK, length: CHUNK, isLast: false },
      { requestId: 1, offset: 2 * CHUNK, length: 5, isLast: true },
    ]);
    assertEquals(sender.next(), undefined);
  });

  it("takes turns among objects: a small one need not wait", () => {
    const sender = new ChunkSender();
    sender.add(1, 100 * CHUNK);
    sender.next();
    sender.add(2, 10);

    const turns = [sender.next(), sender.next(), sender.next()];

    assertEquals(turns.map((chunk) => chunk?.requestId), [1, 2, 1]);
  });

  it("sends no more than the peer has room for, over all objects", () => {
    const sender = new ChunkSender();
    sender.add(1, 100 * CHUNK);
    sender.add(2, 100 * CHUNK);
    assertEquals(drain(sender), OBJECT_CHUNKS_MAX);

    sender.taken(3);

    assertEquals(drain(sender), 3);
  });

  it("tells when the last chunk of an object was taken", () => {
    const sender = new ChunkSender();
    sender.add(1, CHUNK + 1);
    sender.add(2, 1);
    drain(sender);

    assertEquals([sender.taken(1), sender.taken(1), sender.taken(1)], [
      [],
      [2],
      [1],
    ]);
  });

  it("has an object that is stopped through after what is under way", () => {
    const sender = new ChunkSender();
    sender.add(1, 100 * CHUNK);
    sender.add(2, 100 * CHUNK);
    sender.next();

    assertEquals([sender.stop(2), sender.stop(1)], [true, false]);
    assertEquals(sender.next(), undefined);
    assertEquals(sender.taken(1), [1]);
  });

  it("refuses credits for chunks that were never sent", () => {
    const sender = new ChunkSender();
    sender.add(1, CHUNK);
    sender.next();

    assertThrows(() => sender.taken(2), ProtocolError);
    sender.taken(1);
    assertThrows(() => sender.taken(1), ProtocolError);
  });
});

describe("ChunkTarget", () => {
  it("is whole once all has come, in order", () => {
    const bytes = new Uint8Array(new SharedArrayBuffer(5));
    const target = new ChunkTarget(bytes);

    target.take(0, Uint8Array.of(1, 2, 3));
    assertEquals(target.isWhole, false);
    target.take(3, Uint8Array.of(4, 5));

    assertEquals(target.isWhole, true);
    assertEquals([...bytes], [1, 2, 3, 4, 5]);
  });

  it("refuses what is out of place", () => {
    const bytes = new Uint8Array(new SharedArrayBuffer(2 * CHUNK));
    // A gap, a chunk again, beyond the end, nothing, no offset, too long.
    const misplaced: readonly (readonly [number, number])[] = [
      ...[[4, 1], [0, 3], [3, 2 * CHUNK], [3, 0], [2.5, 1]] as const,
      [3, CHUNK + 1],
    ];
    for (const [offset, length] of misplaced) {
      const target = new ChunkTarget(bytes);
      target.take(0, new Uint8Array(3));
      const take = () => target.take(offset, new Uint8Array(length));
      assertThrows(take, ProtocolError, "Cannot take");
    }
  });
});

/** Sends all that may be sent now; how many chunks that was. */
function drain(sender: ChunkSender): number {
  let count = 0;
  while (sender.next()) count++;
  return count;
}

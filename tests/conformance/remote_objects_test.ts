// Objects of drivers in other processes: a store, a stand-in for each driver
// and the driver's client, over real connections on the loopback.

import { Buffer } from "node:buffer";
import { ObjectStoreFullError } from "../../runtime/base/errors.ts";
import {
  OBJECT_CHUNK_BYTES_MAX,
  OBJECT_CHUNKS_MAX,
} from "../../runtime/base/limits.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  describe,
  it,
} from "../support/harness.ts";
import { ChaosProxy } from "../support/chaos_proxy.ts";
import { hasChunkFiles } from "../support/chunk_file_kit.ts";
import { MIB } from "../support/store_kit.ts";
import { until } from "./connection_kit.ts";
import { type RemoteDriver, RemoteKit } from "./remote_objects_kit.ts";

const SIZES = [
  0,
  1,
  5_000,
  OBJECT_CHUNK_BYTES_MAX - 1,
  OBJECT_CHUNK_BYTES_MAX,
  OBJECT_CHUNK_BYTES_MAX + 1,
  50 * MIB,
];

for (const isNear of [false, true]) {
  const way = isNear ? "through files" : "by the link";
  describe(`objects of remote drivers ${way}`, () => {
    it("cross byte for byte, whatever their size", async () => {
      await using kit = await RemoteKit.start(128 * MIB, { isNear });
      const [a, b] = [await kit.driver("a"), await kit.driver("b")];

      for (const [number, size] of SIZES.entries()) {
        await put(a, number, size);
        await checkOpen(b, a, number, size);
        a.client.free(a.workerId, number);
      }

      await until("nothing is left", () => kit.store.stats().objects === 0);
      await untilIdle(a, b);
      kit.store.validate();
      assertEquals(b.placedChunks > 0, isNear && hasChunkFiles());
    });

    it("go on where they were when the connection breaks", async () => {
      await using kit = await RemoteKit.start(128 * MIB, { isNear });
      const proxy = await ChaosProxy.open(kit.port);
      const a = await kit.driver("a", proxy);

      const putting = put(a, 1, 50 * MIB);
      await until("it is written", () => kit.store.stats().objects > 0);
      proxy.cut();
      await putting;
      const opening = a.client.open(a.workerId, 1);
      await until("it is being sent", () => chunksTo(a) > OBJECT_CHUNKS_MAX);
      proxy.cut();

      assertSame(await opening, contents(1, 50 * MIB));
      assertEquals(chunksTo(a), 50);
      assert(proxy.connectionCount > 2, "it did not break");
      await untilIdle(a);
      await proxy.close();
    });

    it("cross many at a time", async () => {
      await using kit = await RemoteKit.start(256 * MIB, { isNear });
      const [a, b] = [await kit.driver("a"), await kit.driver("b")];
      const numbers = Array.from({ length: 30 }, (_, number) => number);
      const sizeOf = (number: number) => number * 50_021;

      await Promise.all([
        ...numbers.map((number) => put(a, number, sizeOf(number))),
        ...numbers.map((number) => put(b, number, sizeOf(number))),
      ]);
      await Promise.all(numbers.flatMap((number) => [
        checkOpen(a, b, number, sizeOf(number)),
        checkOpen(b, a, number, sizeOf(number)),
      ]));

      await untilIdle(a, b);
      kit.store.validate();
    });

    it("are written over before they are accepted", async () => {
      await using kit = await RemoteKit.start(64 * MIB, { isNear });
      const a = await kit.driver("a");
      let isWritten = false;

      const created = a.client.create(a.workerId, 1, MIB, (writable) => {
        writable.bytes.fill(7);
        writable.seal();
        isWritten = true;
      });

      assert(isWritten, "nothing to write into yet");
      await created;
      const view = await a.client.open(a.workerId, 1);
      assert(view.every((byte) => byte === 7), "other bytes");
    });

    it("are fetched once while somebody has them", async () => {
      await using kit = await RemoteKit.start(64 * MIB, { isNear });
      const [a, b] = [await kit.driver("a"), await kit.driver("b")];
      await put(a, 1, 3 * MIB);

      const views = await Promise.all(
        [1, 2, 3].map(() => b.client.open(a.workerId, 1)),
      );
      const later = await b.client.open(a.workerId, 1);

      assertEquals(chunksTo(b), 3);
      assert(b.client.isOpen(a.workerId, 1), "it is not kept");
      assert(views.every((view) => view.buffer === later.buffer), "other copy");
    });

    it("wait for room, and fail like all others without any", async () => {
      await using kit = await RemoteKit.start(8 * MIB, { isNear });
      const [a, b] = [await kit.driver("a"), await kit.driver("b")];
      await put(a, 1, 6 * MIB);
      let isAccepted = false;

      const second = put(b, 1, 6 * MIB).then(() => isAccepted = true);
      await assertRejects(() => put(b, 2, 9 * MIB), ObjectStoreFullError);
      assert(!isAccepted, "there was no room");
      a.client.free(a.workerId, 1);
      await second;

      await checkOpen(a, b, 1, 6 * MIB);
    });

    it("hold nobody up but a driver that is slow", async () => {
      await using kit = await RemoteKit.start(128 * MIB, { isNear });
      const [a, slow] = [await kit.driver("a"), await kit.driver("b")];
      await put(a, 1, 40 * MIB);
      slow.isSlow = true;
      const opening = slow.client.open(a.workerId, 1);
      await until("it is being sent", () => chunksTo(slow) > 0);

      for (let number = 2; number < 7; number++) {
        await put(a, number, 4 * MIB);
        await checkOpen(a, a, number, 4 * MIB);
        a.client.free(a.workerId, number);
      }

      assertEquals(chunksTo(slow), OBJECT_CHUNKS_MAX);
      slow.resume();
      assertSame(await opening, contents(1, 40 * MIB));
    });

    it("are let go of when their driver ends in the middle", async () => {
      await using kit = await RemoteKit.start(64 * MIB, { isNear });
      const [a, b] = [await kit.driver("a"), await kit.driver("b")];
      await put(a, 1, 20 * MIB);
      b.isSlow = true;
      b.client.open(a.workerId, 1).catch(() => {});
      await until("it is being sent", () => chunksTo(b) === OBJECT_CHUNKS_MAX);
      b.client.create(b.workerId, 1, 20 * MIB, (writable) => writable.seal());
      await until("half is written", () => kit.store.stats().objects === 2);

      kit.end(b);

      assertEquals(kit.store.stats().objects, 1);
      assertEquals(kit.store.list()[0]?.mappings, 0);
      await checkOpen(a, a, 1, 20 * MIB);
    });

    it("end the session of a driver that breaks the rules", async () => {
      const nonsense: readonly object[] = [
        {
          type: "object_chunk",
          requestId: 7,
          offset: 0,
          bytes: new Uint8Array(1),
        },
        { type: "object_seal", requestId: 1 },
        {
          type: "object_create",
          requestId: 1,
          owner: "w-a",
          number: 1,
          sizeBytes: 1,
        },
        {
          type: "object_create",
          requestId: 1,
          owner: "w-b",
          number: 1,
          sizeBytes: -1,
        },
        { type: "object_free", owner: "w-a", number: 1 },
        { type: "object_open", requestId: "x", owner: "w-a", number: 1 },
        { type: "object_close", requestId: 1 },
        { type: "chunks_taken", count: 1 },
        {
          ...{ type: "chunk_placed", requestId: 7, offset: 0 },
          ...{ length: 1, slot: 0 },
        },
        { type: "chunk_file_answered", isOpen: true },
        { type: "chunk_file_offered", fd: -1, proof: "x" },
        { type: "segment_want", segmentId: 1 },
        { type: "mapping_close", requestId: 1 },
      ];
      for (const message of nonsense) {
        await using kit = await RemoteKit.start(64 * MIB, { isNear });
        const [a, b] = [await kit.driver("a"), await kit.driver("b")];
        await put(a, 1, MIB);

        b.side.link.send(message as { type: string });
        b.side.link.flush();

        await until("it is over", () => b.nodeSide.ends.length > 0);
        assertEquals(b.nodeSide.ends, ["protocol_broken"]);
        kit.end(b);
        await checkOpen(a, a, 1, MIB);
      }
    });
  });
}

function chunksTo({ chunks, placedChunks }: RemoteDriver): number {
  return chunks + placedChunks;
}

/** Bytes that differ from place to place and object to object. */
function contents(number: number, sizeBytes: number): Uint8Array {
  return pattern.subarray(number * 13, number * 13 + sizeBytes);
}

const pattern = new Uint8Array(51 * MIB);
{
  const words = new Uint32Array(pattern.buffer);
  for (let at = 0; at < words.length; at++) {
    words[at] = Math.imul(at + 1, 2_654_435_761);
  }
}

async function put(
  { client, workerId }: RemoteDriver,
  number: number,
  sizeBytes: number,
): Promise<void> {
  await client.create(workerId, number, sizeBytes, (writable) => {
    writable.bytes.set(contents(number, sizeBytes));
    writable.seal();
  });
}

async function checkOpen(
  reader: RemoteDriver,
  owner: RemoteDriver,
  number: number,
  sizeBytes: number,
): Promise<void> {
  const view = await reader.client.open(owner.workerId, number);
  assertSame(view, contents(number, sizeBytes));
}

/** Of large values no difference is printed. */
function assertSame(actual: Uint8Array, expected: Uint8Array): void {
  assertEquals(actual.length, expected.length);
  assert(Buffer.compare(actual, expected) === 0, "other bytes");
}

async function untilIdle(...drivers: readonly RemoteDriver[]): Promise<void> {
  for (const { client, objects } of drivers) {
    assertEquals(client.counts().pending, 0);
    // The last credits are still on their way.
    const isIdle = () => objects.counts().reads + objects.counts().writes === 0;
    await until("nothing is under way", isIdle);
  }
}

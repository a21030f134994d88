// Who stands in for a remote driver at the store: what it passes on, in which
// order, and what it does not let a driver do.

import { ProtocolError } from "../../../runtime/base/errors.ts";
import {
  OBJECT_CHUNK_BYTES_MAX as CHUNK,
  OBJECT_CHUNKS_MAX,
  REMOTE_TRANSFERS_MAX,
} from "../../../runtime/base/limits.ts";
import type {
  FromRemoteStore,
  ToRemoteStore,
} from "../../../runtime/object_store/chunk_messages.ts";
import type { ToStore } from "../../../runtime/object_store/messages.ts";
import { RemoteObjects } from "../../../runtime/object_store/remote_objects.ts";
import {
  assertEquals,
  assertThrows,
  describe,
  it,
} from "../../support/harness.ts";
import { testWorkerId } from "../../support/store_kit.ts";

const OWNER = testWorkerId("owner");

describe("RemoteObjects", () => {
  it("keeps what it sends mapped until the driver has taken it", async () => {
    const { objects, toStore, sent } = newObjects();
    objects.receive(open(7));
    found(objects, 1, 20 * CHUNK);
    assertEquals(chunksOf(sent), OBJECT_CHUNKS_MAX);

    objects.receive({ type: "object_close", requestId: 7 } as ToRemoteStore);
    assertEquals(toStore.length, 1);
    objects.receive(
      { type: "chunks_taken", count: OBJECT_CHUNKS_MAX } as ToRemoteStore,
    );

    assertEquals(toStore.at(-1), { type: "mapping_close", requestId: 1 });
    assertEquals(chunksOf(sent), OBJECT_CHUNKS_MAX);
    assertEquals(objects.counts(), { reads: 0, writes: 0 });
    await Promise.resolve();
    assertEquals(toStore.length, 2);
  });

  it("answers the store only when it has finished speaking", async () => {
    const { objects, toStore } = newObjects();
    const recalled = [[3, 1]] as const;

    objects.fromStore({ type: "objects_recall", objects: recalled });
    objects.fromStore({ type: "segment_drop", segmentId: 9 });
    objects.receive(open(1));

    assertEquals(toStore, []);
    await Promise.resolve();
    assertEquals(toStore.map(({ type }) => type), [
      "objects_recalled",
      "segment_release",
      "object_open",
    ]);
  });

  it("lets go of an empty object at once", async () => {
    const { objects, toStore, sent } = newObjects();
    objects.receive(open(7));
    found(objects, 1, 0);
    await Promise.resolve();

    assertEquals(sent, [{ type: "object_found", requestId: 7, sizeBytes: 0 }]);
    assertEquals(toStore.at(-1), { type: "mapping_close", requestId: 1 });
  });

  it("takes an abort that crossed the store's refusal", () => {
    const { objects, sent } = newObjects();
    objects.receive(create(1, 5));
    const [reason, capacityBytes] = ["full", 1] as const;
    objects.fromStore({
      ...{ type: "object_denied", requestId: 1, reason, capacityBytes },
    });

    objects.receive({ type: "object_abort", requestId: 1 } as ToRemoteStore);

    assertEquals(sent.map(({ type }) => type), ["object_denied"]);
    assertEquals(objects.counts(), { reads: 0, writes: 0 });
  });

  it("bounds what a driver has under way", () => {
    const { objects } = newObjects();
    for (let n = 0; n < REMOTE_TRANSFERS_MAX; n++) {
      objects.receive(open(2 * n));
      objects.receive(create(2 * n + 1, 5));
    }

    assertThrows(() => objects.receive(open(1_000)), ProtocolError);
    assertThrows(() => objects.receive(create(1_000, 5)), ProtocolError);
  });

  it("refuses chunks without room, out of place and beyond the end", () => {
    const { objects } = newObjects();
    objects.receive(create(1, 5));
    assertThrows(() => objects.receive(chunk(1, 0, 5)), ProtocolError);
    const segment = new SharedArrayBuffer(65_536);
    objects.fromStore({
      ...{ type: "object_created", requestId: 1, segmentId: 1, sizeBytes: 5 },
      ...{ isCurrent: true, segment },
    });

    assertThrows(() => objects.receive(chunk(1, 0, 6)), ProtocolError);
    assertThrows(() => objects.receive(chunk(1, 1, 1)), ProtocolError);
    objects.receive(chunk(1, 0, 4));
    assertThrows(() => objects.receive(chunk(1, 0, 4)), ProtocolError);
    const seal = { type: "object_seal", requestId: 1 };
    assertThrows(() => objects.receive(seal), ProtocolError);
    assertThrows(() => objects.receive(open(1)), ProtocolError);
    objects.receive(chunk(1, 4, 1));
    objects.receive(seal);
    assertThrows(() => objects.receive(seal), ProtocolError);
  });

  it("says and hears nothing after the driver's end", async () => {
    const { objects, toStore, sent } = newObjects();
    objects.receive(open(7));
    objects.fromStore({ type: "segment_drop", segmentId: 9 });
    objects.end();
    const [told, heard] = [toStore.length, sent.length];

    found(objects, 1, CHUNK);
    objects.receive(open(8));
    await Promise.resolve();

    assertEquals([toStore.length, sent.length], [told, heard]);
  });
});

function newObjects() {
  const toStore: ToStore[] = [];
  const sent: FromRemoteStore[] = [];
  const objects = new RemoteObjects({
    workerId: OWNER,
    toStore: (message) => toStore.push(message),
    toldStore: () => {},
    send: (message) => sent.push(message),
    flush: () => {},
  });
  return { objects, toStore, sent };
}

function open(requestId: number): ToRemoteStore {
  return { type: "object_open", requestId, owner: OWNER, number: 1 };
}

function create(requestId: number, sizeBytes: number): ToRemoteStore {
  const object = { owner: OWNER, number: 1, sizeBytes };
  return { type: "object_create", requestId, ...object };
}

function chunk(
  requestId: number,
  offset: number,
  length: number,
): ToRemoteStore {
  const bytes = new Uint8Array(length);
  return { type: "object_chunk", requestId, offset, bytes };
}

/** The store has found what was asked for. */
function found(
  objects: RemoteObjects,
  requestId: number,
  sizeBytes: number,
): void {
  const segment = new SharedArrayBuffer(sizeBytes);
  const type = "object_opened";
  objects.fromStore({ type, requestId, segmentId: 1, sizeBytes, segment });
}

function chunksOf(sent: readonly FromRemoteStore[]): number {
  return sent.filter(({ type }) => type === "object_chunk").length;
}

// The client of a remote driver: what it asks for and when, and what becomes
// of objects that are freed, refused or lost on their way.

import {
  ConnectionError,
  ObjectLostError,
  ObjectStoreFullError,
} from "../../../runtime/base/errors.ts";
import {
  CREATES_WAITING_MAX,
  OBJECT_CHUNK_BYTES_MAX as CHUNK,
  OBJECT_CHUNKS_MAX,
  REMOTE_TRANSFERS_MAX,
  REMOTE_WRITE_BYTES_MAX,
} from "../../../runtime/base/limits.ts";
import type {
  FromRemoteStore,
  ToRemoteStore,
} from "../../../runtime/object_store/chunk_messages.ts";
import { RemoteStoreClient } from "../../../runtime/object_store/remote_store_client.ts";
import {
  assertEquals,
  assertRejects,
  describe,
  it,
} from "../../support/harness.ts";
import { TEST_NODE, testWorkerId } from "../../support/store_kit.ts";

const ME = testWorkerId("me");

describe("RemoteStoreClient", () => {
  it("sends what was written once there is room, then seals it", async () => {
    const { client, sent, put } = newClient();
    const accepted = put(1, 2 * CHUNK);
    assertEquals(typesOf(sent), ["object_create"]);

    client.receive({ type: "object_granted", requestId: 1 });
    await accepted;

    assertEquals(typesOf(sent), [
      "object_create",
      "object_chunk",
      "object_chunk",
      "object_seal",
    ]);
    assertEquals(client.counts().pending, 0);
  });

  it("has no more under way than the node has room for", () => {
    const { client, sent, put } = newClient();
    put(1, 20 * CHUNK);
    client.receive({ type: "object_granted", requestId: 1 });
    assertEquals(count(sent, "object_chunk"), OBJECT_CHUNKS_MAX);

    client.receive({ type: "chunks_taken", count: 2 });

    assertEquals(count(sent, "object_chunk"), OBJECT_CHUNKS_MAX + 2);
  });

  it("asks for few objects at a time, and the next when one is over", () => {
    const { client, sent, put } = newClient();
    for (let n = 1; n <= REMOTE_TRANSFERS_MAX + 1; n++) {
      put(n, 1);
      client.open(testWorkerId("other"), n).catch(() => {});
    }
    assertEquals(count(sent, "object_create"), REMOTE_TRANSFERS_MAX);
    assertEquals(count(sent, "object_open"), REMOTE_TRANSFERS_MAX);

    for (const { type, ...rest } of [...sent]) {
      const { requestId } = rest as { readonly requestId: number };
      if (type === "object_create") client.receive(denied(requestId));
      if (type === "object_open") client.receive(denied(requestId));
    }

    assertEquals(count(sent, "object_create"), REMOTE_TRANSFERS_MAX + 1);
    assertEquals(count(sent, "object_open"), REMOTE_TRANSFERS_MAX + 1);
  });

  it("has a large object wait for those before it", () => {
    const { client, sent, put } = newClient();
    put(1, CHUNK);
    put(2, REMOTE_WRITE_BYTES_MAX);
    assertEquals(count(sent, "object_create"), 1);

    client.receive({ type: "object_granted", requestId: 1 });

    assertEquals(count(sent, "object_create"), 2);
  });

  it("sends nothing of what is freed before it has crossed", async () => {
    for (const state of ["asked", "granted"]) {
      const { client, sent, put } = newClient();
      const accepted = put(1, 20 * CHUNK);
      if (state === "asked") client.free(ME, 1);
      client.receive({ type: "object_granted", requestId: 1 });
      if (state === "granted") client.free(ME, 1);
      const chunks = count(sent, "object_chunk");
      client.receive({ type: "chunks_taken", count: chunks });
      await accepted;

      assertEquals(count(sent, "object_chunk"), chunks);
      assertEquals([count(sent, "object_abort"), count(sent, "object_free")], [
        1,
        1,
      ]);
      assertEquals(client.counts().pending, 0);
    }
  });

  it("rejects what is freed before the store was asked", async () => {
    const { client, sent, put } = newClient();
    put(1, REMOTE_WRITE_BYTES_MAX);
    const second = put(2, 5);

    client.free(ME, 2);

    await assertRejects(() => second, ObjectLostError);
    assertEquals(count(sent, "object_create"), 1);
  });

  it("refuses more objects than may wait", async () => {
    const { put } = newClient();
    put(0, REMOTE_WRITE_BYTES_MAX);
    for (let n = 1; n <= CREATES_WAITING_MAX; n++) put(n, 1);

    await assertRejects(() => put(9_999, 1), ObjectStoreFullError);
  });

  it("takes chunks that come for nobody, and gives their credits", () => {
    const { client, sent } = newClient();
    const bytes = new Uint8Array(1);
    client.receive({ type: "object_chunk", requestId: 9, offset: 0, bytes });
    client.receive({ type: "object_granted", requestId: 9 });

    assertEquals(typesOf(sent), ["chunks_taken"]);
  });

  it("fails all that waits when the node is gone, and says no more", async () => {
    const { client, sent, put } = newClient();
    const waiting = [
      put(1, 1),
      put(2, REMOTE_WRITE_BYTES_MAX),
      client.open(ME, 3),
    ];
    const told = sent.length;

    client.failAll(new ConnectionError("The node is gone"));

    for (const each of waiting) {
      await assertRejects(() => each, ConnectionError);
    }
    await assertRejects(() => put(4, 1), ConnectionError);
    await assertRejects(() => client.open(ME, 5), ConnectionError);
    client.free(ME, 1);
    client.receive({ type: "object_granted", requestId: 1 });
    assertEquals(sent.length, told);
  });
});

function newClient() {
  const sent: ToRemoteStore[] = [];
  const client = new RemoteStoreClient({
    identity: { workerId: ME, nodeId: TEST_NODE },
    send: (message) => sent.push(message),
    flush: () => {},
    collectGarbage: () => {},
  });
  /** Rejections are the test's to look at, if it wants to. */
  const put = (number: number, sizeBytes: number): Promise<unknown> => {
    const accepted = client.create(ME, number, sizeBytes, (writable) => {
      writable.seal();
    });
    accepted.catch(() => {});
    return accepted;
  };
  return { client, sent, put };
}

function typesOf(sent: readonly ToRemoteStore[]): string[] {
  return sent.map(({ type }) => type);
}

function count(
  sent: readonly ToRemoteStore[],
  type: ToRemoteStore["type"],
): number {
  return sent.filter((message) => message.type === type).length;
}

function denied(requestId: number): FromRemoteStore {
  const reason = "not_found";
  return { type: "object_denied", requestId, reason, capacityBytes: 1 };
}

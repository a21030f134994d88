// The object store with its clients on real shared memory and the runtime's
// own garbage collection, which tells when memory may be reused.

import {
  ObjectLostError,
  ObjectStoreFullError,
  OwnerDiedError,
} from "../../runtime/base/errors.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertThrows,
  describe,
  it,
} from "../support/harness.ts";
import {
  MIB,
  putFilled,
  StoreKit,
  testWorkerId,
} from "../support/store_kit.ts";

const A = testWorkerId("a");

describe("StoreClient", () => {
  it("reads what another thread wrote, without a copy", async () => {
    const kit = new StoreKit(64 * MIB);
    const [a, b] = [kit.client("a"), kit.client("b")];
    const target = await a.create(A, 1, 300_001);
    target.bytes.fill(7);
    target.seal();

    const seenByB = await b.open(A, 1);
    const seenByA = await a.open(A, 1);
    seenByA[5] = 99;

    assertEquals([seenByA.length, seenByB.length], [300_001, 300_001]);
    assertEquals([seenByB[4], seenByB[5]], [7, 99]);
  });

  it("opens an object of its own without asking", async () => {
    const kit = new StoreKit(64 * MIB);
    const a = kit.client("a");
    await putFilled(a, { owner: "a", number: 1, sizeBytes: MIB, fill: 3 });

    let isOpen = false;
    a.open(A, 1).then(() => isOpen = true);
    await Promise.resolve();
    await Promise.resolve();

    assert(isOpen, "open took a round trip");
  });

  it("asks once for an object that is opened many times", async () => {
    const kit = new StoreKit(64 * MIB);
    const [a, b] = [kit.client("a"), kit.client("b")];
    await putFilled(a, { owner: "a", number: 1, sizeBytes: MIB, fill: 3 });

    const views = await Promise.all([1, 2, 3].map(() => b.open(A, 1)));
    const later = await b.open(A, 1);

    assertEquals(kit.sent.shared, 2);
    assert(views.every((view) => view.buffer === later.buffer), "other copy");
    assertEquals(b.counts(), { pending: 0, mappings: 1 });
  });

  it("reuses one warm segment in a loop of puts and frees", async () => {
    const kit = new StoreKit(64 * MIB);
    const a = kit.client("a");
    for (let number = 1; number <= 20; number++) {
      await putFilled(a, { owner: "a", number, sizeBytes: 5 * MIB, fill: 1 });
      a.free(A, number);
    }
    await kit.settled();

    assertEquals(kit.sent.shared, 1);
    assertEquals(kit.store.stats().pooledBytes, 5 * MIB);
  });

  it("keeps the memory of a freed object while a view lives", async () => {
    const kit = new StoreKit(64 * MIB);
    const [a, b] = [kit.client("a"), kit.client("b")];
    await putFilled(a, { owner: "a", number: 1, sizeBytes: MIB, fill: 3 });
    const views: Uint8Array[] = [];
    await b.open(A, 1).then((view) => {
      views.push(view.subarray(10, 20).subarray(1));
    });
    a.free(A, 1);
    await putFilled(a, { owner: "a", number: 2, sizeBytes: MIB, fill: 4 });
    for (let round = 0; round < 3; round++) {
      await kit.collectUntil(() => true);
    }

    assertEquals(views[0]?.[0], 3);
    assertEquals(kit.store.stats().usedBytes, 2 * MIB);
    views.length = 0;
    await kit.collectUntil(() => kit.store.stats().usedBytes === MIB);
    assertEquals(b.counts().mappings, 0);
  });

  it("waits for room, which collected views give", async () => {
    const kit = new StoreKit(4 * MIB);
    const [a, b] = [kit.client("a"), kit.client("b")];
    await putFilled(a, { owner: "a", number: 1, sizeBytes: 3 * MIB, fill: 3 });
    await b.open(A, 1);
    let isPut = false;
    const put = putFilled(a, {
      ...{ owner: "a", number: 2, sizeBytes: 2 * MIB, fill: 4 },
    }).then(() => isPut = true);
    a.free(A, 1);

    await kit.collectUntil(() => isPut);
    await put;

    assert(kit.collections > 0, "no collection was asked for");
    assertEquals((await b.open(A, 2))[0], 4);
  });

  it("rejects what the whole store cannot hold", async () => {
    const kit = new StoreKit(4 * MIB);
    const a = kit.client("a");

    const error = await assertRejects(
      a.create(A, 1, 4 * MIB + 1),
      ObjectStoreFullError,
      "objectStoreMemory",
    );
    assertEquals(Object(error).capacityBytes, 4 * MIB);
    (await a.create(A, 2, 4 * MIB)).abort();
  });

  it("rejects objects that are freed, unknown or without owner", async () => {
    const kit = new StoreKit(64 * MIB);
    const [a, b] = [kit.client("a"), kit.client("b")];
    await putFilled(a, { owner: "a", number: 1, sizeBytes: MIB, fill: 3 });
    a.free(A, 1);

    await assertRejects(b.open(A, 1), ObjectLostError, "freed");
    await assertRejects(b.open(A, 5), ObjectLostError);
    await assertRejects(a.open(A, 1), ObjectLostError);
    await putFilled(a, { owner: "a", number: 2, sizeBytes: MIB, fill: 3 });
    kit.end("a");
    await assertRejects(b.open(A, 2), OwnerDiedError);
    await assertRejects(b.create(A, 3, MIB), OwnerDiedError);
  });

  it("lets readers wait for the seal and tells them of an abort", async () => {
    const kit = new StoreKit(64 * MIB);
    const [a, b] = [kit.client("a"), kit.client("b")];
    const first = await a.create(A, 1, MIB);
    const second = await a.create(A, 2, MIB);
    const opened = b.open(A, 1);
    const lost = b.open(A, 2);
    first.bytes.fill(9);
    first.seal();
    second.abort();

    assertEquals((await opened)[0], 9);
    await assertRejects(lost, ObjectLostError);
    assertThrows(() => first.bytes, TypeError, "sealed");
  });

  it("aborts what `using` leaves unsealed", async () => {
    const kit = new StoreKit(64 * MIB);
    const a = kit.client("a");
    const target = await a.create(A, 1, MIB);
    {
      using _aborted = target;
    }
    await kit.settled();

    assertEquals(kit.store.stats().objects, 0);
  });

  it("fails all that waits when the node is gone", async () => {
    const kit = new StoreKit(MIB);
    const a = kit.client("a");
    await putFilled(a, { owner: "a", number: 1, sizeBytes: MIB, fill: 3 });
    const waiting = a.create(A, 2, MIB);
    const failure = new Error("gone");
    a.failAll(failure);

    assertEquals(await assertRejects(waiting), failure);
    assertEquals(await assertRejects(a.create(A, 3, MIB)), failure);
    assertEquals(await assertRejects(a.open(A, 1)), failure);
  });

  it("frees what an ended thread owned, read and wrote", async () => {
    const kit = new StoreKit(64 * MIB);
    const [a, b] = [kit.client("a"), kit.client("b")];
    await putFilled(a, { owner: "a", number: 1, sizeBytes: MIB, fill: 3 });
    const view = await b.open(A, 1);
    await b.create(A, 2, MIB);
    kit.end("b");
    a.free(A, 1);
    await kit.settled();

    assertEquals(view.length, MIB);
    const { usedBytes, objects } = kit.store.stats();
    assertEquals({ usedBytes, objects }, { usedBytes: 0, objects: 0 });
  });
});

describe("NodeStore", () => {
  it("gives dropped segments back once they are collected", async () => {
    const kit = new StoreKit(8 * MIB);
    const a = kit.client("a");
    await putFilled(a, { owner: "a", number: 1, sizeBytes: 6 * MIB, fill: 3 });
    a.free(A, 1);
    let isPut = false;
    const put = putFilled(a, {
      ...{ owner: "a", number: 2, sizeBytes: 7 * MIB, fill: 4 },
    }).then(() => isPut = true);
    await kit.collectUntil(() => isPut);
    await put;

    const { usedBytes, pooledBytes, drainingBytes } = kit.store.stats();
    assertEquals([usedBytes, pooledBytes, drainingBytes], [7 * MIB, 0, 0]);
  });

  it("gives idle memory back", async () => {
    const kit = new StoreKit(8 * MIB);
    const a = kit.client("a");
    await putFilled(a, { owner: "a", number: 1, sizeBytes: 6 * MIB, fill: 3 });
    a.free(A, 1);
    await kit.settled();
    assertEquals(kit.store.stats().pooledBytes, 6 * MIB);
    kit.nowMs = 60_000;
    kit.store.tick();

    assertEquals(kit.store.stats().pooledBytes, 0);
    await kit.collectUntil(() => kit.store.stats().drainingBytes === 0);
  });

  it("lists objects", async () => {
    const kit = new StoreKit(8 * MIB);
    const a = kit.client("a");
    await putFilled(a, { owner: "a", number: 1, sizeBytes: 100, fill: 3 });
    await a.create(A, 2, 200);

    assertEquals(kit.store.list(), [
      {
        owner: A,
        number: 1,
        sizeBytes: 100,
        state: "sealed",
        isCopy: false,
        mappings: 0,
      },
      {
        owner: A,
        number: 2,
        sizeBytes: 200,
        state: "writing",
        isCopy: false,
        mappings: 1,
      },
    ]);
  });
});

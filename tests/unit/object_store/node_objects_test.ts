import { objectKey } from "../../../runtime/base/ids.ts";
import {
  OBJECT_ANNOUNCED_MS,
  PULL_RETRY_MS_MAX,
  PULL_TRIES_MAX,
} from "../../../runtime/base/limits.ts";
import { assert, assertEquals, describe, it } from "../../support/harness.ts";
import { ObjectsKit } from "../../support/objects_kit.ts";
import { MIB } from "../../support/store_kit.ts";

function newKit(nodes = 3, capacityBytes = 64 * MIB): ObjectsKit {
  return new ObjectsKit({ nodes, capacityBytes });
}

describe("Objects of a node among others", () => {
  it("opens an object of another node, for many at once, with one pull", async () => {
    const kit = newKit();
    const [a, b] = kit.nodes;
    const owner = kit.thread(a!, "owner");
    owner.write(owner.workerId, 1, 3 * MIB + 1, 7);
    const readers = ["x", "y", "z"].map((name) => kit.thread(b!, name));
    const opens = readers.map((reader) =>
      reader.open(owner.workerId, 1, 3 * MIB + 1, 7)
    );
    await kit.settle();
    assertEquals(opens.map(({ outcome }) => outcome), [
      ...["opened", "opened", "opened"],
    ]);
    assertEquals(kit.reads.length, 1);
    assertEquals(b!.store.stats().objects, 1);
    const again = readers[0]!.open(owner.workerId, 1, 3 * MIB + 1, 7);
    await kit.settle();
    assertEquals(again.outcome, "opened");
    assertEquals(kit.reads.length, 1);
    owner.free(owner.workerId, 1);
    await kit.assertEmpty();
  });

  it("opens what a task wrote on a third node, empty or not", async () => {
    const kit = newKit();
    const [a, b, c] = kit.nodes;
    const owner = kit.thread(a!, "owner", true);
    const task = kit.thread(b!, "task");
    const reader = kit.thread(c!, "reader");
    // The open comes first: the home waits for the announcement.
    const opens = [
      reader.open(owner.workerId, 1, 100, 9),
      reader.open(owner.workerId, 2, 0, 9),
      owner.open(owner.workerId, 1, 100, 9),
    ];
    await kit.settle();
    task.write(owner.workerId, 1, 100, 9);
    task.write(owner.workerId, 2, 0, 9);
    await kit.settle();
    assertEquals(opens.map(({ outcome }) => outcome), [
      ...["opened", "opened", "opened"],
    ]);
    owner.free(owner.workerId, 1);
    owner.free(owner.workerId, 2);
    await kit.assertEmpty();
  });

  it("says after a while that there is no such object", async () => {
    const kit = newKit();
    const [a, b] = kit.nodes;
    const owner = kit.thread(a!, "owner");
    const own = owner.open(owner.workerId, 5, 1, 1);
    const other = kit.thread(b!, "reader").open(owner.workerId, 5, 1, 1);
    await kit.settle();
    assertEquals([own.outcome, other.outcome], [undefined, undefined]);
    kit.advance(OBJECT_ANNOUNCED_MS);
    await kit.settle();
    assertEquals([own.outcome, other.outcome], ["not_found", "not_found"]);
    await kit.assertEmpty();
  });

  it("reads a broadcast at most twice from its source", async () => {
    const kit = newKit(9);
    const [source, ...others] = kit.nodes;
    const owner = kit.thread(source!, "owner");
    owner.write(owner.workerId, 1, 2 * MIB, 3);
    await kit.settle();
    const opens = others.map((node) =>
      kit.thread(node, "reader").open(owner.workerId, 1, 2 * MIB, 3)
    );
    await kit.settle();
    assert(opens.every(({ outcome }) => outcome === "opened"));
    assertEquals(kit.reads.length, 8);
    const fromSource = kit.reads.filter(({ from }) => from === source!.nodeId);
    assert(fromSource.length <= 2, `${fromSource.length} reads of the source`);
    owner.free(owner.workerId, 1);
    await kit.assertEmpty();
  });

  it("pulls from another copy when the source dies", async () => {
    const kit = newKit(4);
    const [a, b, c, d] = kit.nodes;
    const owner = kit.thread(a!, "owner");
    kit.thread(b!, "task").write(owner.workerId, 1, 5 * MIB, 3);
    await kit.settle();
    const first = kit.thread(c!, "first").open(owner.workerId, 1, 5 * MIB, 3);
    await kit.settle();
    const second = kit.thread(d!, "second").open(owner.workerId, 1, 5 * MIB, 3);
    await part(kit, d!.nodeId, 3);
    const source = kit.node(kit.reads.at(-1)!.from);
    kit.kill(source);
    for (const { objects } of kit.alive) objects.nodeGone(source.nodeId);
    await kit.settle();
    assertEquals([first.outcome, second.outcome], ["opened", "opened"]);
    assertEquals(a!.lost, []);
    owner.free(owner.workerId, 1);
    await kit.assertEmpty();
  });

  it("tells the owner of the last copy, and who wants it", async () => {
    const kit = newKit();
    const [a, b, c] = kit.nodes;
    const owner = kit.thread(a!, "owner");
    kit.thread(b!, "task").write(owner.workerId, 1, 9 * MIB, 3);
    const reader = kit.thread(c!, "reader");
    const early = reader.open(owner.workerId, 1, 9 * MIB, 3);
    await part(kit, c!.nodeId, 4);
    kit.kill(b!);
    for (const { objects } of kit.alive) objects.nodeGone(b!.nodeId);
    assertEquals(a!.lost, [objectKey(owner.workerId, 1)]);
    const late = reader.open(owner.workerId, 1, 9 * MIB, 3);
    const own = owner.open(owner.workerId, 1, 9 * MIB, 3);
    await kit.settle();
    assertEquals([early.outcome, late.outcome], ["lost", "lost"]);
    assertEquals(own.outcome, "lost");
    owner.free(owner.workerId, 1);
    await kit.assertEmpty();
  });

  it("begins again after a break", async () => {
    const kit = newKit();
    const [a, b] = kit.nodes;
    const owner = kit.thread(a!, "owner");
    owner.write(owner.workerId, 1, 9 * MIB, 3);
    const open = kit.thread(b!, "reader").open(owner.workerId, 1, 9 * MIB, 3);
    await part(kit, b!.nodeId, 5);
    kit.disconnect(a!, b!);
    await kit.settle();
    kit.advance(PULL_RETRY_MS_MAX);
    await kit.settle();
    assertEquals(open.outcome, "opened");
    assertEquals(kit.reads.length, 2);
    owner.free(owner.workerId, 1);
    await kit.assertEmpty();
  });

  it("has it by the home when it reaches no node with a copy", async () => {
    const kit = newKit();
    const [a, b, c] = kit.nodes;
    const owner = kit.thread(a!, "owner", true);
    kit.thread(b!, "task").write(owner.workerId, 1, MIB, 9);
    await kit.settle();
    // Each of the two holds the other for dead; the home knows both.
    c!.objects.nodeGone(b!.nodeId);
    const open = kit.thread(c!, "reader").open(owner.workerId, 1, MIB, 9);
    for (let tries = 1; tries < PULL_TRIES_MAX && !open.outcome; tries++) {
      await kit.settle();
      kit.advance(PULL_RETRY_MS_MAX);
    }
    assertEquals(open.outcome, "opened");
    assertEquals(kit.reads.map(({ from }) => from), [b!.nodeId, a!.nodeId]);
    owner.free(owner.workerId, 1);
    await kit.assertEmpty();
  });

  it("refuses what cannot be had from anybody", async () => {
    const kit = newKit();
    const [a, b, c] = kit.nodes;
    const owner = kit.thread(a!, "owner");
    kit.thread(c!, "task").write(owner.workerId, 1, 9 * MIB, 3);
    await kit.settle();
    const open = kit.thread(b!, "reader").open(owner.workerId, 1, 9 * MIB, 3);
    await part(kit, b!.nodeId, 5);
    // Nobody has found out yet that it is dead.
    kit.kill(c!);
    b!.objects.unlinked(c!.nodeId);
    // The second one comes at once.
    for (let tries = 2; tries < PULL_TRIES_MAX; tries++) {
      await kit.settle();
      assertEquals(open.outcome, undefined);
      kit.advance(PULL_RETRY_MS_MAX);
    }
    // The home has tried as well.
    for (let tries = 0; tries < 2 * PULL_TRIES_MAX; tries++) {
      await kit.settle();
      kit.advance(PULL_RETRY_MS_MAX);
    }
    assertEquals(open.outcome, "unreachable");
    owner.free(owner.workerId, 1);
    await kit.assertEmpty();
  });

  it("reads again what came damaged", async () => {
    const kit = newKit();
    const [a, b] = kit.nodes;
    const owner = kit.thread(a!, "owner");
    owner.write(owner.workerId, 1, 4 * MIB, 3);
    const open = kit.thread(b!, "reader").open(owner.workerId, 1, 4 * MIB, 3);
    await part(kit, b!.nodeId, 2);
    const { large } = kit.way(a!, b!);
    const at = large.findIndex(({ type }) => type === "object_chunk");
    large[at] = { ...large[at]!, checksum: 1 } as typeof large[0];
    await kit.settle();
    assertEquals(open.outcome, "opened");
    assertEquals(kit.reads.length, 2);
    owner.free(owner.workerId, 1);
    await kit.assertEmpty();
  });

  it("frees what is being pulled, and what is announced late", async () => {
    const kit = newKit();
    const [a, b, c] = kit.nodes;
    const owner = kit.thread(a!, "owner");
    kit.thread(c!, "task").write(owner.workerId, 1, 9 * MIB, 3);
    const open = kit.thread(b!, "reader").open(owner.workerId, 1, 9 * MIB, 3);
    await part(kit, b!.nodeId, 4);
    owner.free(owner.workerId, 1);
    await kit.settle();
    assertEquals(open.outcome, "not_found");
    owner.free(owner.workerId, 2);
    await kit.settle();
    kit.thread(c!, "late").write(owner.workerId, 2, MIB, 3);
    await kit.settle();
    await kit.assertEmpty();
  });

  it("frees everything of an owner that is gone", async () => {
    const kit = newKit();
    const [a, b, c] = kit.nodes;
    const owner = kit.thread(a!, "owner");
    owner.write(owner.workerId, 1, 9 * MIB, 3);
    const reader = kit.thread(b!, "reader");
    const opens = [1, 2].map((n) => reader.open(owner.workerId, n, 9 * MIB, 3));
    await part(kit, b!.nodeId, 4);
    kit.thread(c!, "task").write(owner.workerId, 3, MIB, 3);
    a!.threads.delete(owner.workerId);
    a!.store.workerEnded(owner.workerId);
    for (const { objects } of kit.alive) objects.ownerEnded(owner.workerId);
    await kit.settle();
    assertEquals(opens.map(({ outcome }) => outcome), [
      ...["owner_ended", "owner_ended"],
    ]);
    const late = reader.open(owner.workerId, 1, 9 * MIB, 3);
    await kit.settle();
    assertEquals(late.outcome, "not_found");
    await kit.assertEmpty();
  });

  it("frees everything of owners whose home is gone", async () => {
    const kit = newKit();
    const [a, b] = kit.nodes;
    const owner = kit.thread(a!, "owner", true);
    owner.write(owner.workerId, 1, 9 * MIB, 3);
    const reader = kit.thread(b!, "reader");
    const open = reader.open(owner.workerId, 1, 9 * MIB, 3);
    await kit.settle();
    assertEquals(open.outcome, "opened");
    const waiting = reader.open(owner.workerId, 2, 9 * MIB, 3);
    await kit.settle();
    kit.kill(a!);
    for (const { objects } of kit.alive) objects.nodeGone(a!.nodeId);
    await kit.settle();
    assertEquals(waiting.outcome, "owner_ended");
    const late = reader.open(owner.workerId, 1, 9 * MIB, 3);
    await kit.settle();
    assertEquals(late.outcome, "owner_ended");
    await kit.assertEmpty();
  });

  it("refuses what is larger than the own store", async () => {
    const kit = newKit(2, 8 * MIB);
    const [a, b] = kit.nodes;
    const owner = kit.thread(a!, "owner");
    owner.write(owner.workerId, 1, 6 * MIB, 3);
    const reader = kit.thread(b!, "reader");
    reader.write(reader.workerId, 1, 5 * MIB, 3);
    await kit.settle();
    const open = reader.open(owner.workerId, 1, 6 * MIB, 3);
    await kit.settle();
    assertEquals(open.outcome, undefined);
    reader.free(reader.workerId, 1);
    await kit.settle();
    for (let n = 0; n < 10; n++) {
      b!.collector.collect(() => false);
      b!.collector.finalize();
      await kit.settle();
    }
    assertEquals(open.outcome, "opened");
    owner.free(owner.workerId, 1);
    await kit.assertEmpty();
  });

  it("asks nobody on a node without others", async () => {
    const kit = new ObjectsKit({ nodes: 1, capacityBytes: MIB, isAlone: true });
    const owner = kit.thread(kit.nodes[0]!, "owner");
    owner.write(owner.workerId, 1, 1000, 3);
    await kit.settle();
    const open = owner.open(owner.workerId, 2, 1000, 3);
    await kit.settle();
    assertEquals(open.outcome, "not_found");
    assertEquals(kit.nodes[0]!.objects.counts().places, 0);
    kit.nodes[0]!.objects.joined();
    await kit.settle();
    assertEquals(kit.nodes[0]!.objects.counts().places, 1);
    owner.free(owner.workerId, 1);
    await kit.assertEmpty();
  });
});

/** Goes on until a few chunks to a node have come. */
async function part(
  kit: ObjectsKit,
  nodeId: string,
  chunks: number,
): Promise<void> {
  let left = chunks;
  for (let round = 0; round < 200 && left > 0; round++) {
    for (const { threads } of kit.alive) {
      for (const thread of threads.values()) thread.speak();
    }
    for (const way of kit.ways) {
      kit.deliver(way, false);
      const isChunk = way.large[0]?.type === "object_chunk" &&
        way.to.nodeId === nodeId;
      kit.deliver(way, true);
      if (isChunk && --left === 0) return;
    }
    for (const [one, other] of kit.wanted.splice(0)) kit.connect(one, other);
    for (let turn = 0; turn < 8; turn++) await Promise.resolve();
  }
}

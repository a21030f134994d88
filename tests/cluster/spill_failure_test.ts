// A store that cannot spill: its disk is full or read-only, or more is read at
// once than it holds. Every call ends with a typed error within a bound, and
// what was stored before can be read. The small disks are mounted, which
// needs root on Linux; elsewhere those tests have nothing to try.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  context,
  get,
  init,
  type ObjectRef,
  ObjectStoreFullError,
  OutOfDiskError,
  put,
  remote,
  shutdown,
} from "../../mod.ts";
import { STORE_FULL_MS } from "../../runtime/base/limits.ts";
import { PATIENCE_MS } from "../support/cluster.ts";
import { SmallDisk } from "../support/small_disk.ts";
import {
  afterEach,
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  beforeEach,
  describe,
  it,
} from "../support/harness.ts";

const MIB = 1024 * 1024;
const STORE_MIB = 16;

const bytesOf = remote(function bytesOf(mib: number, seed: number) {
  return new Uint8Array(mib * 1024 * 1024).fill(seed);
});

const holdMany = remote(async function holdMany(
  refs: ObjectRef<Uint8Array>[],
) {
  return (await get(refs)).length;
});

describe("a store that cannot spill", () => {
  let folder = "";
  let disk: SmallDisk | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "manta-spill-test-"));
  });

  afterEach(async () => {
    await shutdown();
    disk?.[Symbol.dispose]();
    disk = undefined;
    rmSync(folder, { recursive: true, force: true });
  });

  const start = (spillDirectory: string) =>
    init({
      numCpus: 2,
      objectStoreMemory: STORE_MIB * MIB,
      spillDirectory,
      logToDriver: false,
    });

  it("fails a put when the disk is full, and goes on when it is not", async () => {
    disk = SmallDisk.mount(12);
    if (!disk) return;
    await start(disk.path);
    const refs: ObjectRef<Uint8Array>[] = [];
    const fill = async () => {
      while (refs.length < 64) {
        refs.push(await put(new Uint8Array(MIB).fill(refs.length)));
      }
    };
    const startMs = performance.now();
    const { nodeId } = context();
    await assertRejects(
      fill,
      OutOfDiskError,
      `the object store of node ${nodeId} is full and so is the disk`,
    );
    assertBounded(startMs);
    assert(refs.length >= STORE_MIB, `${refs.length} objects found room`);

    for (const [seed, ref] of refs.entries()) {
      assertEquals((await get(ref))[MIB - 1], seed);
    }
    for (const ref of refs.splice(0)) ref[Symbol.dispose]();
    const ref = await put(new Uint8Array(MIB).fill(7));
    assertEquals((await get(ref))[0], 7);
  });

  it("fails a task whose result finds no room on a full disk", async () => {
    disk = SmallDisk.mount(12);
    if (!disk) return;
    await start(disk.path);
    const refs = Array.from({ length: 28 }, (_, at) => bytesOf.remote(1, at));
    const outcomes = await Promise.allSettled(
      refs.map((ref) => holdMany.remote([ref])).map((ref) => get(ref)),
    );
    const failures = outcomes.filter(({ status }) => status === "rejected");
    // They are held until here: what is garbage would make room.
    for (const ref of refs) ref[Symbol.dispose]();
    assert(failures.length > 0, "everything found room");
    for (const failure of failures) {
      assertInstanceOf(
        (failure as PromiseRejectedResult).reason,
        OutOfDiskError,
      );
    }
  });

  it("says so when the disk becomes read-only", async () => {
    disk = SmallDisk.mount(64);
    if (!disk) return;
    await start(disk.path);
    const refs: ObjectRef<Uint8Array>[] = [];
    refs.push(await put(new Uint8Array(MIB).fill(1)));
    // The folder is made: now its disk takes no writes any more.
    disk.allowWrites(false);
    const fill = async () => {
      while (refs.length < 64) refs.push(await put(new Uint8Array(MIB)));
    };
    const startMs = performance.now();
    const error = await failureOf(fill());
    disk.allowWrites(true);

    assertInstanceOf(error, ObjectStoreFullError);
    assertStringIncludes(error.message, "writing to the disk");
    assertBounded(startMs);
    assertEquals((await get(refs[0]!))[0], 1);
  });

  it("R-52 loses nothing to a disk that fails now and then", async () => {
    disk = SmallDisk.mount(128);
    if (!disk) return;
    await start(disk.path);
    using flicker = disk.fillNowAndThen(60, 400);
    const refs = new Map<number, ObjectRef<Uint8Array>>();
    for (let seed = 0; seed < 96 || flicker.count() < 3; seed++) {
      assert(seed < 2_000, `The disk failed only ${flicker.count()} times`);
      const ref = seed % 2 === 0
        ? await put(new Uint8Array(MIB).fill(seed))
        : bytesOf.remote(1, seed);
      refs.set(seed, ref);
      refs.get(seed - 96)?.[Symbol.dispose]();
      refs.delete(seed - 96);
    }
    for (const [seed, ref] of refs) {
      const value = await get(ref);
      assertEquals([value[0], value[MIB - 1]], [seed % 256, seed % 256]);
    }
  });

  it("refuses a read-only directory at the start", async () => {
    disk = SmallDisk.mount(1);
    if (!disk) return;
    disk.allowWrites(false);
    await assertRejects(start(disk.path), RangeError, "spillDirectory");
  });

  it("refuses what is larger than the store, whoever makes it", async () => {
    await start(folder);
    const tooLarge = new Uint8Array((STORE_MIB + 1) * MIB);
    await assertRejects(put(tooLarge), ObjectStoreFullError, "in all");
    await assertRejects(
      get(bytesOf.remote(STORE_MIB + 1, 0)),
      ObjectStoreFullError,
    );
  });

  it("fails a get of more than the store holds at once", async () => {
    await start(folder);
    const refs: ObjectRef<Uint8Array>[] = [];
    for (let seed = 0; seed < 40; seed++) {
      refs.push(await put(new Uint8Array(MIB).fill(seed)));
    }
    const startMs = performance.now();
    const error = await failureOf(get(refs));
    assertInstanceOf(error, ObjectStoreFullError);
    assertStringIncludes(error.message, "read less at a time");
    assertBounded(startMs);

    const inTask = await failureOf(get(holdMany.remote(refs)));
    assertInstanceOf(inTask, ObjectStoreFullError);
    // One after another they all are there.
    for (const [seed, ref] of refs.entries()) {
      assertEquals((await get(ref))[0], seed);
    }
  });
});

/** Waiting in vain is given up after a fixed time. */
function assertBounded(startMs: number): void {
  const tookMs = performance.now() - startMs;
  assert(tookMs < STORE_FULL_MS + PATIENCE_MS, `It took ${tookMs} ms`);
}

function failureOf(outcome: Promise<unknown>): Promise<Error> {
  return outcome.then(
    () => new Error("It did not fail"),
    (error: Error) => error,
  );
}

// A store that is smaller than what is put into it: what goes to disk, comes
// back as it was, and is gone with the objects, the session or its process.

import { spawn } from "node:child_process";
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  get,
  init,
  nodes,
  type ObjectRef,
  put,
  remote,
  shutdown,
} from "../../mod.ts";
import { detectPlatform } from "../../runtime/platform/detect.ts";
import { eventually, testCluster } from "../support/cluster.ts";
import {
  afterEach,
  assert,
  assertEquals,
  assertRejects,
  beforeEach,
  describe,
  it,
} from "../support/harness.ts";
import { rssBytes } from "../support/resource_use.ts";

const MIB = 1024 * 1024;
const DRIVER_PATH = fileURLToPath(
  import.meta.resolve("../support/spilling_driver.ts"),
);

const patternOf = remote(function patternOf(seed: number, sizeBytes: number) {
  return pattern(seed, sizeBytes);
});

const isPattern = remote(function isPattern(words: Int32Array, seed: number) {
  return differsAt(words, seed) === -1;
});

const firstWords = remote(async function firstWords(
  refs: ObjectRef<Int32Array>[],
) {
  const words: number[] = [];
  for (const ref of refs) words.push((await get(ref))[0]!);
  return words;
});

describe("a store that spills", () => {
  let folder = "";

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "manta-spill-test-"));
  });

  afterEach(async () => {
    await shutdown();
    rmSync(folder, { recursive: true, force: true });
  });

  const cluster = (storeMib: number) =>
    testCluster({
      objectStoreMemory: storeMib * MIB,
      spillDirectory: folder,
    });

  it("R-51 gives 1 GB back through 64 MB, in any order", async () => {
    await using session = await cluster(64);
    const [count, sizeBytes] = [256, 4 * MIB];
    const startBytes = rssBytes();
    let mostBytes = 0;
    const refs: ObjectRef<Int32Array>[] = [];
    for (let seed = 0; seed < count; seed++) {
      refs.push(await put(pattern(seed, sizeBytes)));
      mostBytes = Math.max(mostBytes, rssBytes());
    }
    const [node] = await nodes();
    assert(node!.objectStore.usedBytes <= node!.objectStore.capacityBytes);
    assert(node!.objectStore.spilledBytes > (count - 16) * sizeBytes * 0.9);

    const readBefore = readBytes();
    for (const seed of shuffled(count)) {
      const words = await get(refs[seed]!);
      assertEquals(differsAt(words, seed), -1, `object ${seed}`);
      mostBytes = Math.max(mostBytes, rssBytes());
    }
    const restoredBytes = readBytes() - readBefore;

    assert(
      restoredBytes <= 1.2 * count * sizeBytes,
      `${restoredBytes} bytes were read`,
    );
    const grownBytes = mostBytes - startBytes;
    assert(grownBytes < (64 + 500) * MIB, `It grew by ${grownBytes} bytes`);
    for (const ref of refs) ref[Symbol.dispose]();
    await session.settled({ objects: 0 });
  });

  it("passes spilled results to tasks, and reads in them", async () => {
    await using session = await cluster(16);
    const seeds = Array.from({ length: 24 }, (_, seed) => seed);
    const refs = seeds.map((seed) => patternOf.remote(seed, 2 * MIB));
    const agree = await get(
      seeds.map((seed) => isPattern.remote(refs[seed]!, seed)),
    );
    assertEquals(agree, seeds.map(() => true));
    const [node] = await nodes();
    assert(node!.objectStore.spilledBytes > 0);

    const words = await get(firstWords.remote(refs));
    assertEquals(words, seeds.map((seed) => pattern(seed, 4)[0]!));
    for (const ref of refs) ref[Symbol.dispose]();
    await session.settled({ objects: 0 });
  });

  it("R-53 leaves objects in use where they are", async () => {
    await using session = await cluster(16);
    const held = await put(pattern(1, 4 * MIB));
    const view = await get(held);
    const others: ObjectRef<Int32Array>[] = [];
    for (let seed = 2; seed < 20; seed++) {
      others.push(await put(pattern(seed, 2 * MIB)));
    }

    assertEquals(differsAt(view, 1), -1);
    // The same memory still, not a copy that was read back.
    view[0] = 4711;
    assertEquals((await get(held))[0], 4711);
    for (const ref of [held, ...others]) ref[Symbol.dispose]();
    await session.settled({ objects: 0 });
  });

  it("R-55 reads and stores at the same time", async () => {
    await using session = await cluster(16);
    const refs: ObjectRef<Int32Array>[] = [];
    for (let seed = 0; seed < 16; seed++) {
      refs.push(await put(pattern(seed, 2 * MIB)));
    }

    const stored = Promise.all(
      Array.from({ length: 16 }, (_, at) => put(pattern(100 + at, 2 * MIB))),
    );
    for (const [seed, ref] of refs.entries()) {
      assertEquals(differsAt(await get(ref), seed), -1);
    }
    for (const [at, ref] of (await stored).entries()) {
      assertEquals(differsAt(await get(ref), 100 + at), -1);
      ref[Symbol.dispose]();
    }
    for (const ref of refs) ref[Symbol.dispose]();
    await session.settled({ objects: 0 });
  });

  it("removes files with their objects, and the folder at the end", async () => {
    {
      await using session = await cluster(16);
      const refs: ObjectRef<Int32Array>[] = [];
      for (let seed = 0; seed < 16; seed++) {
        refs.push(await put(pattern(seed, 2 * MIB)));
      }
      assert(spillFiles(folder).length > 0, "nothing was spilled");
      for (const ref of refs) ref[Symbol.dispose]();
      await session.settled({ objects: 0 });
      await eventually(
        () => spillFiles(folder).length === 0,
        () => `no files, there are ${spillFiles(folder)}`,
      );
      assertEquals((await nodes())[0]!.objectStore.spilledBytes, 0);
    }

    assertEquals(readdirSync(folder), []);
  });

  it("removes what a killed driver left", async () => {
    await runKilledDriver(folder);
    assert(spillFiles(folder).length > 0, "nothing was left");

    await init({ numCpus: 1, spillDirectory: folder });

    // The files go first, then their folder; one is the new session's.
    await eventually(
      () => spillFiles(folder).length === 0 && readdirSync(folder).length === 1,
      () => `one folder and no files, there are ${readdirSync(folder)}`,
    );
  });

  it("R-56 refuses a directory that it cannot write to", async () => {
    const path = join(folder, "file");
    writeFileSync(path, "");

    await assertRejects(
      init({ spillDirectory: join(path, "below") }),
      RangeError,
      "spillDirectory",
    );
    await init({ numCpus: 1, spillDirectory: join(folder, "new", "one") });
    assert(existsSync(join(folder, "new", "one")));
  });
});

/** Words that depend on the seed and their place. */
function pattern(seed: number, sizeBytes: number): Int32Array {
  const words = new Int32Array(sizeBytes / 4);
  for (let at = 0; at < words.length; at++) {
    words[at] = Math.imul(at + 1, 0x9e3779b1) ^ Math.imul(seed + 1, 0x85ebca6b);
  }
  return words;
}

/** The first place where it is another pattern; -1: nowhere. */
function differsAt(words: Int32Array, seed: number): number {
  const salt = Math.imul(seed + 1, 0x85ebca6b);
  for (let at = 0; at < words.length; at++) {
    if (words[at] !== (Math.imul(at + 1, 0x9e3779b1) ^ salt)) return at;
  }
  return -1;
}

function shuffled(count: number): number[] {
  const order = Array.from({ length: count }, (_, at) => at);
  let state = 12_345;
  for (let at = count - 1; at > 0; at--) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const other = state % (at + 1);
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  return order;
}

/** What this process has read from files; 0 where the system does not say. */
function readBytes(): number {
  if (!existsSync("/proc/self/io")) return 0;
  const counts = readFileSync("/proc/self/io", "utf8");
  return Number(/rchar: (\d+)/.exec(counts)?.[1] ?? 0);
}

function spillFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".objects"));
}

/** Runs a driver that spills into the folder, and kills it. */
async function runKilledDriver(folder: string): Promise<void> {
  const { command, args, env } = detectPlatform()
    .scriptCommand(DRIVER_PATH, [folder]);
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.on("data", () => resolve());
    child.on("close", () => reject(new Error("The driver ended by itself")));
  });
  const closed = new Promise((resolve) => child.on("close", resolve));
  child.kill("SIGKILL");
  await closed;
}

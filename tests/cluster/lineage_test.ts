// Results that are lost and made again by their tasks. An embedded cluster has
// one node, so that what can be lost there is what lies on disk: the files that
// the store has spilled to are emptied behind its back.

import {
  appendFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  get,
  init,
  ObjectLostError,
  type ObjectRef,
  put,
  ReconstructionError,
  remote,
  shutdown,
} from "../../mod.ts";
import { eventually } from "../support/cluster.ts";
import {
  afterEach,
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  beforeEach,
  describe,
  it,
} from "../support/harness.ts";

const MIB = 1024 * 1024;
/** Twice what the store holds: about half of them are on disk. */
const COUNT = 24;
const STORE_BYTES = 12 * MIB;

/** A value that is known beforehand; notes in `log` that it was computed. */
const filled = remote(function filled(seed: number, log: string) {
  appendFileSync(log, `${seed}\n`);
  return new Uint8Array(MIB).fill(seed);
});

const plusOne = remote(function plusOne(bytes: Uint8Array, log: string) {
  appendFileSync(log, "plusOne\n");
  return bytes.map((byte) => byte + 1);
});

const lastOf = remote(function lastOf(bytes: Uint8Array) {
  return bytes.at(-1);
});

const lastOfEach = remote(async function lastOfEach(
  refs: ObjectRef<Uint8Array>[],
) {
  const lasts: (number | undefined)[] = [];
  for (const ref of refs) lasts.push((await get(ref)).at(-1));
  return lasts;
});

const yielded = remote(function* yielded(count: number, log: string) {
  appendFileSync(log, "stream\n");
  for (let seed = 0; seed < count; seed++) {
    yield new Uint8Array(MIB).fill(seed);
  }
});

class Maker {
  readonly #log: string;

  constructor(log: string) {
    this.#log = log;
  }

  fill(seed: number) {
    appendFileSync(this.#log, `${seed}\n`);
    return new Uint8Array(MIB).fill(seed);
  }
}

describe("a result that was spilled and cannot be read back", () => {
  let folder = "";
  let log = "";

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "manta-lineage-test-"));
    log = join(folder, "log");
    writeFileSync(log, "");
    await init({
      numCpus: 2,
      objectStoreMemory: STORE_BYTES,
      spillDirectory: folder,
      logToDriver: false,
    });
  });

  afterEach(async () => {
    await shutdown();
    rmSync(folder, { recursive: true, force: true });
  });

  const runs = () => readFileSync(log, "utf8").split("\n").length - 1;

  const spillFiles = () =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".objects"));

  /** Empties all files, once everything is done that has begun. */
  async function loseSpilled(refs: readonly ObjectRef<unknown>[]) {
    await get(lastOf.remote(refs.at(-1)! as ObjectRef<Uint8Array>));
    await eventually(() => spillFiles().length > 0, () => "files");
    for (const name of spillFiles()) truncateSync(join(folder, name));
  }

  /** Large results, more than the store holds. */
  async function fill(
    make = (seed: number): ObjectRef<Uint8Array> => filled.remote(seed, log),
  ) {
    const refs = Array.from({ length: COUNT }, (_, seed) => make(seed));
    await get(lastOfEach.remote(refs));
    return refs;
  }

  it("is made again for a get (R-16)", async () => {
    const refs = await fill();
    await loseSpilled(refs);

    for (const [seed, ref] of refs.entries()) {
      const bytes = await get(ref);
      assertEquals([bytes.length, bytes.at(-1)], [MIB, seed]);
    }
    assert(runs() > COUNT, "Nothing was lost");
  });

  it("is made again for tasks that have it as an argument", async () => {
    const refs = await fill();
    await loseSpilled(refs);

    const lasts = await get(refs.map((ref) => lastOf.remote(ref)));
    assertEquals(lasts, refs.map((_, seed) => seed));
    assert(runs() > COUNT, "Nothing was lost");
  });

  it("is made again for a task that borrows it", async () => {
    const refs = await fill();
    await loseSpilled(refs);

    const lasts = await get(lastOfEach.remote(refs));
    assertEquals(lasts, refs.map((_, seed) => seed));
    assert(runs() > COUNT, "Nothing was lost");
  });

  it("is made again with what it was made of (R-19)", async () => {
    const refs = await fill((seed) => {
      using input = filled.remote(seed, log);
      return plusOne.remote(input, log);
    });
    await loseSpilled(refs);

    const lasts = await get(refs.map((ref) => lastOf.remote(ref)));
    assertEquals(lasts, refs.map((_, seed) => seed + 1));
    const counts = readFileSync(log, "utf8");
    const again = counts.match(/plusOne/g)!.length - COUNT;
    assert(again > 0, "Nothing was lost");
    assertEquals(runs() - 2 * COUNT, 2 * again);
  });

  it("is made again as an item of a stream", async () => {
    const items: ObjectRef<Uint8Array>[] = [];
    // Each reading finds one item missing, and the others only later.
    const stream = yielded.options({ maxRetries: -1 }).remote(COUNT, log);
    for await (const ref of stream) items.push(ref);
    await loseSpilled(items);

    for (const [seed, ref] of items.entries()) {
      assertEquals((await get(ref)).at(-1), seed);
    }
    assert(runs() > 1, "Nothing was lost");
  });

  it("is made again by an actor whose calls may be repeated (R-5)", async () => {
    const maker = remote(Maker).options({ maxTaskRetries: -1 }).remote(log);
    const refs = await fill((seed) => maker.fill.remote(seed));
    await loseSpilled(refs);

    for (const [seed, ref] of refs.entries()) {
      assertEquals((await get(ref)).at(-1), seed);
    }
    assert(runs() > COUNT, "Nothing was lost");
  });

  it("is lost where nothing may run again (R-6)", async () => {
    const once = filled.options({ maxRetries: 0 });
    const refs = await fill((seed) => once.remote(seed, log));
    await loseSpilled(refs);

    const outcomes = await outcomesOf(refs);
    assert(outcomes.length > 0, "Nothing was lost");
    for (const error of outcomes) {
      assertInstanceOf(error, ObjectLostError);
      assert(!(error instanceof ReconstructionError));
    }
    assertEquals(runs(), COUNT);
  });

  it("is lost for good with its last retry (R-3)", async () => {
    const twice = filled.options({ maxRetries: 1 });
    const refs = await fill((seed) => twice.remote(seed, log));
    await loseSpilled(refs);
    await get(lastOfEach.remote(refs));
    await loseSpilled(refs);

    const outcomes = await outcomesOf(refs);
    for (const error of outcomes) {
      assertInstanceOf(error, ReconstructionError);
      assert(error.message.includes("no more retries"), error.message);
    }
    assert(runs() <= 2 * COUNT, `${runs()} runs of ${COUNT} tasks`);
  });

  it("is lost if it was put", async () => {
    const refs: ObjectRef<Uint8Array>[] = [];
    for (let seed = 0; seed < COUNT; seed++) {
      refs.push(await put(new Uint8Array(MIB).fill(seed)));
    }
    await loseSpilled(refs);

    await assertRejects(
      async () => {
        for (const ref of refs) await get(ref);
      },
      ObjectLostError,
      "spilled",
    );
  });
});

/** The failures among the gets, one get after the other. */
async function outcomesOf(refs: readonly ObjectRef<unknown>[]) {
  const errors: Error[] = [];
  for (const ref of refs) {
    const error = await get(ref).then(() => undefined, (error) => error);
    if (error) errors.push(error);
  }
  return errors;
}

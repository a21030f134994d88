// What a driver sees when a node process is killed that has its results: they
// are made again elsewhere, with all that they need, or fail with the reason.

import {
  context,
  get,
  init,
  ObjectLostError,
  type ObjectRef,
  OwnerDiedError,
  put,
  ReconstructionError,
  remote,
  shutdown,
} from "../../mod.ts";
import {
  afterEach,
  assert,
  assertEquals,
  assertInstanceOf,
  assertStringIncludes,
  beforeEach,
  describe,
  it,
} from "../support/harness.ts";
import { CLUSTER_TOKEN, ProcessCluster } from "../support/node_processes.ts";

const LARGE_BYTES = 1024 * 1024;
const SLOW_MS = 7_000;

const filled = remote(function filled(fill: number) {
  return new Uint8Array(LARGE_BYTES).fill(fill);
});

/** Bytes of which the first tells the attempt, and where they are. */
const placed = remote({ numReturns: 2 }, function placed(fill: number) {
  const { attempt, nodeId } = context();
  const bytes = new Uint8Array(LARGE_BYTES).fill(fill);
  bytes[0] = attempt;
  return [bytes, nodeId] as [Uint8Array, string];
});

const plusOne = remote(function plusOne(bytes: Uint8Array) {
  return bytes.map((byte) => byte + 1);
});

const lastOf = remote(function lastOf(bytes: Uint8Array) {
  return bytes.at(-1);
});

const lastOfEach = remote(async function lastOfEach(
  refs: ObjectRef<Uint8Array>[],
) {
  return (await get(refs)).map((bytes) => bytes.at(-1));
});

/** Gives to a task of its own what it has put. */
const nested = remote(async function nested(fill: number) {
  const own = await put(new Uint8Array(LARGE_BYTES).fill(fill));
  return await get(plusOne.remote(own));
});

/** A result that holds what its task has put, and what a task of it made. */
const lending = remote(async function lending(fill: number) {
  const own = await put(new Uint8Array(LARGE_BYTES).fill(fill));
  const made = filled.remote(fill);
  await get(made);
  return { refs: [own, made] };
});

/** Slower, when it is made again, than anything that is waited for. */
const slowAgain = remote(async function slowAgain(fill: number) {
  if (context().attempt > 0) {
    await new Promise((resolve) => setTimeout(resolve, SLOW_MS));
  }
  return new Uint8Array(LARGE_BYTES).fill(fill);
});

class Keeper {
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  last() {
    return this.#bytes.at(-1);
  }
}

describe("the death of a node with results", () => {
  let cluster: ProcessCluster;

  beforeEach(async () => {
    cluster = await ProcessCluster.start({ head: 0, workers: [4, 4] });
    await init({ address: cluster.address, token: CLUSTER_TOKEN });
  });

  afterEach(async () => {
    await shutdown();
    await cluster[Symbol.asyncDispose]();
  });

  /** On the node that is going to die; `soft`: as long as it lives. */
  const there = (soft = true) => {
    const { nodeId } = cluster.workers[0]!;
    return { schedulingStrategy: { nodeId, soft } };
  };

  /** Once the results are there; they are not read, so only there. */
  async function killAfter(refs: readonly ObjectRef<Uint8Array>[]) {
    await get(lastOf.options(there(false)).remote(refs.at(-1)!));
    await cluster.workers[0]!.kill();
  }

  it("has them made again, for reader, task and borrower (R-14)", async () => {
    const pairs = [1, 2, 3].map((fill) => placed.remote(fill));
    const refs = pairs.map(([bytes]) => bytes);
    const places = await get(pairs.map(([, place]) => place));
    await cluster.workers.find(({ nodeId }) => nodeId === places[0])!.kill();

    const bytes = await get(refs[0]!);
    assertEquals([bytes[0], bytes.at(-1)], [1, 1]);
    assertEquals(await get(lastOf.remote(refs[1]!)), 2);
    assertEquals(await get(lastOfEach.remote(refs)), [1, 2, 3]);
    // What came with them was not lost.
    assertEquals(await get(pairs.map(([, place]) => place)), places);
  });

  it("has a chain made again of which only the end is held (R-9)", async () => {
    let last = filled.options(there()).remote(0);
    for (let link = 0; link < 20; link++) {
      using before = last;
      last = plusOne.options(there()).remote(before);
    }
    const others = [1, 2, 3, 4].map(() => lastOf.remote(last));
    await killAfter([last]);

    assertEquals((await get(last)).at(-1), 20);
    assertEquals(await get(others), [20, 20, 20, 20]);
  });

  it("goes on with what was put elsewhere (R-4)", async () => {
    const input = await put(new Uint8Array(LARGE_BYTES).fill(7));
    const output = plusOne.options(there()).remote(input);
    await killAfter([output]);

    assertEquals((await get(output)).at(-1), 8);
  });

  it("starts actors again with the arguments that they had (R-7)", async () => {
    const input = filled.options(there()).remote(5);
    using keeper = remote(Keeper)
      .options({ ...there(), maxRestarts: -1, maxTaskRetries: -1 })
      .remote(input);
    assertEquals(await get(keeper.last.remote()), 5);
    await killAfter([input]);

    assertEquals(await get(keeper.last.remote()), 5);
  });

  it("does not matter to what was read elsewhere (R-1)", async () => {
    const kept = filled.options({ ...there(), maxRetries: 0 }).remote(6);
    const elsewhere = cluster.workers[1]!.nodeId;
    const schedulingStrategy = { nodeId: elsewhere, soft: false };
    assertEquals(
      await get(lastOf.options({ schedulingStrategy }).remote(kept)),
      6,
    );
    await cluster.workers[0]!.kill();

    assertEquals((await get(kept)).at(-1), 6);
    assertEquals(await get(lastOf.remote(kept)), 6);
  });

  it("fails what needs what must not run again (R-2)", async () => {
    const input = filled.options({ ...there(false), maxRetries: 0 }).remote(1);
    const output = plusOne.options(there()).remote(input);
    await killAfter([output]);

    const error = await get(lastOf.remote(output))
      .then(() => undefined, (error) => error);
    assertInstanceOf(error, ObjectLostError);
  });

  it("runs again what puts, and passes on what it has put (R-15)", async () => {
    const result = nested.options(there()).remote(3);
    await killAfter([result]);

    assertEquals((await get(result)).at(-1), 4);
  });

  it("ends what its tasks own, and says so", async () => {
    const { refs } = await get(lending.options(there()).remote(3));
    await cluster.workers[0]!.kill();

    for (const ref of refs) {
      const error = await get(ref).then(() => undefined, (error) => error);
      assertInstanceOf(error, OwnerDiedError);
    }
  });

  it("is waited out, however long it takes (R-12)", async () => {
    const slow = slowAgain.options(there()).remote(9);
    await killAfter([slow]);

    const [read, passed] = await Promise.all([
      get(slow),
      get(lastOf.remote(slow)),
    ]);
    assertEquals([read.at(-1), passed], [9, 9]);
  });

  it("fails what must not run again, and says why", async () => {
    const ref = filled.options({ ...there(false), maxRetries: 0 })
      .remote(1);
    await killAfter([ref]);

    const error = await get(ref).then(() => undefined, (error) => error);
    assertInstanceOf(error, ObjectLostError);
    assert(!(error instanceof ReconstructionError));
    assertStringIncludes(error.message, "node");
  });
});

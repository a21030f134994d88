// Who keeps an object alive: refs, values, tasks, actors and other threads.
// Every test counts the objects of the node's store, or reads one through.

import process from "node:process";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  describe,
  it,
} from "../support/harness.ts";
import {
  type ActorHandle,
  cancel,
  get,
  kill,
  ObjectLostError,
  type ObjectRef,
  OwnerDiedError,
  put,
  remote,
  TaskError,
  WorkerDiedError,
} from "../../mod.ts";
import {
  blocked,
  blockUntil,
  Gate,
  newFlag,
  settled,
  testCluster,
  useCluster,
} from "../support/cluster.ts";

type Passing = Pick<ActorHandle<InstanceType<typeof Gate.local>>, "pass">;
type Ref = ObjectRef<Uint8Array>;
/** A ref inside a ref inside a ref… */
type Nested = { readonly inner: Ref | ObjectRef<Nested> };

const MIB = 1024 * 1024;

const firstByte = remote(function firstByte(bytes: Uint8Array) {
  return bytes[0];
});

const failWith = remote(function failWith(_bytes: Uint8Array): number {
  throw new RangeError("not today");
});

const hold = remote(function hold(flag: Int32Array) {
  blockUntil(flag);
});

/** Reads a ref once the gate is open. */
const readLater = remote(
  async function readLater(box: { gate: Passing; refs: Ref[] }) {
    await get(box.gate.pass.remote());
    return (await get(box.refs)).map((bytes) => bytes[0]);
  },
);

const dieLater = remote(
  { maxRetries: 0 },
  async function dieLater(box: { gate: Passing; refs: Ref[] }) {
    await get(box.gate.pass.remote());
    process.exit(1);
  },
);

const passDown = remote(
  async (
    box: { gate: Passing; refs: Ref[] },
    depth: number,
  ): Promise<ObjectRef<unknown>> => {
    return depth === 0 ? readLater.remote(box) : await get(
      passDown.remote(box, depth - 1),
    ) as ObjectRef<unknown>;
  },
);

const giveRef = remote(async function giveRef(fill: number) {
  return [await put(new Uint8Array(MIB).fill(fill))];
});

const giveTaskRef = remote(
  function giveTaskRef(bytes: ObjectRef<Uint8Array>[]) {
    return [firstByte.remote(bytes[0]!)];
  },
);

const giveBack = remote(function giveBack(refs: Ref[]) {
  return refs;
});

const readNested = remote(async function readNested(box: { nested: Nested }) {
  let value: Nested | Uint8Array = box.nested;
  while (!(value instanceof Uint8Array)) {
    value = await get(value.inner as ObjectRef<Nested | Uint8Array>);
  }
  return value[0];
});

const Keeper = remote(
  { numCpus: 0 },
  class Keeper {
    #refs: Ref[] = [];

    keep(refs: Ref[]): void {
      this.#refs.push(...refs);
    }

    async make(fill: number): Promise<Ref[]> {
      const ref = await put(new Uint8Array(MIB).fill(fill));
      this.#refs.push(ref);
      return [ref];
    }

    async read(): Promise<(number | undefined)[]> {
      return (await get(this.#refs)).map((bytes) => bytes[0]);
    }

    give(): Ref[] {
      return this.#refs;
    }

    drop(): void {
      this.#refs = [];
    }

    fail(refs: Ref[]): void {
      this.#refs.push(...refs);
      throw new RangeError("kept, all the same");
    }
  },
);

// What a test lets go must not be in its own frame: runtimes differ in how
// long a frame keeps what it once had.

async function fill(refs: Ref[], copies: Set<Ref>): Promise<void> {
  refs.push(await newObject(), await newObject());
  for (const ref of refs) copies.add(ref);
}

async function fillWithResults(refs: Ref[], count: number): Promise<void> {
  const results = Array.from({ length: count }, (_, n) => giveRef.remote(n));
  for (const [ref] of await get(results)) refs.push(ref!);
}

async function firstBytes(refs: Ref[]): Promise<(number | undefined)[]> {
  return (await get(refs)).map((bytes) => bytes[0]);
}

function newObject(fill = 7): Promise<Ref> {
  return put(new Uint8Array(MIB).fill(fill));
}

describe("references", () => {
  useCluster();

  it("R-37 an object lives as long as a ref can be reached", async () => {
    const refs: Ref[] = [];
    const copies = new Set<Ref>();
    await fill(refs, copies);
    await settled({ objects: 2 });
    refs.length = 1;
    await settled({ objects: 2 });
    copies.clear();
    await settled({ objects: 1 });
    assertEquals(await firstBytes(refs), [7]);
    refs.length = 0;
    await settled({ objects: 0 });
  });

  it("R-37 by distributed count: results, too", async () => {
    const refs: Ref[] = [];
    await fillWithResults(refs, 10);
    await settled({ objects: 10 });
    assertEquals(await firstBytes(refs), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    refs.length = 0;
    await settled({ objects: 0 });
  });

  it("R-38 arguments are let go when the task ends, however", async () => {
    using ref = await newObject();
    assertStrictEquals(await get(firstByte.remote(ref)), 7);
    await settled({ lent: 0, tasks: 0 });
    await assertRejects(get(failWith.remote(ref)), TaskError, "not today");
    await settled({ lent: 0, tasks: 0 });
    assertStrictEquals(await get(firstByte.remote(new Uint8Array(9))), 0);
    const cancelled = firstByte.remote(ref);
    cancel(cancelled);
    await settled({ lent: 0, tasks: 0, objects: 1 });
    await get(firstByte.remote(new Uint8Array(MIB)));
    await settled({ lent: 0, objects: 1 });
  });

  it("R-39 what an actor has put stays under memory pressure", async () => {
    const keeper = Keeper.remote();
    await get(keeper.make.remote(3));
    for (let round = 0; round < 50; round++) {
      using ref = await newObject();
      await get(firstByte.remote(ref));
    }
    assertEquals(await get(keeper.read.remote()), [3]);
    await get(keeper.drop.remote());
    await settled({ objects: 0 });
  });

  it("R-40 the argument of a queued task is not freed", async () => {
    using flag = await newFlag();
    const holding = [hold.remote(flag.ref), hold.remote(flag.ref)];
    await blocked(flag, 2);
    const queued = firstByte.remote(await newObject(4));
    const disposed = await newObject(5);
    const other = firstByte.remote(disposed);
    disposed[Symbol.dispose]();
    await settled({ objects: 3 });
    flag.raise();
    await get(holding);

    assertEquals(await get([queued, other]), [4, 5]);
    await settled({ objects: 1 });
  });

  it("R-41 a ref travels in Manta's values only", async () => {
    using ref = await put(1);
    const copies = [structuredClone(ref), JSON.parse(JSON.stringify(ref))];
    for (const copy of copies as ObjectRef<number>[]) {
      await assertRejects(get(copy), TypeError, "ObjectRef");
    }
  });

  describe("R-43 a ref in an argument", () => {
    it("is kept while its task waits, and freed after", async () => {
      using gate = Gate.remote();
      const ref = await newObject(1);
      const read = readLater.remote({ gate, refs: [ref, ref] });
      ref[Symbol.dispose]();
      await settled({ objects: 1 });
      await get(gate.open.remote());

      assertEquals(await get(read), [1, 1]);
      await settled({ objects: 0, lent: 0 });
    });

    it("of a result that is not there yet is kept, too", async () => {
      using gate = Gate.remote();
      const [inner] = await get(giveRef.remote(2));
      const read = readLater.remote({ gate, refs: [inner!] });
      inner![Symbol.dispose]();
      await get(gate.open.remote());

      assertEquals(await get(read), [2]);
    });

    it("is freed even if the thread of the task ends", async () => {
      using gate = Gate.remote();
      const ref = await newObject(1);
      const dying = dieLater.remote({ gate, refs: [ref] });
      ref[Symbol.dispose]();
      await get(gate.arrivals.remote(1));
      await settled({ objects: 1 });
      await get(gate.open.remote());
      await assertRejects(get(dying), WorkerDiedError);
      await settled({ objects: 0, lent: 0 });
    });
  });

  it("R-44 a chain of five borrowers keeps the object", async () => {
    using gate = Gate.remote();
    const ref = await newObject(6);
    const chain = passDown.remote({ gate, refs: [ref] }, 5);
    ref[Symbol.dispose]();
    await get(gate.arrivals.remote(1));
    await settled({ objects: 1 });
    await get(gate.open.remote());
    const last = await get(chain) as ObjectRef<number[]>;

    assertEquals(await get(last), [6]);
    last[Symbol.dispose]();
    await settled({ objects: 0 });
  });

  describe("R-45 a ref that an actor keeps", () => {
    it("lives until the actor drops it, however often given", async () => {
      const keeper = Keeper.remote();
      const ref = await newObject(8);
      await get(keeper.keep.remote([ref, ref]));
      await get(keeper.keep.remote([ref]));
      ref[Symbol.dispose]();
      await settled({ objects: 1 });
      assertEquals(await get(keeper.read.remote()), [8, 8, 8]);
      await get(keeper.drop.remote());
      await settled({ objects: 0, lent: 0 });
    });

    it("is freed when the actor is killed", async () => {
      const keeper = Keeper.remote();
      const ref = await newObject(8);
      await get(keeper.keep.remote([ref]));
      ref[Symbol.dispose]();
      await settled({ objects: 1 });
      kill(keeper);
      await settled({ objects: 0, lent: 0, actors: 0 });
    });

    it("is kept, too, if the call fails that gave it", async () => {
      const keeper = Keeper.remote();
      const ref = await newObject(8);
      await assertRejects(get(keeper.fail.remote([ref])), TaskError);
      ref[Symbol.dispose]();
      assertEquals(await get(keeper.read.remote()), [8]);
    });

    it("comes back from it, even to who gave it up", async () => {
      const keeper = Keeper.remote();
      const ref = await newObject(8);
      await get(keeper.keep.remote([ref]));
      ref[Symbol.dispose]();
      const [again] = await get(keeper.give.remote());
      await get(keeper.drop.remote());
      assertStrictEquals((await get(again!))[0], 8);
      again![Symbol.dispose]();
      await settled({ objects: 0 });
    });

    it("of another actor's is freed by its owner", async () => {
      const [maker, keeper] = [Keeper.remote(), Keeper.remote()];
      const [ref] = await get(maker.make.remote(9));
      await get(keeper.keep.remote([ref!]));
      ref![Symbol.dispose]();
      await get(maker.drop.remote());
      assertEquals(await get(keeper.read.remote()), [9]);
      await settled({ objects: 1 });
      await get(keeper.drop.remote());
      await settled({ objects: 0 });
    });
  });

  it("R-46 five objects nested in one another live together", async () => {
    let outer: Nested = { inner: await newObject(5) };
    for (let depth = 0; depth < 5; depth++) {
      // Large enough to be stored, so that each of them counts.
      const value = { inner: await put({ ...outer, ballast: ballast() }) };
      (outer.inner as Ref)[Symbol.dispose]();
      outer = value as unknown as Nested;
    }
    await settled({ objects: 6 });
    assertStrictEquals(await get(readNested.remote({ nested: outer })), 5);
    outer.inner[Symbol.dispose]();
    await settled({ objects: 0 });
  });

  describe("R-47 a returned ref", () => {
    it("is the taker's", async () => {
      const [ref] = await get(giveRef.remote(4));
      await settled({ objects: 1 });
      assertStrictEquals(await get(firstByte.remote(ref!)), 4);
      const [same] = await get(giveBack.remote([ref!]));
      assertStrictEquals(same!.id, ref!.id);
      ref![Symbol.dispose]();
      if (same !== ref) same![Symbol.dispose]();
      await settled({ objects: 0 });
    });

    it("can be passed on before it is read", async () => {
      const bytes = await newObject(3);
      const returned = giveTaskRef.remote([bytes]);
      const [inner] = await get(returned);
      assertStrictEquals(await get(inner!), 3);
      bytes[Symbol.dispose]();
      await settled({ objects: 0 });
    });

    it("is freed with a result that nobody reads", async () => {
      const unread = giveRef.remote(4);
      await settled({ objects: 1, tasks: 0 });
      unread[Symbol.dispose]();
      await settled({ objects: 0 });
    });

    it("goes from task to task as often as it likes", async () => {
      let refs: Ref[] = await get(giveRef.remote(2));
      for (let round = 0; round < 20; round++) {
        refs = await get(giveBack.remote(refs));
      }
      assertStrictEquals((await get(refs[0]!))[0], 2);
    });
  });

  describe("R-48 an owner that is gone", () => {
    it("takes its objects along: OwnerDiedError", async () => {
      const keeper = Keeper.remote();
      const [ref] = await get(keeper.make.remote(1));
      kill(keeper);
      await settled({ actors: 0, objects: 0 });
      const error = await assertRejects(get(ref!), OwnerDiedError);
      assertInstanceOf(error, ObjectLostError);
      await assertRejects(get(firstByte.remote(ref!)), OwnerDiedError);
      const passed = giveBack.remote([ref!]);
      const [again] = await get(passed);
      await assertRejects(get(again!), OwnerDiedError);
    });

    it("frees what its own values kept", async () => {
      const keeper = Keeper.remote();
      const ref = await newObject();
      await get(keeper.keep.remote([ref]));
      ref[Symbol.dispose]();
      kill(keeper);
      await settled({ objects: 0, lent: 0 });
    });
  });

  it("R-49 a borrower in between that dies leaves none hanging", async () => {
    const [maker, between, last] = [
      Keeper.remote(),
      Keeper.remote(),
      Keeper.remote(),
    ];
    const [made] = await get(maker.make.remote(5));
    await get(between.keep.remote([made!]));
    made![Symbol.dispose]();
    const [given] = await get(between.give.remote());
    await get(last.keep.remote([given!]));
    given![Symbol.dispose]();
    kill(between);
    assertEquals(await get(last.read.remote()), [5]);
    kill(maker);
    await settled({ actors: 1, objects: 0 });
    // The owner's thread ends a little after its actor.
    let error: unknown;
    while (!error) {
      error = await get(last.read.remote()).catch((reason) => reason)
        .then((got) => got instanceof Error ? got : undefined);
    }
    assertInstanceOf(error, OwnerDiedError);
  });
});

describe("a session", () => {
  it("leaves nothing, whatever was going on", async () => {
    await using cluster = await testCluster();
    const refs = await Promise.all([1, 2, 3].map(newObject));
    const read = refs.map((ref) => firstByte.remote(ref));
    assertEquals(await get(read), [1, 2, 3]);
    for (const ref of refs) ref[Symbol.dispose]();
    await cluster.settled({ objects: 0 });
    assert((await cluster.leftovers()).tasks === 0);
  });
});

function ballast(): Uint8Array {
  return new Uint8Array(MIB);
}

// `manta/util` on a real embedded cluster: actor pools, queues and pools.

import {
  afterAll,
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
  beforeAll,
  describe,
  it,
} from "../support/harness.ts";
import {
  ActorDiedError,
  get,
  GetTimeoutError,
  init,
  put,
  remote,
  shutdown,
  TaskCancelledError,
  TaskError,
} from "../../mod.ts";
import {
  ActorPool,
  Pool,
  PoolStateError,
  Queue,
  QueueEmptyError,
  QueueFullError,
} from "../../lib/util/mod.ts";

/** Doubles numbers; some only once they are let go. */
class Doubler {
  readonly #gates = new Map<number, PromiseWithResolvers<void>>();

  double(x: number): number {
    if (x < 0) throw new RangeError(`${x} is negative`);
    return 2 * x;
  }

  async doubleLater(x: number): Promise<number> {
    await this.#gate(x).promise;
    return 2 * x;
  }

  open(x: number): void {
    this.#gate(x).resolve();
  }

  #gate(x: number): PromiseWithResolvers<void> {
    let gate = this.#gates.get(x);
    if (!gate) this.#gates.set(x, gate = Promise.withResolvers());
    return gate;
  }
}

const DoublerActor = remote({ numCpus: 0, maxConcurrency: 8 }, Doubler);

function square(x: number): number {
  return x * x;
}

async function slowSquare(x: number): Promise<number> {
  return await Promise.resolve(x * x);
}

function divide(a: number, b: number): number {
  if (b === 0) throw new RangeError("Cannot divide by 0");
  return a / b;
}

function answer(): number {
  return 42;
}

/** Waits for its turn on a queue: done only when the test says so. */
async function waitForTurn(
  turns: Queue<string>,
  started?: Queue<string>,
): Promise<string> {
  await started?.put("started");
  return await turns.get();
}

async function fill(queue: Queue<number>, count: number): Promise<void> {
  for (let n = 0; n < count; n++) await queue.put(n);
}

async function drain(box: { queue: Queue<number> }, count: number) {
  const items: number[] = [];
  while (items.length < count) items.push(await box.queue.get());
  return items;
}

async function take(queue: Queue<number>): Promise<number> {
  return await queue.get({ timeout: 0 });
}

const takeTask = remote({ numCpus: 0.1 }, take);
const fillTask = remote({ numCpus: 0.1 }, fill);
const drainTask = remote({ numCpus: 0.1 }, drain);
const squareTask = remote(square);

async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const collected: T[] = [];
  for await (const item of items) collected.push(item);
  return collected;
}

describe("manta/util", () => {
  beforeAll(async () => {
    await init({ numCpus: 2, ignoreReinit: true });
  });
  afterAll(async () => {
    await shutdown();
  });

  describe("ActorPool", () => {
    it("maps in order, whatever is ready first", async () => {
      const pool = new ActorPool([
        DoublerActor.remote(),
        DoublerActor.remote(),
      ]);
      const doubled = pool.map(
        (actor, x: number) => actor.double.remote(x),
        [1, 2, 3, 4, 5],
      );

      assertEquals(await collect(doubled), [2, 4, 6, 8, 10]);
      assert(pool.hasFree());
      assert(!pool.hasNext());
    });

    it("maps unordered as results are ready", async () => {
      const [first, second] = [DoublerActor.remote(), DoublerActor.remote()];
      const pool = new ActorPool([first, second]);
      const doubled = pool.mapUnordered(
        (actor, x: number) => actor.doubleLater.remote(x),
        [1, 2],
      );
      await get(second.open.remote(2));
      assertEquals(await doubled.next(), { done: false, value: 4 });
      await get(first.open.remote(1));
      assertEquals(await doubled.next(), { done: false, value: 2 });
      assertEquals(await doubled.next(), { done: true, value: undefined });
    });

    it("reads what was submitted in order, or as it is ready", async () => {
      const actor = DoublerActor.remote();
      const pool = new ActorPool([actor]);
      assert(pool.hasFree() && !pool.hasNext());
      pool.submit((actor, x: number) => actor.double.remote(x), 1);
      assert(!pool.hasFree() && pool.hasNext());
      pool.submit((actor, x: number) => actor.double.remote(x), 2);
      pool.submit((actor, x: number) => actor.double.remote(x), 3);

      assertStrictEquals(await pool.getNext(), 2);
      assertStrictEquals(await pool.getNextUnordered(), 4);
      assertStrictEquals(await pool.getNext<number>(), 6);
      assert(!pool.hasNext());
      await assertRejects(pool.getNext(), RangeError, "no more results");
      await assertRejects(pool.getNextUnordered(), RangeError);
    });

    it("keeps a result that was not ready in time", async () => {
      const actor = DoublerActor.remote();
      const pool = new ActorPool([actor]);
      pool.submit((actor, x: number) => actor.doubleLater.remote(x), 5);

      await assertRejects(pool.getNext({ timeout: 0 }), GetTimeoutError);
      await assertRejects(
        pool.getNextUnordered({ timeout: 1 }),
        GetTimeoutError,
      );
      assert(pool.hasNext());
      await get(actor.open.remote(5));
      assertStrictEquals(await pool.getNext({ timeout: 60_000 }), 10);
    });

    it("gives a failure to who reads it, and the actor more work", async () => {
      const pool = new ActorPool([DoublerActor.remote()]);
      pool.submit((actor, x: number) => actor.double.remote(x), -1);
      pool.submit((actor, x: number) => actor.double.remote(x), 1);

      const error = await assertRejects(pool.getNext(), TaskError);
      assertInstanceOf(error.cause, RangeError);
      assertStrictEquals(await pool.getNext(), 2);
    });

    it("lets actors leave and join", async () => {
      const actor = DoublerActor.remote();
      const pool = new ActorPool([actor]);
      assertThrows(() => pool.push(actor), RangeError);
      assertStrictEquals(pool.popIdle(), actor);
      assertStrictEquals(pool.popIdle(), undefined);
      pool.submit((actor, x: number) => actor.double.remote(x), 4);
      const next = pool.getNext();
      pool.push(actor);

      assertStrictEquals(await next, 8);
      assertThrows(() => new ActorPool([actor, actor]), RangeError);
    });
  });

  describe("Queue", () => {
    it("is first in, first out, with its sizes", async () => {
      const queue = new Queue<string>({ maxSize: 2 });
      assert(await queue.empty());
      await queue.put("a");
      await queue.put("b");

      assertStrictEquals(await queue.size(), 2);
      assert(await queue.full());
      assertEquals([await queue.get(), await queue.get()], ["a", "b"]);
      assert(!await queue.full());
    });

    it("refuses at once without time, and after a time", async () => {
      const queue = new Queue<number>({ maxSize: 1 });
      await assertRejects(queue.get({ timeout: 0 }), QueueEmptyError);
      await assertRejects(queue.get({ timeout: 1 }), QueueEmptyError);
      await assertRejects(queue.get({ block: false }), QueueEmptyError);
      await queue.put(1);

      const full = await queue.put(2, { timeout: 0 }).catch((e) => e);
      assertEquals([full.name, full.code], ["QueueFullError", "queue_full"]);
      await assertRejects(queue.put(2, { timeout: 0 }), QueueFullError);
      await assertRejects(queue.put(2, { timeout: 1 }), QueueFullError);
      await assertRejects(queue.put(2, { block: false }), QueueFullError);
      assertStrictEquals(await queue.get(), 1);
    });

    it("wakes who waits for an item and for room, in order", async () => {
      const queue = new Queue<number>({ maxSize: 1 });
      const got = Promise.all([queue.get(), queue.get(), queue.get()]);
      await Promise.all([queue.put(1), queue.put(2), queue.put(3)]);

      assertEquals(await got, [1, 2, 3]);
    });

    it("takes and gives many, all or nothing", async () => {
      const queue = new Queue<number>({ maxSize: 3 });
      await queue.putMany([1, 2]);
      await assertRejects(queue.putMany([3, 4]), QueueFullError, "no room");
      await assertRejects(queue.getMany(3), QueueEmptyError, "fewer than 3");
      assertStrictEquals(await queue.size(), 2);

      const three = queue.getMany(3, { timeout: 60_000 });
      await queue.putMany([3]);
      assertEquals(await three, [1, 2, 3]);
      await assertRejects(
        queue.putMany([1, 2, 3, 4], { timeout: 60_000 }),
        QueueFullError,
      );
      assertEquals(await queue.getMany(0), []);
      await queue.putMany([]);
    });

    it("is one queue for all tasks that it is passed to", async () => {
      const queue = new Queue<number>({ maxSize: 2 });
      const filled = fillTask.remote(queue, 5);
      const drained = drainTask.remote({ queue }, 4);

      assertEquals(await get(drained), [0, 1, 2, 3]);
      assertStrictEquals(await queue.get(), 4);
      await get(filled);
    });

    it("keeps refs as refs", async () => {
      const queue = new Queue<{ id: string }>();
      const ref = await put(7);
      await queue.put(ref);
      const same = await queue.get();

      assertStrictEquals(same.id, ref.id);
      assertStrictEquals(await get(same as typeof ref), 7);
    });

    it("ends for all by shutdown", async () => {
      const queue = new Queue<number>();
      const waiting = assertRejects(queue.get(), ActorDiedError);
      // An answer shows that the call before it has arrived.
      assertStrictEquals(await queue.size(), 0);
      await queue.shutdown();

      await waiting;
      await assertRejects(queue.put(1), ActorDiedError);
    });

    it("checks its options", () => {
      assertThrows(() => new Queue({ maxSize: -1 }), RangeError, "maxSize");
      assertThrows(() => new Queue({ maxSize: 1.5 }), RangeError, "maxSize");
      assertThrows(() => new Queue(loose({ maxSize: "1" })), TypeError);
      assertThrows(() => new Queue(loose({ size: 1 })), TypeError, '"size"');
    });

    it("checks the options of its calls", async () => {
      const queue = new Queue<number>();
      const typo = loose({ timeOut: 1 }) as { timeout?: number };
      const calls = [
        () => queue.put(1, typo),
        () => queue.get(typo),
        () => queue.putMany([1], typo),
        () => queue.getMany(1, typo),
      ];
      for (const call of calls) {
        await assertRejects(call(), TypeError, '"timeOut"');
      }
      await assertRejects(queue.getMany(loose("2")), TypeError, "a number");
      await assertRejects(queue.get({ timeout: -1 }), RangeError, "timeout");
    });

    it("has errors that keep their class between threads", async () => {
      const queue = new Queue<number>();

      const empty = await get(takeTask.remote(queue)).catch((e) => e);

      assertInstanceOf(empty, QueueEmptyError);
      assertEquals(
        [empty.name, empty.code, empty.retryable, empty.message],
        ["QueueEmptyError", "queue_empty", true, "Queue is empty"],
      );
    });
  });

  describe("Pool", () => {
    it("maps, in order", async () => {
      await using pool = new Pool(2);

      assertEquals(await pool.map(square, [1, 2, 3]), [1, 4, 9]);
      assertEquals(await pool.map(slowSquare, new Set([2, 3])), [4, 9]);
      assertEquals(await pool.map(squareTask, [4]), [16]);
      assertEquals(await pool.map(square, []), []);
      assertEquals(
        await pool.map(square, [1, 2, 3, 4, 5], { chunkSize: 2 }),
        [1, 4, 9, 16, 25],
      );
    });

    it("spreads lists of arguments, and applies", async () => {
      await using pool = new Pool();

      assertEquals(await pool.starmap(divide, [[4, 2], [9, 3]]), [2, 3]);
      assertStrictEquals(await pool.apply(divide, [8, 2]), 4);
      assertStrictEquals(await pool.apply(answer), 42);
      assertStrictEquals(await pool.applyAsync(divide, [6, 2]).get(), 3);
    });

    it("iterates in order and as results are ready", async () => {
      await using pool = new Pool(2);
      const endless = function* () {
        for (let n = 1;; n++) yield n;
      };

      assertEquals(await collect(pool.imap(square, [1, 2, 3])), [1, 4, 9]);
      const unordered = await collect(pool.imapUnordered(square, [1, 2, 3]));
      assertEquals(unordered.sort((a, b) => a - b), [1, 4, 9]);
      const some: number[] = [];
      for await (const squared of pool.imap(square, endless())) {
        if (some.push(squared) === 5) break;
      }
      assertEquals(some, [1, 4, 9, 16, 25]);
    });

    it("fails with the first error", async () => {
      await using pool = new Pool(2);

      const lists: [number, number][] = [[1, 1], [1, 0], [4, 2]];
      const error = await assertRejects(pool.starmap(divide, lists), TaskError);
      assertInstanceOf(error.cause, RangeError);
      const result = pool.starmapAsync(divide, lists);
      await result.wait();
      assert(result.ready() && !result.successful());
      await assertRejects(result.get(), TaskError);
    });

    it("runs at most so many at a time, and tells what is ready", async () => {
      const turns = new Queue<string>();
      await using pool = new Pool(1, { numCpus: 0.1 });
      const result = pool.mapAsync(waitForTurn, [turns, turns]);

      await assertRejects(result.get({ timeout: 0 }), GetTimeoutError);
      assert(!result.ready());
      assertThrows(() => result.successful(), RangeError);
      await turns.putMany(["a", "b"]);
      // With one process the second starts only after the first has its turn.
      assertEquals(await result.get(), ["a", "b"]);
      assert(result.ready() && result.successful());
    });

    it("takes no more work once closed, and joins when done", async () => {
      const pool = new Pool(2);
      await assertRejects(pool.join(), PoolStateError, "close()");
      const mapped = pool.map(square, [1, 2, 3]);
      const result = pool.mapAsync(slowSquare, [1, 2, 3]);
      pool.close();
      await pool.join();

      assert(result.ready());
      assertEquals(await mapped, [1, 4, 9]);
      await assertRejects(pool.map(square, [1]), PoolStateError);
      assertThrows(() => pool.imap(square, [1]), PoolStateError);
    });

    it("terminates what runs and what waits", async () => {
      const turns = new Queue<string>();
      const pool = new Pool(1, { numCpus: 0.1 });
      const started = new Queue<string>();
      const running = pool.apply(waitForTurn, [turns, started]);
      const waiting = pool.apply(waitForTurn, [turns, started]);
      await started.get();
      const failures = Promise.all([
        assertRejects(running, TaskCancelledError),
        assertRejects(waiting, TaskCancelledError),
      ]);
      await pool.terminate();
      await pool.join();

      await failures;
    });

    it("checks its arguments", async () => {
      assertThrows(() => new Pool(0), RangeError);
      assertThrows(() => new Pool(loose("2")), TypeError);
      const pool = new Pool(1);
      await assertRejects(pool.map(loose<typeof square>(5), [1]), TypeError);
      await assertRejects(
        pool.map(square, [1], { chunkSize: 0 }),
        RangeError,
      );
      await assertRejects(
        pool.map(square, [1], loose({ chunks: 1 })),
        TypeError,
        '"chunks"',
      );
    });
  });
});

/** What plain JavaScript could give. */
function loose<T>(value: unknown): T {
  return value as T;
}

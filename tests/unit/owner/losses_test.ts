// Objects that are lost and made again by their tasks. The fixture's executor
// answers what the owner pushes; the store is told of only by what is freed.

import {
  NodeDiedError,
  ObjectLostError,
} from "../../../runtime/base/errors.ts";
import type { ActorId } from "../../../runtime/base/ids.ts";
import type { ObjectRef } from "../../../runtime/owner/object_ref.ts";
import type { TaskTemplate } from "../../../runtime/owner/task_record.ts";
import { Reading } from "../../../runtime/owner/waiting.ts";
import { encodeError } from "../../../runtime/protocol/wire_error.ts";
import type { WireError } from "../../../runtime/protocol/wire_error.ts";
import {
  assertEquals,
  assertStringIncludes,
  describe,
  it,
} from "../../support/harness.ts";
import { type Deed, EXECUTOR, OTHER, OWNER } from "./owner_fixture.ts";
import { OwnerFixture } from "./owner_fixture.ts";

const ACTOR = "a-1" as ActorId;
const DEATH = encodeError(new NodeDiedError("Node n-2 is gone"));

describe("A lost result", () => {
  it("is made again by its task and stored by another number", () => {
    const world = new World();
    const ref = world.stored();

    world.lose(ref);
    const lostState = ref.state;
    const push = world.pushes()[0]!;
    world.give(push);

    assertEquals(lostState, "pending");
    assertEquals(push["numbers"], [ref.number]);
    assertEquals(push["attempts"], [1]);
    assertEquals(ref.state, "stored");
    assertEquals(ref.value, placeOf(push));
    assertEquals(placeOf(push) !== ref.number, true);
  });

  it("is made again once, however often its loss is told", () => {
    const world = new World();
    const ref = world.stored();
    const first = ref.value as number;

    world.lose(ref);
    world.owner.objectsLost([first], DEATH);
    const pushes = world.pushes();
    world.give(pushes[0]!);
    world.owner.objectsLost([first], DEATH);

    assertEquals(pushes.length, 1);
    assertEquals(world.pushes(), []);
    assertEquals(ref.state, "stored");
  });

  it("fails at its second loss when one retry is all there is (R-3)", () => {
    const world = new World();
    const ref = world.stored({ maxRetries: 1 });

    world.lose(ref);
    world.give(world.pushes()[0]!);
    world.lose(ref);

    assertFailed(ref, "reconstruction_failed", "no more retries");
    assertStringIncludes((ref.value as WireError).message, "n-2");
    assertEquals(world.owner.lineageCount, 0);
  });

  it("fails when its task must not run again", () => {
    const world = new World();
    const ref = world.stored({ maxRetries: 0 });

    world.lose(ref);

    assertFailed(ref, "object_lost", "no retries");
    assertEquals(world.pushes(), []);
  });

  it("fails if it was put, with what is known of the loss", async () => {
    const world = new World();
    const ref = await world.owner.put(new Uint8Array(200_000));

    world.lose(ref);

    assertFailed(ref, "object_lost", "it was put");
  });

  it("may come inline the next time, and leaves no lineage then (R-11)", () => {
    const world = new World();
    const ref = world.stored();

    world.lose(ref);
    const [push] = world.pushes();
    const numbers = push!["numbers"] as number[];
    world.fixture.receive({ type: "tasks_done", numbers, values: [7] });

    assertEquals([ref.state, ref.value], ["primitive", 7]);
    assertEquals(world.owner.lineageCount, 0);
  });

  it("is freed where it is in the end", () => {
    const world = new World();
    const ref = world.stored();
    const before = ref.value;

    world.lose(ref);
    const [push] = world.pushes();
    world.give(push!);
    ref[Symbol.dispose]();

    const freed = world.fixture.take().map(({ freed }) => freed).filter(
      Boolean,
    );
    assertEquals(freed, [[OWNER, placeOf(push!)]]);
    assertEquals(before, ref.number);
    assertEquals(world.owner.lineageCount, 0);
  });

  it("is freed when it comes, if nobody wants it any more", () => {
    const world = new World();
    const ref = world.stored();

    world.lose(ref);
    const [push] = world.pushes();
    ref[Symbol.dispose]();
    world.give(push!);

    assertEquals(ref.state, "gone");
    assertEquals(world.owner.lineageCount, 0);
    assertEquals(world.fixture.take().filter(({ freed }) => freed), [
      { freed: [OWNER, placeOf(push!)] },
    ]);
  });

  it("can be cancelled while it is made again", () => {
    const world = new World();
    const ref = world.stored();

    world.lose(ref);
    const task = world.owner.taskOf(ref)!;
    world.owner.cancel(task, { force: false, recursive: false });

    assertFailed(ref, "task_cancelled", "cancelled");
    assertEquals(world.owner.lineageCount, 0);
  });
});

describe("A task that runs again for a lost result", () => {
  it("has its own failure told, if its code throws", () => {
    const world = new World();
    const ref = world.stored();

    world.lose(ref);
    world.pushes();
    const error = encodeError(new RangeError("no"));
    world.fixture.receive({ type: "task_failed", number: ref.number, error });

    assertEquals((ref.value as WireError).message, "no");
    assertEquals(world.owner.lineageCount, 0);
  });

  it("fails for good with the node that it dies with", () => {
    const world = new World();
    const ref = world.stored({ maxRetries: 1 });

    world.lose(ref);
    world.pushes();
    world.owner.workerEnded(EXECUTOR, DEATH);

    assertFailed(ref, "reconstruction_failed", "Node n-2 is gone");
  });

  it("makes what it needs first, though that was freed (R-19)", () => {
    const world = new World();
    const input = world.stored();
    const output = world.stored({}, [input]);
    const { number } = input;
    world.fixture.collect(input);
    world.fixture.take();

    world.lose(output);
    const [first] = world.pushes();
    world.give(first!);
    const [second] = world.pushes();
    world.give(second!);

    assertEquals(first!["numbers"], [number]);
    assertEquals(second!["numbers"], [output.number]);
    assertEquals(second!["args"], [{
      parts: [{ o: [OWNER, number], at: placeOf(first!) }],
    }]);
    assertEquals(output.state, "stored");
    // What was made for it alone goes with it.
    assertEquals(world.owner.references.lentCount, 0);
  });

  it("makes a chain of any length (R-9)", () => {
    const world = new World();
    let last = world.stored({ maxRetries: 1 });
    const length = 2_000;
    for (let link = 1; link < length; link++) {
      const next = world.stored({ maxRetries: 1 }, [last]);
      world.fixture.collect(last);
      last = next;
    }

    world.lose(last);
    for (let link = 0; link < length; link++) world.give(world.pushes()[0]!);

    assertEquals(last.state, "stored");
    assertEquals(world.owner.taskCount, 0);
    last[Symbol.dispose]();
    assertEquals(world.owner.lineageCount, 0);
  });

  it("makes for many what they all need, once (R-8)", () => {
    const world = new World();
    const input = world.stored();
    const outputs = [1, 2, 3, 4].map(() => world.stored({}, [input]));

    for (let round = 0; round < 2; round++) {
      world.lose(...outputs, input);
      const [first, ...others] = world.pushes();
      world.give(first!);
      assertEquals(others, []);
      for (const push of world.pushes()) world.give(push);
      assertEquals(outputs.map(({ state }) => state), Array(4).fill("stored"));
    }
  });

  it("fails when what it needs was put and is lost (R-4)", async () => {
    const world = new World();
    const input = await world.owner.put(new Uint8Array(200_000));
    const output = world.stored({}, [input]);

    world.lose(input);
    world.lose(output);

    assertFailed(output, "reconstruction_failed", "it was put");
  });

  it("keeps what was put for it as long as it may run again", async () => {
    const world = new World();
    const input = await world.owner.put(new Uint8Array(200_000));
    const output = world.stored({}, [input]);
    world.fixture.take();

    input[Symbol.dispose]();
    const before = world.fixture.take();
    output[Symbol.dispose]();
    const after = world.fixture.take();

    assertEquals(before, []);
    assertEquals(after, [
      { freed: [OWNER, output.number] },
      { freed: [OWNER, input.number] },
    ]);
  });

  it("waits again for an argument that is lost while it waits", () => {
    const world = new World();
    const input = world.stored();
    const slow = world.fixture.template();
    const { refs: [other] } = world.owner.submit(slow, []);
    const [wait] = world.pushes();
    const dependent = world.owner.submit(slow, [input, other]);

    world.lose(input);
    world.give(wait!);
    const [again] = world.pushes();
    world.give(again!);
    const [last] = world.pushes();

    assertEquals(again!["numbers"], [input.number]);
    assertEquals(last!["numbers"], [dependent.number]);
  });
});

describe("One of several results", () => {
  it("is made again, and what comes with it is dropped (R-14)", () => {
    const world = new World();
    const [first, second] = world.storedAll(2);

    world.lose(second!);
    const [push] = world.pushes();
    const at = placeOf(push!);
    world.give(push!, 2);

    assertEquals(first!.value, first!.number);
    assertEquals(second!.value, at + 1);
    const freed = world.fixture.take().filter(({ freed }) => freed);
    assertEquals(freed, [{ freed: [OWNER, at] }]);
  });

  it("comes with another that is lost while it is made again", () => {
    const world = new World();
    const refs = world.storedAll(2);

    world.lose(refs[1]!);
    const [push] = world.pushes();
    world.lose(refs[0]!);
    world.give(push!, 2);

    assertEquals(world.pushes(), []);
    assertEquals(refs.map(({ state }) => state), ["stored", "stored"]);
  });
});

describe("A lost item of a stream", () => {
  it("is made again by the whole stream, which nobody reads", () => {
    const world = new World();
    const { number, items } = world.stream(3);

    world.lose(items[1]!);
    const [push] = world.pushes();
    world.yieldAll(push!, 3);
    const deeds = world.fixture.take();
    world.fixture.receive({ type: "stream_ended", number, count: 3 });

    const at = placeOf(push!);
    assertEquals(items.map(({ state }) => state), Array(3).fill("stored"));
    assertEquals(items[1]!.value, at + 2);
    assertEquals(deeds.filter(({ freed }) => freed), [
      { freed: [OWNER, at + 1] },
      { freed: [OWNER, at + 3] },
    ]);
    assertEquals(
      deeds.filter(({ type }) => type === "stream_consumed")
        .map(({ consumed }) => consumed),
      [1, 2, 3],
    );
    for (const ref of items) ref[Symbol.dispose]();
    assertEquals(world.owner.lineageCount, 0);
  });

  it("fails if the stream gives fewer items the next time", () => {
    const world = new World();
    const { number, items } = world.stream(3, { maxRetries: -1 });

    world.lose(items[2]!);
    world.yieldAll(world.pushes()[0]!, 2);
    world.fixture.receive({ type: "stream_ended", number, count: 2 });

    assertFailed(items[2]!, "reconstruction_failed", "fewer");
  });

  it("waits for the end of a stream that still runs", () => {
    const world = new World();
    const { number, items, push } = world.openStream();
    world.yieldAll(push, 2);

    world.lose(items[0]!);
    const before = world.pushes();
    world.fixture.receive({ type: "stream_ended", number, count: 2 });
    const [again] = world.pushes();
    world.yieldAll(again!, 2);
    world.fixture.receive({ type: "stream_ended", number, count: 2 });

    assertEquals(before, []);
    assertEquals(items.map(({ state }) => state), ["stored", "stored"]);
  });

  it("comes with the others when its stream is retried", () => {
    const world = new World();
    const { items, push } = world.openStream();
    world.yieldAll(push, 2);

    world.lose(items[0]!);
    world.owner.workerEnded(EXECUTOR, DEATH);
    world.fixture.grant("l-2" as never, OTHER);
    world.yieldAll(world.pushes()[0]!, 2);

    assertEquals(items.map(({ state }) => state), ["stored", "stored"]);
  });

  it("is read where the retry has put it, by the number that it had", async () => {
    const world = new World();
    const { items, push } = world.openStream();
    world.yieldAll(push, 1);
    const denied = Promise.withResolvers<Uint8Array>();
    const { codec } = world.fixture;
    const opens = [denied.promise, codec.encode(7, "value").toPayload()];

    const value = world.read(items[0]!, async () => await opens.shift()!);
    world.lose(items[0]!);
    world.owner.workerEnded(EXECUTOR, DEATH);
    denied.reject(new ObjectLostError("Every copy is gone"));
    await Promise.resolve();
    world.fixture.grant("l-2" as never, OTHER);
    world.yieldAll(world.pushes()[0]!, 1);

    assertEquals(await value, 7);
  });
});

describe("A lost result of an actor", () => {
  const call = { actorId: ACTOR, returns: 1 };

  it("is computed by the actor again, if calls may be repeated (R-5)", () => {
    const world = new World();
    world.startActor();
    const ref = world.stored({ ...call, maxRetries: -1 });

    world.lose(ref);
    world.give(world.pushes()[0]!);

    assertEquals(ref.state, "stored");
  });

  it("is lost when calls are made once (R-6)", () => {
    const world = new World();
    world.startActor();
    const ref = world.stored({ ...call, maxRetries: 0 });

    world.lose(ref);

    assertFailed(ref, "object_lost", "no retries");
  });

  it("is lost with an actor that nobody can call any more", () => {
    const world = new World();
    world.startActor();
    const ref = world.stored({ ...call, maxRetries: -1 });
    world.owner.forgetChannel(ACTOR);

    world.lose(ref);

    assertFailed(ref, "reconstruction_failed", "the actor is gone");
  });
});

describe("A reader that misses an object", () => {
  it("has it made again and is told of its new place", () => {
    const world = new World();
    const ref = world.lent();

    world.miss(ref, ref.value as number);
    const [push] = world.pushes();
    world.give(push!);

    const at = placeOf(push!);
    assertEquals(world.values(), [{ o: [OWNER, ref.number], at }]);
  });

  it("is told of the new place at once, if it has the old one", () => {
    const world = new World();
    const ref = world.lent();
    const before = ref.value as number;
    world.lose(ref);
    const [push] = world.pushes();
    world.give(push!);

    world.miss(ref, before);

    const at = placeOf(push!);
    assertEquals(world.values(), [{ o: [OWNER, ref.number], at }]);
    assertEquals(world.pushes(), []);
  });

  it("is told of the same place where nothing can be made again", () => {
    const world = new World();
    const ref = world.lent({ maxRetries: 0 });

    world.miss(ref, ref.value as number);

    assertEquals(world.values(), [{ o: [OWNER, ref.number] }]);
    assertEquals(ref.state, "stored");
  });
});

describe("Lineage", () => {
  it("is not kept of small results", () => {
    const world = new World();
    const { number } = world.owner.submit(world.fixture.template(), [1]);
    world.pushes();

    world.fixture.receive({
      type: "tasks_done",
      numbers: [number],
      values: [1],
    });

    assertEquals(world.owner.lineageCount, 0);
  });

  it("goes for room, the oldest first, and says so (R-13)", () => {
    const world = new World(20_000);
    const args = [new Uint8Array(8_000)];
    const refs = [1, 2, 3].map(() => world.stored({}, args));

    assertEquals(world.owner.lineageCount, 2);
    world.lose(refs[0]!);
    world.lose(refs[2]!);

    assertFailed(refs[0]!, "reconstruction_failed", "lineage");
    assertEquals(refs[2]!.state, "pending");
  });
});

/** An owner, and an executor that does what the test says. */
class World {
  readonly fixture: OwnerFixture;
  #isGranted = false;

  constructor(lineageBytesMax?: number) {
    this.fixture = new OwnerFixture({ lineageBytesMax });
  }

  get owner() {
    return this.fixture.owner;
  }

  /** A result that lies in the store. */
  stored(
    options: Partial<TaskTemplate> = {},
    args: readonly unknown[] = [],
  ): ObjectRef {
    const template = this.fixture.template(options);
    const { refs } = this.owner.submit(template, args);
    this.give(this.pushes()[0]!);
    return refs[0]!;
  }

  storedAll(returns: number): readonly ObjectRef[] {
    const template = this.fixture.template({ returns });
    const { refs } = this.owner.submit(template, []);
    this.give(this.pushes()[0]!, returns);
    return refs;
  }

  /** A stored result that another thread has borrowed. */
  lent(options: Partial<TaskTemplate> = {}): ObjectRef {
    const ref = this.stored(options);
    this.owner.references.pin([ref]);
    this.fixture.receive({ type: "borrow", numbers: [ref.number] }, OTHER);
    this.fixture.take();
    return ref;
  }

  openStream(options: Partial<TaskTemplate> = {}) {
    const items: ObjectRef[] = [];
    const template = this.fixture.template({
      ...options,
      returns: -1,
      backpressure: 2,
    });
    const { number } = this.owner.submit(template, [], {
      stream: () => ({
        yielded: (index, ref) => void (items[index] = ref),
        ended: () => {},
        failed: () => {},
      }),
    });
    return { number, items, push: this.pushes()[0]! };
  }

  /** A stream that has ended. */
  stream(count: number, options: Partial<TaskTemplate> = {}) {
    const { number, items, push } = this.openStream(options);
    this.yieldAll(push, count);
    this.fixture.receive({ type: "stream_ended", number, count });
    this.fixture.take();
    return { number, items };
  }

  /** Reads a value from a store that `open` stands for. */
  read(ref: ObjectRef, open: () => Promise<Uint8Array>): Promise<unknown> {
    const { codec, owner: { references } } = this.fixture;
    const timers = { after: () => () => {} };
    const reading = new Reading({ references, codec, store: { open }, timers });
    const scope = { before() {}, begin() {}, end() {}, signal: undefined };
    return Promise.resolve(reading.getOne(ref, undefined, scope));
  }

  startActor(): void {
    this.owner.channel(ACTOR).changed("ALIVE", 0, EXECUTOR, undefined);
  }

  /** The node says that the last copies of the objects are gone. */
  lose(...refs: readonly ObjectRef[]): void {
    this.owner.objectsLost(refs.map(({ value }) => value as number), DEATH);
  }

  /** A borrower has found nothing there. */
  miss({ number }: ObjectRef, gone: number): void {
    this.fixture.receive({ type: "object_wanted", number, gone }, OTHER);
  }

  /** What was pushed since the last call, one task in each. */
  pushes(): Deed[] {
    if (!this.#isGranted) this.fixture.grant();
    this.#isGranted = true;
    return this.fixture.takeSent("task_push").flatMap((push) =>
      (push["numbers"] as number[]).map((number, index) => ({
        ...push,
        numbers: [number],
        args: [(push["args"] as unknown[])[index]],
        storedFrom: [(push["storedFrom"] as number[])?.[index] ?? number],
      }))
    );
  }

  /** The executor gives large results. */
  give(push: Deed, count = 1): void {
    const [number] = push["numbers"] as [number];
    const returns = Array.from(
      { length: count },
      (_, index) => placed(number + index, placeOf(push) + index),
    );
    this.fixture.receive({ type: "task_returned", number, returns });
  }

  yieldAll(push: Deed, count: number): void {
    const [number] = push["numbers"] as [number];
    for (let index = 0; index < count; index++) {
      const item = placed(number + 1 + index, placeOf(push) + 1 + index);
      this.fixture.receive({ type: "stream_yielded", number, index, item });
    }
  }

  /** The values that borrowers were sent. */
  values(): unknown[] {
    return this.fixture.takeSent("object_value").map(({ value }) => value);
  }
}

function placed(number: number, at: number) {
  const o = [OWNER, number] as const;
  return at === number ? { o } : { o, at };
}

/** The number that the task's first result is to be stored by. */
function placeOf(push: Deed): number {
  return (push["storedFrom"] as [number])[0];
}

function assertFailed(ref: ObjectRef, code: string, text: string): void {
  assertEquals(ref.state, "failed");
  const error = ref.value as WireError;
  assertEquals(error.className, code);
  assertStringIncludes(error.message, text);
}

// The queue's actor without a cluster: who is served when.

import {
  assertEquals,
  assertStrictEquals,
  describe,
  it,
} from "../../../support/harness.ts";
import { Fifo } from "../../../../lib/util/fifo.ts";
import { QueueActor } from "../../../../lib/util/queue_actor.ts";

describe("QueueActor", () => {
  it("gives items in the order they were put", async () => {
    const queue = new QueueActor(0);
    assertStrictEquals(await queue.put(["a", "b"], undefined), true);
    assertStrictEquals(await queue.put(["c"], undefined), true);

    assertEquals(await queue.take(2, undefined), ["a", "b"]);
    assertEquals(await queue.take(1, undefined), ["c"]);
    assertStrictEquals(queue.size(), 0);
  });

  it("answers at once when there is no time to wait", async () => {
    const queue = new QueueActor(1);
    assertStrictEquals(await queue.take(1, 0), undefined);
    assertStrictEquals(await queue.put([1], 0), true);
    assertStrictEquals(await queue.put([2], 0), false);
    assertEquals(await queue.take(1, 0), [1]);
  });

  it("sends away what waits too long, and serves who stood behind", async () => {
    const queue = new QueueActor(0);
    const three = queue.take(3, 1);
    const one = queue.take(1, undefined);
    await queue.put(["a", "b"], undefined);

    assertStrictEquals(await three, undefined);
    assertEquals(await one, ["a"]);
    assertStrictEquals(queue.size(), 1);
  });

  it("never waits for room that there cannot be", async () => {
    const queue = new QueueActor(2);
    assertStrictEquals(await queue.put([1, 2, 3], undefined), false);
    assertStrictEquals(queue.size(), 0);
    assertStrictEquals(await queue.take(3, undefined), undefined);
  });

  it("lets putters in as getters make room", async () => {
    const queue = new QueueActor(2);
    await queue.put([1, 2], undefined);
    const waiting = [queue.put([3, 4], undefined), queue.put([5], undefined)];
    assertEquals(await queue.take(1, undefined), [1]);
    assertStrictEquals(queue.size(), 1);
    assertEquals(await queue.take(1, undefined), [2]);
    assertEquals(await queue.take(2, undefined), [3, 4]);

    assertEquals(await Promise.all(waiting), [true, true]);
    assertEquals(await queue.take(1, undefined), [5]);
  });

  it("does not let a putter and a getter wait for each other", async () => {
    const queue = new QueueActor(2);
    await queue.put([1], undefined);
    const put = queue.put([2, 3], undefined);
    assertEquals(await queue.take(2, undefined), [1, 2]);

    assertStrictEquals(await put, true);
    assertEquals(await queue.take(1, undefined), [3]);
  });
});

describe("Fifo", () => {
  it("is first in, first out over many pushes and shifts", () => {
    const fifo = new Fifo<number>();
    let first = 0;
    for (let n = 0; n < 1_000; n++) {
      fifo.push(n);
      if (n % 3 !== 0) assertStrictEquals(fifo.shift(), first++);
    }
    assertStrictEquals(fifo.length, 1_000 - first);
    while (fifo.length > 0) assertStrictEquals(fifo.shift(), first++);

    assertStrictEquals(first, 1_000);
    assertStrictEquals(fifo.shift(), undefined);
    assertStrictEquals(fifo.peek(), undefined);
  });

  it("removes from the middle, and only what is still there", () => {
    const fifo = new Fifo<string>();
    for (const item of ["a", "b", "c", "d"]) fifo.push(item);
    fifo.shift();

    assertStrictEquals(fifo.remove("a"), false);
    assertStrictEquals(fifo.remove("c"), true);
    assertEquals([fifo.shift(), fifo.shift()], ["b", "d"]);
  });
});

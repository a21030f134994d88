import {
  IDLE_GARBAGE_MS,
  IDLE_GARBAGE_MS_MAX,
} from "../../runtime/base/limits.ts";
import { IdleGarbage } from "../../runtime/idle_garbage.ts";
import { assertEquals, describe, it } from "../support/harness.ts";

/** A thread whose time passes when the test says so. */
class FakeThread {
  idle = true;
  held = 1;
  /** What the next collection frees. */
  garbage = 0;
  collections = 0;
  readonly timers: { delayMs: number; callback: () => void }[] = [];
  readonly garbageOf = new IdleGarbage({
    isIdle: () => this.idle,
    heldCount: () => this.held,
    collect: () => {
      this.collections++;
      this.held -= this.garbage;
      this.garbage = 0;
      return Promise.resolve();
    },
    after: (delayMs, callback) => this.timers.push({ delayMs, callback }),
  });

  turn(): void {
    this.garbageOf.turned();
  }

  async passTime(): Promise<number> {
    const { delayMs, callback } = this.timers.shift()!;
    callback();
    await new Promise((resolve) => setTimeout(resolve));
    return delayMs;
  }
}

describe("IdleGarbage", () => {
  it("collects once when a thread that holds something has nothing to do", async () => {
    const thread = new FakeThread();

    thread.turn();
    await thread.passTime();

    assertEquals([thread.collections, thread.timers.length], [1, 0]);
  });

  it("leaves a thread alone that holds nothing", () => {
    const thread = new FakeThread();
    thread.held = 0;

    thread.turn();

    assertEquals(thread.timers.length, 0);
  });

  it("waits while the thread runs", async () => {
    const thread = new FakeThread();

    thread.turn();
    thread.turn();
    await thread.passTime();
    thread.idle = false;
    await thread.passTime();
    assertEquals([thread.collections, thread.timers.length], [0, 0]);

    thread.idle = true;
    thread.turn();
    await thread.passTime();
    assertEquals(thread.collections, 1);
  });

  it("collects less and less often in vain, and again when it helps", async () => {
    const thread = new FakeThread();
    thread.held = 5;
    const delaysMs: number[] = [];
    for (let round = 0; round < 9; round++) {
      thread.turn();
      delaysMs.push(await thread.passTime());
    }
    assertEquals(
      delaysMs.slice(0, 3),
      [1, 2, 4].map((n) => n * IDLE_GARBAGE_MS),
    );
    assertEquals(delaysMs.at(-1), IDLE_GARBAGE_MS_MAX);

    thread.garbage = 2;
    thread.turn();
    await thread.passTime();
    thread.turn();

    assertEquals(thread.timers[0]!.delayMs, IDLE_GARBAGE_MS);
  });
});

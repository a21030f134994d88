// A driver's copies of objects and the memory they lie in: when it looks for
// garbage, what it keeps, and that it gives all of it back.

import {
  IDLE_GARBAGE_MS_MAX,
  LOCAL_GARBAGE_BYTES_MIN as LARGE,
  LOCAL_GARBAGE_MS,
  LOCAL_MEMORY_IDLE_MS,
  LOCAL_MEMORY_KEPT_BYTES_MAX,
} from "../../../runtime/base/limits.ts";
import { LocalCopies } from "../../../runtime/object_store/local_copies.ts";
import { LocalMemory } from "../../../runtime/object_store/local_memory.ts";
import { FakeCollector } from "../../simulation/fake_collector.ts";
import { FakeTimers } from "../../support/fake_timers.ts";
import {
  assert,
  assertEquals,
  assertStrictEquals,
  describe,
  it,
} from "../../support/harness.ts";

describe("LocalCopies", () => {
  it("uses the memory of garbage before it takes more", () => {
    const { copies, fetch } = newCopies();
    const first = fetch(LARGE);
    const second = fetch(LARGE);

    assertStrictEquals(second, first);
    assertEquals(copies.count, 1);
  });

  it("leaves alone what somebody has, and asks ever less often", () => {
    const { held, fetch, counts } = newCopies();
    for (let n = 0; n < 32; n++) held.add(fetch(LARGE));

    assertEquals(held.size, 32);
    assert(counts.collections <= 6, `${counts.collections} collections`);
    held.clear();
    for (let n = 0; n < 8; n++) fetch(LARGE);
    assert(counts.collections <= 10, `${counts.collections} collections`);
  });

  it("does not look for garbage for what is small", () => {
    const { fetch, counts } = newCopies();
    for (let n = 0; n < 8; n++) fetch(LARGE - 1);

    assertEquals(counts.collections, 0);
  });

  it("finds garbage by itself when nothing else happens", () => {
    const { held, copies, fetch, timers } = newCopies();
    for (let n = 0; n < 4; n++) held.add(fetch(LARGE));
    timers.pass(2 * LOCAL_GARBAGE_MS);
    assertEquals(copies.count, 4);

    held.clear();
    timers.pass(IDLE_GARBAGE_MS_MAX);

    assertEquals([copies.count, timers.count], [0, 0]);
  });

  it("looks ever less often for what is in use", () => {
    const { held, fetch, timers, counts } = newCopies();
    held.add(fetch(LARGE));
    timers.pass(10 * IDLE_GARBAGE_MS_MAX);

    assert(counts.collections < 20, `${counts.collections} collections`);
  });

  it("gives each copy back once, however its end is noticed", () => {
    const { memory, collector, fetch } = newCopies();
    fetch(LARGE);
    fetch(LARGE);
    // What was closed already is told again.
    collector.finalize();
    assertEquals(memory.keptBytes, 0);

    collector.collect(() => false);
    collector.finalize();

    assertEquals(memory.keptBytes, LARGE);
  });
});

describe("LocalMemory", () => {
  it("returns what was not needed for a while, piece by piece", () => {
    const timers = new FakeTimers();
    const returned: [SharedArrayBuffer, number, number][] = [];
    const memory = new LocalMemory(
      timers,
      (...piece) => returned.push(piece),
    );
    const [old, used] = [memory.take(3 * LARGE), memory.take(LARGE)];
    memory.giveBack(old);

    for (let time = 0; time < 4; time++) {
      memory.giveBack(used);
      assertStrictEquals(memory.take(LARGE), used);
      timers.pass(LOCAL_MEMORY_IDLE_MS);
    }

    assertEquals(memory.keptBytes, 0);
    assert(returned.length > 1, "in one piece");
    assert(returned.every(([each]) => each === old), "of other memory");
    const [, , end] = returned.at(-1)!;
    assertEquals(end, old.byteLength);
    assertEquals(timers.count, 0);
  });

  it("keeps no more than its limit", () => {
    const memory = new LocalMemory(new FakeTimers());
    const size = LOCAL_MEMORY_KEPT_BYTES_MAX / 4;
    for (let n = 0; n < 8; n++) {
      memory.giveBack({ byteLength: size } as SharedArrayBuffer);
    }

    assertEquals(memory.keptBytes, LOCAL_MEMORY_KEPT_BYTES_MAX);
  });
});

function newCopies() {
  const collector = new FakeCollector();
  const counts = { collections: 0 };
  /** The memory that views are left on. */
  const held = new Set<SharedArrayBuffer>();
  const buffers = new Map<object, SharedArrayBuffer>();
  const timers = new FakeTimers();
  const memory = new LocalMemory(new FakeTimers());
  const copies = new LocalCopies({
    memory,
    timers,
    collector,
    collectGarbage: () => {
      counts.collections++;
      collector.collect((target) => held.has(buffers.get(target)!));
    },
  });
  let number = 0;
  const fetch = (sizeBytes: number): SharedArrayBuffer => {
    const taken = copies.take(sizeBytes);
    const view = copies.add(`${++number}`, number, taken, sizeBytes);
    buffers.set(view.buffer, taken);
    return taken;
  };
  return { collector, copies, counts, fetch, held, memory, timers };
}

// A node that is short of memory: what is stopped for it, with which errors,
// and what runs again. What the process may use is set a little above what it
// uses, so that the machine is never filled.

import process from "node:process";
import {
  ActorDiedError,
  get,
  init,
  kill,
  OutOfMemoryError,
  remote,
  shutdown,
} from "../../mod.ts";
import {
  activeSession,
  type MemoryListing,
} from "../../runtime/api/session_port.ts";
import { detectPlatform } from "../../runtime/platform/detect.ts";
import {
  blocked,
  blockUntil,
  eventually,
  type Flag,
  newFlag,
} from "../support/cluster.ts";
import {
  afterEach,
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  describe,
  it,
} from "../support/harness.ts";
import { rssBytes } from "../support/resource_use.ts";

const MIB = 1024 * 1024;
/** What may be used beyond what is used when a test begins. */
const ROOM_MIB = 400;
/** More than that, and more than what a session needs itself. */
const TOO_MUCH_MIB = 450;

/** By how much the use may differ from what it was at first. */
const SLACK_MIB = 100;
/** What the process uses without a session. */
let usualBytes = 0;

/** Where in a flag's words attempts are counted. */
const ATTEMPTS = 2;

/** Holds memory until the flag is raised; gives which attempt it was. */
function holdMemory(words: Int32Array, mib: number): number {
  const attempt = Atomics.add(words, ATTEMPTS, 1) + 1;
  const held = new Uint8Array(mib * MIB).fill(1);
  blockUntil(words);
  return attempt + 0 * held[0]!;
}

const hold = remote(holdMemory);
const holdOnce = remote({ maxRetries: 0 }, holdMemory);
const holdAlways = remote({ maxRetries: -1 }, holdMemory);

class Holder {
  hold(words: Int32Array, mib: number): number {
    return holdMemory(words, mib);
  }
  ping(): string {
    return "pong";
  }
}

const Mortal = remote(Holder);
const Restartable = remote({ maxRestarts: 1 }, Holder);

describe("a node that is short of memory", () => {
  afterEach(() => shutdown());

  it("R-57 stops the newest actor, and the older lives", async () => {
    await start();
    using flags = await newFlags(2);
    const [older, newer] = flags.all;
    const old = Mortal.remote();
    const held = old.hold.remote(older.ref, 50);
    await blocked(older, 1);

    const young = Mortal.remote();
    const tooMuch = young.hold.remote(newer.ref, TOO_MUCH_MIB);
    await assertRejects(() => get(tooMuch), OutOfMemoryError);

    const error = await failureOf(get(young.ping.remote()));
    assertInstanceOf(error, ActorDiedError);
    assertInstanceOf(error.cause, OutOfMemoryError);
    older.raise();
    assertEquals(await get(held), 1);
    assertEquals(await get(old.ping.remote()), "pong");
  });

  it("R-58 fails what must not run twice, with the figures", async () => {
    await start();
    using flag = await newFlag();
    const error = await failureOf(
      get(holdOnce.remote(flag.ref, TOO_MUCH_MIB)),
    );

    assertInstanceOf(error, OutOfMemoryError);
    assertStringIncludes(error.message, "Cannot finish holdMemory");
    assertStringIncludes(error.message, "GiB of memory, above 95 %");
    const { usedBytes, limitBytes } = error as unknown as MemoryListing;
    assert(usedBytes > limitBytes * 0.95);
    assertEquals((await memory()).stoppedThreads, 1);
  });

  it("R-59 stops what can run again before what cannot", async () => {
    await start();
    using flags = await newFlags(2);
    const [older, newer] = flags.all;
    const again = hold.remote(older.ref, 200);
    await blocked(older, 1);
    const once = holdOnce.remote(newer.ref, 250);
    await stopped(1);
    older.raise();
    await blocked(newer, 1);
    newer.raise();

    assertEquals(await get(once), 1);
    assertEquals(await get(again), 2);
  });

  it("R-60 throws out of a restartable actor, which comes back", async () => {
    await start();
    using flag = await newFlag();
    const actor = Restartable.remote();
    const call = actor.hold.remote(flag.ref, TOO_MUCH_MIB);
    await assertRejects(() => get(call), OutOfMemoryError);

    let info: unknown;
    await eventually(
      async () => {
        const [found] = (await activeSession()!.listState("actors")).items;
        info = found;
        return found!.state === "ALIVE";
      },
      () => `the actor to come back: ${JSON.stringify(info)}`,
    );
    assertEquals(await get(actor.ping.remote()), "pong");
  });

  it("R-60 counts such attempts apart from other retries", async () => {
    await start();
    using flags = await newFlags(2);
    const [first, other] = flags.all;
    const hungry = remote(
      { maxRetries: 1 },
      function hungry(words: Int32Array) {
        const attempt = Atomics.add(words, 2, 1) + 1;
        if (attempt === 2) process.exit(1);
        const held = new Uint8Array(attempt === 1 ? 450 * 1024 * 1024 : 1);
        held.fill(1);
        if (attempt === 1) {
          Atomics.add(words, 1, 1);
          Atomics.wait(words, 0, 0);
        }
        return attempt;
      },
    );
    // Without another one it would be the last, and fail.
    const companion = holdOnce.remote(other.ref, 1);
    await blocked(other, 1);

    assertEquals(await get(hungry.remote(first.ref)), 3);
    other.raise();
    assertEquals(await get(companion), 1);
  });

  it("R-61 tells why an actor is dead", async () => {
    await start();
    using flag = await newFlag();
    const actor = Mortal.remote();
    const call = actor.hold.remote(flag.ref, TOO_MUCH_MIB);
    await assertRejects(() => get(call), OutOfMemoryError);

    const [info] = (await activeSession()!.listState("actors")).items;
    assertEquals(info!.state, "DEAD");
    assertStringIncludes(info!.deathCause!, "GiB of memory");
    kill(actor);
  });

  it("R-62 does not run the last one again for ever", async () => {
    await start();
    using flag = await newFlag();
    const task = holdAlways.remote(flag.ref, TOO_MUCH_MIB);
    await assertRejects(() => get(task), OutOfMemoryError);
    assertEquals(await flag.word(ATTEMPTS), 1);
  });

  it("keeps a task to its `memory` where threads can be told apart", async () => {
    if (detectPlatform().threadMemoryBytes() === undefined) return;
    await start();
    const collecting = remote(
      { memory: 100 * MIB },
      async function collecting(rounds: number) {
        const held: Uint8Array[] = [];
        for (let round = 0; round < rounds; round++) {
          held.push(new Uint8Array(10 * 1024 * 1024).fill(1));
          await new Promise((resolve) => setTimeout(resolve, 100));
        }
        return held.length;
      },
    );
    assertEquals(await get(collecting.remote(5)), 5);
    const error = await failureOf(get(collecting.remote(200)));
    assertInstanceOf(error, OutOfMemoryError);
    assertStringIncludes(error.message, "0.10 GiB of its option `memory`");
  });

  it("stops nothing for garbage", async () => {
    await start();
    const waste = remote(async function waste(rounds: number, mib: number) {
      let sum = 0;
      for (let round = 0; round < rounds; round++) {
        sum += new Uint8Array(mib * 1024 * 1024).fill(1)[round]!;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      return sum;
    });
    assertEquals(await get(waste.remote(100, 20)), 100);
    assertEquals((await memory()).stoppedThreads, 0);
  });
});

async function start(): Promise<void> {
  if (!usualBytes) {
    // The first session of a process makes it larger for good.
    await init({ numCpus: 2 });
    await get(remote(() => 1).remote());
    await shutdown();
    usualBytes = rssBytes();
  }
  // What the last test has held may be on its way back still.
  await eventually(
    () => rssBytes() < usualBytes + SLACK_MIB * MIB,
    () => `${rssBytes()} bytes to become ${usualBytes}`,
  );
  await init({
    numCpus: 2,
    logToDriver: false,
    systemConfig: {
      memoryLimitBytes: usualBytes + ROOM_MIB * MIB,
      memoryMonitorRefreshMs: 50,
    },
  });
}

async function newFlags(
  count: 2,
): Promise<Disposable & { readonly all: readonly [Flag, Flag] }> {
  const all = await Promise.all(Array.from({ length: count }, newFlag));
  return {
    all: all as unknown as [Flag, Flag],
    [Symbol.dispose]: () => all.forEach((flag) => flag[Symbol.dispose]()),
  };
}

function memory(): Promise<MemoryListing> {
  return activeSession()!.memory();
}

async function stopped(count: number): Promise<void> {
  let seen: MemoryListing | undefined;
  await eventually(
    async () => (seen = await memory()).stoppedThreads >= count,
    () => `${count} threads to be stopped: ${JSON.stringify(seen)}`,
  );
}

function failureOf(outcome: Promise<unknown>): Promise<Error> {
  return outcome.then(
    () => new Error("It did not fail"),
    (error: Error) => error,
  );
}

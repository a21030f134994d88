// A node that is short of memory, with work in processes of its own: what those
// hold counts, and the process is ended, with the same errors and the same
// order as threads. See `memory_test.ts` for those.

import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { get, init, OutOfMemoryError, remote, shutdown } from "../../mod.ts";
import {
  activeSession,
  type MemoryListing,
} from "../../runtime/api/session_port.ts";
import { eventually } from "../support/cluster.ts";
import {
  afterEach,
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  beforeEach,
  describe,
  it,
} from "../support/harness.ts";
import { rssBytes } from "../support/resource_use.ts";

const MIB = 1024 * 1024;
/** What may be used beyond what this process uses: two children, and more. */
const ROOM_MIB = 600;
const TOO_MUCH_MIB = 700;

/** Holds memory for ever in its first attempt; gives which attempt it was. */
async function holdMemory(path: string, mib: number): Promise<number> {
  appendFileSync(path, "x");
  const attempt = readFileSync(path, "utf8").length;
  if (attempt > 1) return attempt;
  const held = new Uint8Array(mib * MIB).fill(1);
  appendFileSync(`${path}.held`, "x");
  // A promise that nobody could resolve would be collected, and what it keeps.
  await new Promise((resolve) => setTimeout(resolve, 600_000, held));
  return held[0]!;
}

const hold = remote({ isolation: "process" }, holdMemory);
const holdOnce = remote({ isolation: "process", maxRetries: 0 }, holdMemory);

const Holder = remote(
  { isolation: "process", maxRestarts: 1 },
  class Holder {
    hold(path: string, mib: number): Promise<number> {
      return holdMemory(path, mib);
    }
    ping(): string {
      return "pong";
    }
  },
);

describe("a node that is short of memory, with child processes", () => {
  let folder: string;
  const at = (name: string) => join(folder, name);

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "manta-memory-"));
    await init({
      numCpus: 2,
      logToDriver: false,
      systemConfig: {
        memoryLimitBytes: rssBytes() + ROOM_MIB * MIB,
        memoryMonitorRefreshMs: 50,
      },
    });
  });
  afterEach(async () => {
    await shutdown();
    rmSync(folder, { recursive: true, force: true });
  });

  it("R-58 ends the process of what must not run twice, with the figures", async () => {
    const ref = holdOnce.remote(at("once"), TOO_MUCH_MIB);
    const error = await assertRejects(() => get(ref), OutOfMemoryError);

    assertStringIncludes(error.message, "Cannot finish holdMemory");
    assertStringIncludes(error.message, "its process was stopped, as node");
    assertStringIncludes(error.message, "of which the process had");
    const { usedBytes, limitBytes, threadBytes } = error as unknown as
      & MemoryListing
      & { readonly threadBytes: number };
    assert(usedBytes > limitBytes * 0.95);
    assert(threadBytes > 400 * MIB && threadBytes < 900 * MIB);
    assertEquals((await memory()).stoppedThreads, 1);
  });

  it("R-59 ends what can run again before what cannot", async () => {
    const again = hold.remote(at("again"), 350);
    await held("again");
    const once = holdOnce.remote(at("once"), 450);

    // The older one, as the newer one must not run again.
    assertEquals(await get(again), 2);
    assertEquals(readFileSync(at("once"), "utf8"), "x");
    void once;
  });

  it("R-60 throws out of a restartable actor, which comes back", async () => {
    const actor = Holder.remote();
    const call = actor.hold.remote(at("actor"), TOO_MUCH_MIB);
    const error = await assertRejects(() => get(call), OutOfMemoryError);
    assertStringIncludes(error.message, "its process was stopped");

    await eventually(
      async () =>
        (await activeSession()!.listState("actors")).items[0]!.state ===
          "ALIVE",
      () => "the actor to come back",
    );
    assertEquals(await get(actor.ping.remote()), "pong");
  });

  it("counts what children hold in what is told", async () => {
    const before = await memory();
    const ref = holdOnce.remote(at("once"), 200);
    await held("once");

    const after = await memory();
    assert(after.usedBytes - before.usedBytes > 200 * MIB);
    assertEquals(after.stoppedThreads, 0);
    void ref;
  });

  async function held(name: string): Promise<void> {
    await eventually(
      () => {
        try {
          return readFileSync(`${at(name)}.held`, "utf8") === "x";
        } catch {
          return false;
        }
      },
      () => `${name} to hold its memory`,
    );
  }
});

function memory(): Promise<MemoryListing> {
  return activeSession()!.memory();
}

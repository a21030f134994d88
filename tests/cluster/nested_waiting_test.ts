// Tasks that wait for tasks of their own which never let go of their thread:
// whoever waits can still give up, and no chain of waiting tasks is too deep.

import {
  assertEquals,
  assertRejects,
  describe,
  it,
} from "../support/harness.ts";
import { cancel, get, remote, TaskTimeoutError } from "../../mod.ts";
import { useCluster } from "../support/cluster.ts";

const LIMIT_MS = 200;

const spin = remote(function spin(): number {
  while (true);
});

const limitedSpin = remote({ timeout: LIMIT_MS }, function limitedSpin() {
  while (true);
});

/** The name of what a `get` with a time limit fails with; then stops it. */
const giveUp = remote(async function giveUp(): Promise<string[]> {
  const child = spin.remote();
  const seen: string[] = [];
  await get(child, { timeout: LIMIT_MS }).catch((error: Error) => {
    seen.push(error.name);
  });
  await cancel(child, { force: true });
  await get(child).catch((error: Error) => seen.push(error.name));
  return seen;
});

const giveUpBelow = remote(async function giveUpBelow(): Promise<string[]> {
  return await get(giveUp.remote());
});

/** Its `get` has no limit of its own: a timer cancels what it waits for. */
const cancelLater = remote(
  async function cancelLater(force: boolean): Promise<string> {
    const child = spin.remote();
    setTimeout(() => void cancel(child, { force }), LIMIT_MS);
    const outcome = await get(child).then(
      () => "done",
      (error: Error) => error.name,
    );
    // Asked to stop, it spins on.
    await cancel(child, { force: true });
    return outcome;
  },
);

const outlive = remote(async function outlive(): Promise<string> {
  return await get(limitedSpin.remote()).then(
    () => "done",
    (error: Error) => error.name,
  );
});

const descend = remote(async function level(depth: number): Promise<number> {
  return depth === 0 ? 0 : 1 + await get(descend.remote(depth - 1));
});

/** All on the way down have a limit, far longer than what the last one has. */
const descendToSpin = remote(
  { timeout: 60_000 },
  async function levelToSpin(depth: number): Promise<string> {
    if (depth > 0) return await get(descendToSpin.remote(depth - 1));
    return await get(limitedSpin.remote()).then(
      () => "done",
      (error: Error) => error.name,
    );
  },
);

for (const numCpus of [1, 2]) {
  describe(`Tasks that wait for busy ones, ${numCpus} CPU`, () => {
    useCluster({ numCpus });

    it("give up in time, and can stop what they waited for", async () => {
      assertEquals(await get(giveUp.remote()), [
        "GetTimeoutError",
        "TaskCancelledError",
      ]);
    });

    it("give up in time when they are nested themselves", async () => {
      assertEquals(await get(giveUpBelow.remote()), [
        "GetTimeoutError",
        "TaskCancelledError",
      ]);
    });

    it("keep their timers", async () => {
      assertEquals(await get(cancelLater.remote(true)), "TaskCancelledError");
      assertEquals(await get(cancelLater.remote(false)), "TaskCancelledError");
    });

    it("see the time limits of what they wait for", async () => {
      assertEquals(await get(outlive.remote()), "TaskTimeoutError");
    });

    it("see them at every depth", async () => {
      assertEquals(await get(descendToSpin.remote(8)), "TaskTimeoutError");
    });

    it("make progress a hundred levels deep", async () => {
      assertEquals(await get(descend.remote(100)), 100);
    });

    it("leave the threads in order", async () => {
      await assertRejects(get(limitedSpin.remote()), TaskTimeoutError);
      assertEquals(await get(descend.remote(3)), 3);
    });
  });
}

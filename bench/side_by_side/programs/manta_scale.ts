// Manta under the rows of ray_scale.py that `manta microbenchmark` has not: the
// start, memory, and many of each, scaled to a small machine. Run by
// `manta run`.

import { availableParallelism } from "node:os";
import {
  type ActorHandle,
  get,
  init,
  kill,
  placementGroup,
  remote,
  shutdown,
} from "manta";
import { memoryMegabytes } from "../memory.ts";
import { PACE, printRow } from "../print_row.ts";

const ACTORS = PACE.isQuick ? 20 : 100;
const GROUPS = PACE.isQuick ? 100 : 1_000;
const SLEEP_MS = PACE.isQuick ? 1_000 : 3_000;
const SETTLE_MS = 2_000;

interface Pinged {
  ping(): string;
}

const smallValue = remote(function smallValue(): string {
  return "ok";
});
const sleep = remote({ numCpus: 0.125 }, function sleep(ms: number) {
  return new Promise<void>((resolve) => setTimeout(resolve, ms));
});
const Light = remote(
  { numCpus: 0 },
  class Light {
    ping(): string {
      return "ok";
    }
  },
);

const startMs = performance.now();
await init({ resources: { custom: 100 } });
await get(smallValue.remote());
printRow("init to first result", performance.now() - startMs, "milliseconds");
await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
printRow("memory after the first result", memoryMegabytes(), "megabytes");
await manyTasks();
await manyActors();
await manyGroups();
await shutdown();

/** What is beyond their sleep is what starting them took. */
async function manyTasks(): Promise<void> {
  const count = 8 * availableParallelism();
  const seconds = await timed(() =>
    get(Array.from({ length: count }, () => sleep.remote(SLEEP_MS)))
  );
  const rate = count / Math.max(seconds - SLEEP_MS / 1_000, 1e-6);
  printRow("many tasks, 8 asleep per core", rate, "per second");
}

async function manyActors(): Promise<void> {
  const actors: ActorHandle<Pinged>[] = [];
  const seconds = await timed(() => {
    while (actors.length < ACTORS) actors.push(Light.remote());
    return get(actors.map((actor) => actor.ping.remote()));
  });
  printRow("many actors, created and called", ACTORS / seconds, "per second");
  printRow(`memory of ${ACTORS} actors`, memoryMegabytes(), "megabytes");
  for (const actor of actors) kill(actor);
  // Their ends take a moment, which is not the next row's.
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

async function manyGroups(): Promise<void> {
  const seconds = await timed(async () => {
    const groups = Array.from(
      { length: GROUPS },
      () => placementGroup([{ custom: 0.001 }]),
    );
    for (const group of groups) await group.wait(60_000);
    for (const group of groups) await group.remove();
  });
  printRow("many placement groups", GROUPS / seconds, "per second");
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const fromMs = performance.now();
  await work();
  return (performance.now() - fromMs) / 1_000;
}

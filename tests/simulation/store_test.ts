// The object store in a world of chance, many seeds over: no view ever shows
// another object's bytes, the books agree after every step, what is stored can
// be read, and at the end nothing is left, in memory or on disk. A failure names its seed: set MANTA_SIMULATION_SEED to run
// that one alone.

import process from "node:process";
import { assertEquals, describe, it } from "../support/harness.ts";
import { Dice } from "./dice.ts";
import { StoreWorld } from "./store_world.ts";

const SEEDS = 100;
const STEPS = 200;

describe("Object store simulation", () => {
  it("shares each object intact and leaves nothing behind", async () => {
    const only = process.env["MANTA_SIMULATION_SEED"];
    const seeds = only
      ? [Number(only)]
      : Array.from({ length: SEEDS }, (_, index) => index + 1);

    for (const seed of seeds) {
      try {
        await runWorld(seed);
      } catch (error) {
        const text = error instanceof Error ? error.stack : String(error);
        throw new Error(`Seed ${seed} failed: ${text}`);
      }
    }
  });
});

async function runWorld(seed: number): Promise<void> {
  const world = new StoreWorld(new Dice(seed));
  for (let step = 0; step < STEPS; step++) await world.step();
  await world.readAll();
  await world.calm();

  const stats = world.store.stats();
  const { usedBytes, drainingBytes, objects, waiting } = stats;
  assertEquals([stats.spilledBytes, world.disk.files.size], [0, 0]);
  assertEquals(world.store.list(), []);
  assertEquals(
    { usedBytes, drainingBytes, objects, waiting },
    { usedBytes: 0, drainingBytes: 0, objects: 0, waiting: 0 },
  );
  for (const { client } of world.threads) {
    assertEquals(client.counts(), { pending: 0, mappings: 0 });
  }
}

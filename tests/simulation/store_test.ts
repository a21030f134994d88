// The object store in a world of chance, many seeds over: no view ever shows
// another object's bytes, the books agree after every step, what is stored can
// be read, and at the end nothing is left, in memory or on disk.

import { assertEquals, describe } from "../support/harness.ts";
import { Dice } from "./dice.ts";
import { itForSeeds } from "./run_seeds.ts";
import { StoreWorld } from "./store_world.ts";

const STEPS = 200;

describe("Object store simulation", () => {
  itForSeeds("shares each object intact and leaves nothing behind", {
    seeds: 100,
    runWorld,
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

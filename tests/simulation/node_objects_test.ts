// Objects between nodes, many seeds over: every open ends with the right bytes
// or a denial that has a reason, no node pulls an object twice without need,
// nothing is lost with a node that leaves, and nothing is left when all is
// freed.

import { assertEquals, describe } from "../support/harness.ts";
import { Dice } from "./dice.ts";
import { NodeObjectsWorld } from "./node_objects_world.ts";
import { itForSeeds } from "./run_seeds.ts";

const STEPS = 400;

describe("Simulation of objects between nodes", () => {
  itForSeeds("answers every open rightly and leaves nothing behind", {
    seeds: 40,
    seedsPerTest: 5,
    runWorld,
  });
});

async function runWorld(seed: number): Promise<void> {
  const hasFaults = seed % 3 !== 0;
  const world = new NodeObjectsWorld(new Dice(seed), hasFaults);
  for (let step = 0; step < STEPS; step++) await world.step();
  await world.calm();
  if (seed % 2 === 0) await world.leave();
  if (!hasFaults) assertEquals(world.repeatedReads, []);
  await world.end();
}

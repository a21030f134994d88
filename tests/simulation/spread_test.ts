// Schedulers of several nodes, the spreading of demand and the head's placing in
// a world of chance, many seeds over. At the end nothing is left.

import { assertEquals, describe } from "../support/harness.ts";
import { Dice } from "./dice.ts";
import { itForSeeds } from "./run_seeds.ts";
import { SpreadWorld } from "./spread_world.ts";

const STEPS = 200;
const CALM_STEPS_MAX = 3_000;

describe("Scheduling over nodes, simulated", () => {
  itForSeeds("runs all tasks wherever there is room", {
    seeds: 40,
    seedsPerTest: 5,
    runWorld,
  });
});

function runWorld(seed: number): void {
  const world = new SpreadWorld(new Dice(seed));
  for (let step = 0; step < STEPS; step++) world.step();
  let steps = 0;
  // What is held for good may be in the way of the rest: it goes by and by.
  while (
    world.taskCount + world.waitingActors + world.waitingGroups > 0 &&
    steps++ < CALM_STEPS_MAX
  ) {
    world.calmStep();
    if (steps % 20 === 0) world.clearSome();
  }
  assertEquals(world.taskCount, 0, "Tasks that were never run");
  assertEquals(world.waitingActors, 0, "Actors that have no place");
  assertEquals(world.waitingGroups, 0, "Groups that have no place");
  while (!world.isClear) world.clearSome();
  for (let step = 0; step < 100; step++) world.calmStep();
  world.checkEmpty();
}

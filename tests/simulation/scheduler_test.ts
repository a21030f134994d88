// The scheduler in a world of chance, many seeds over. After every event the
// state is validated; at the end nothing is left.

import { assertEquals, describe } from "../support/harness.ts";
import { Dice } from "./dice.ts";
import { itForSeeds } from "./run_seeds.ts";
import { SchedulerWorld } from "./scheduler_world.ts";

const STEPS = 150;
const CALM_STEPS_MAX = 3_000;

describe("Scheduler simulation", () => {
  itForSeeds("meets every demand, whatever happens", {
    seeds: 40,
    seedsPerTest: 5,
    runWorld,
  });
});

function runWorld(seed: number): void {
  const world = new SchedulerWorld(new Dice(seed));
  for (let step = 0; step < STEPS; step++) world.step();
  let calmSteps = 0;
  while (world.taskCount > 0 && calmSteps++ < CALM_STEPS_MAX) {
    world.calmStep();
  }
  world.clear();

  const { scheduler } = world.node;
  assertEquals(world.taskCount, 0, "Tasks that were never run");
  assertEquals(scheduler.leases(), [], "Leases that were left");
  assertEquals(scheduler.actors(), [], "Actors that were left");
  assertEquals(scheduler.pending(), [], "Demands that were left");
  assertEquals(world.orphans, [], "Threads of jobs that are over");
  assertEquals(scheduler.available(), scheduler.totals());
}

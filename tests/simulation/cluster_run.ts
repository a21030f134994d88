// One simulated cluster from its first step to its end, by its seed.

import { assertEquals } from "../support/harness.ts";
import { ClusterWorld } from "./cluster_world.ts";
import { Dice } from "./dice.ts";

const STEPS = 400;
const CALM_STEPS_MAX = 6_000;

/** The seed says what may go wrong: every fourth world is a calm one. */
export async function runWorld(seed: number): Promise<void> {
  const faults = {
    isLossy: seed % 3 === 0,
    threadsDie: seed % 4 !== 0,
    driversDie: seed % 4 === 1,
    tasksAreCancelled: seed % 2 === 1,
    objectsAreLost: seed % 5 < 2,
  };
  const world = new ClusterWorld(new Dice(seed), faults);
  for (let step = 0; step < STEPS; step++) await world.step();
  let calmSteps = 0;
  while (
    calmSteps < CALM_STEPS_MAX && !(calmSteps % 50 === 0 && world.isOver)
  ) {
    calmSteps++;
    await world.calmStep();
  }

  const { scheduler } = world.node;
  assertEquals(world.leftovers(), []);
  assertEquals(scheduler.available(), scheduler.totals());
}

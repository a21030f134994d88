// One simulated cluster from its first step to its end, by its seed.

import { assertEquals } from "../support/harness.ts";
import type { Faults } from "./cluster_checks.ts";
import { ClusterWorld, type WorldSize } from "./cluster_world.ts";
import { Dice } from "./dice.ts";

const STEPS = 400;
const CALM_STEPS_MAX = 6_000;

/** How large worlds are. */
export const SIZES = {
  one: { nodes: 1, cpus: 3, drivers: 2, haste: 0.12 },
  few: { nodes: 4, cpus: 2, drivers: 3, haste: 0.2 },
  many: { nodes: 10, cpus: 3, drivers: 6, haste: 1 },
} as const satisfies Record<string, WorldSize>;

/** The seed says what may go wrong: every fourth world is a calm one. */
function faultsOf(seed: number, { nodes }: WorldSize): Faults {
  return {
    isLossy: seed % 3 === 0,
    threadsDie: seed % 4 !== 0,
    driversDie: seed % 4 === 1,
    tasksAreCancelled: seed % 2 === 1,
    objectsAreLost: nodes === 1 && seed % 5 < 2,
    nodesDie: nodes > 1 && seed % 5 < 2,
    nodesAreCutOff: nodes > 1 && seed % 7 < 2,
    headDies: nodes > 1 && seed % 6 > 3,
  };
}

/** Runs a world; what it throws has the story of its last steps. */
export async function runWorld(seed: number, size: WorldSize): Promise<void> {
  const world = new ClusterWorld(new Dice(seed), faultsOf(seed, size), size);
  try {
    await runToEnd(world);
  } catch (error) {
    throw Object.assign(error as Error, { story: world.story });
  }
}

async function runToEnd(world: ClusterWorld): Promise<void> {
  await world.open();
  for (let step = 0; step < STEPS; step++) await world.step();
  let calmSteps = 0;
  while (
    calmSteps < CALM_STEPS_MAX && !(calmSteps % 50 === 0 && world.isOver)
  ) {
    calmSteps++;
    await world.calmStep();
  }

  assertEquals(world.leftovers(), []);
  for (const { node: { scheduler } } of world.nodes) {
    assertEquals(scheduler.available(), scheduler.totals());
  }
}

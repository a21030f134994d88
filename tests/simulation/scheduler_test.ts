// The scheduler in a world of chance, many seeds over. After every event the
// state is validated; at the end nothing is left. A failure names its seed:
// set MANTA_SIMULATION_SEED to run that one alone.

import process from "node:process";
import { assertEquals, describe, it } from "../support/harness.ts";
import { Dice } from "./dice.ts";
import { SchedulerWorld } from "./scheduler_world.ts";

const SEEDS = 40;
const SEEDS_PER_TEST = 5;
const STEPS = 150;
const CALM_STEPS_MAX = 3_000;

describe("Scheduler simulation", () => {
  const only = process.env["MANTA_SIMULATION_SEED"];
  const first = Number(only ?? 1);
  const last = Number(only ?? SEEDS);

  for (let from = first; from <= last; from += SEEDS_PER_TEST) {
    const to = Math.min(last, from + SEEDS_PER_TEST - 1);
    it(`meets every demand, whatever happens, seeds ${from} to ${to}`, () =>
      runWorlds(from, to));
  }
});

function runWorlds(from: number, to: number): void {
  for (let seed = from; seed <= to; seed++) {
    try {
      runWorld(seed);
    } catch (error) {
      throw new Error(`Seed ${seed} failed: ${describeFailure(error)}`);
    }
  }
}

/** Not by `cause`: not every test runner prints it. */
function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const story = "story" in error ? error.story : [];
  return `${error.stack}\nStory: ${JSON.stringify(story, null, 2)}`;
}

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

// Worlds of chance, many seeds over, as tests. A failure names its seed: set
// MANTA_SIMULATION_SEED to run that one alone, or MANTA_SIMULATION_SEEDS to run
// another number of them.

import process from "node:process";
import { it } from "../support/harness.ts";

/** What is run. */
export interface SeededWorlds {
  /** How many seeds are run, from 1 on. */
  readonly seeds: number;
  /** @default {20} */
  readonly seedsPerTest?: number;
  /** Throws when the world of a seed is not as it must be. */
  runWorld(seed: number): void | Promise<void>;
}

/** Defines the tests, a few seeds each. */
export function itForSeeds(name: string, worlds: SeededWorlds): void {
  const { MANTA_SIMULATION_SEED: only, MANTA_SIMULATION_SEEDS: count } =
    process.env;
  const { seeds, seedsPerTest = 20 } = worlds;
  const first = Number(only ?? 1);
  const last = Number(only ?? count ?? seeds);
  for (let from = first; from <= last; from += seedsPerTest) {
    const to = Math.min(last, from + seedsPerTest - 1);
    it(`${name}, seeds ${from} to ${to}`, () => runSeeds(worlds, from, to));
  }
}

async function runSeeds(
  { runWorld }: SeededWorlds,
  from: number,
  to: number,
): Promise<void> {
  for (let seed = from; seed <= to; seed++) {
    try {
      await runWorld(seed);
    } catch (error) {
      throw new Error(`Seed ${seed} failed: ${describeFailure(error)}`);
    }
  }
}

/** Not by `cause`: not every test runner prints it. */
export function describeFailure(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (!("story" in error)) return String(error.stack);
  return `${error.stack}\nStory: ${JSON.stringify(error.story, null, 2)}`;
}

// A whole cluster in a world of chance, many seeds over: every ref settles
// with the right value or a typed error, no task runs too often, and in the
// end nothing is left. A failure names its seed: set MANTA_SIMULATION_SEED to
// run that one alone, MANTA_SIMULATION_SEEDS to run another number of them.

import process from "node:process";
import { describe, it } from "../support/harness.ts";
import { runWorld } from "./cluster_run.ts";
import { withSimWeakRefs } from "./sim_collector.ts";

const SEEDS = 200;
const SEEDS_PER_TEST = 20;

describe("Cluster simulation", () => {
  const { env } = process;
  const first = Number(env["MANTA_SIMULATION_SEED"] ?? 1);
  const last = Number(
    env["MANTA_SIMULATION_SEED"] ?? env["MANTA_SIMULATION_SEEDS"] ?? SEEDS,
  );

  for (let from = first; from <= last; from += SEEDS_PER_TEST) {
    const to = Math.min(last, from + SEEDS_PER_TEST - 1);
    it(`settles every ref and leaves nothing, seeds ${from} to ${to}`, () =>
      withSimWeakRefs(() => runWorlds(from, to)));
  }
});

async function runWorlds(from: number, to: number): Promise<void> {
  for (let seed = from; seed <= to; seed++) {
    try {
      await runWorld(seed);
    } catch (error) {
      const text = error instanceof Error ? error.stack : String(error);
      throw new Error(`Seed ${seed} failed: ${text}`);
    }
  }
}

// A whole cluster in a world of chance, many seeds over: every ref settles
// with the right value or a typed error, no task runs too often, and in the
// end nothing is left. A failure names its seed: set MANTA_SIMULATION_SEED to
// run that one alone, MANTA_SIMULATION_SEEDS to run more.

import process from "node:process";
import { describe, it } from "../support/harness.ts";
import { runWorld } from "./cluster_run.ts";
import { withSimWeakRefs } from "./sim_collector.ts";

const SEEDS = 200;

describe("Cluster simulation", () => {
  it("settles every ref and leaves nothing behind, whatever happens", () =>
    withSimWeakRefs(async () => {
      for (const seed of seedsToRun()) {
        try {
          await runWorld(seed);
        } catch (error) {
          const text = error instanceof Error ? error.stack : String(error);
          throw new Error(`Seed ${seed} failed: ${text}`);
        }
      }
    }));
});

function seedsToRun(): number[] {
  const only = process.env["MANTA_SIMULATION_SEED"];
  if (only) return [Number(only)];
  const length = Number(process.env["MANTA_SIMULATION_SEEDS"] ?? SEEDS);
  return Array.from({ length }, (_, index) => index + 1);
}

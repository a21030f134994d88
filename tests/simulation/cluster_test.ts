// Whole clusters in a world of chance, many seeds over: every ref settles with
// the right value or a typed error, no task runs too often, and in the end
// nothing is left. `by_hand.ts` runs more seeds.

import { describe } from "../support/harness.ts";
import { runWorld, SIZES } from "./cluster_run.ts";
import { itForSeeds } from "./run_seeds.ts";
import { withSimWeakRefs } from "./sim_collector.ts";

const PLANS = [
  { size: "one", nodes: "one node", seeds: 300, seedsPerTest: 50 },
  { size: "few", nodes: "four nodes", seeds: 700, seedsPerTest: 50 },
  { size: "many", nodes: "ten nodes", seeds: 200, seedsPerTest: 10 },
] as const;

describe("Cluster simulation", () => {
  for (const { size, nodes, ...plan } of PLANS) {
    itForSeeds(`settles every ref and leaves nothing on ${nodes}`, {
      ...plan,
      runWorld: (seed) => withSimWeakRefs(() => runWorld(seed, SIZES[size])),
    });
  }
});

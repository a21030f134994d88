// A whole cluster in a world of chance, many seeds over: every ref settles
// with the right value or a typed error, no task runs too often, and in the
// end nothing is left.

import { describe } from "../support/harness.ts";
import { runWorld, SIZES } from "./cluster_run.ts";
import { itForSeeds } from "./run_seeds.ts";
import { withSimWeakRefs } from "./sim_collector.ts";

describe("Cluster simulation", () => {
  itForSeeds("settles every ref and leaves nothing", {
    seeds: 200,
    runWorld: (seed) => withSimWeakRefs(() => runWorld(seed, SIZES.one)),
  });
});

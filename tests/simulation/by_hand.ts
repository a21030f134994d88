// Runs simulated clusters by hand, many seeds after one another:
//   bun tests/simulation/by_hand.ts --size many --from 1 --seeds 1000
// Prints what fails, with its story, and how to run it again.

import process from "node:process";
import { parseArgs } from "node:util";
import { runWorld, SIZES } from "./cluster_run.ts";
import { describeFailure } from "./run_seeds.ts";
import { withSimWeakRefs } from "./sim_collector.ts";

const { values } = parseArgs({
  options: {
    size: { type: "string", default: "few" },
    from: { type: "string", default: "1" },
    seeds: { type: "string", default: "100" },
    lines: { type: "string", default: "60" },
  },
});
const size = SIZES[values.size as keyof typeof SIZES];
if (!size) throw new RangeError(`--size is one of ${Object.keys(SIZES)}`);
const from = Number(values.from);
const to = from + Number(values.seeds) - 1;
let failures = 0;
for (let seed = from; seed <= to; seed++) {
  try {
    await withSimWeakRefs(() => runWorld(seed, size));
  } catch (error) {
    failures++;
    const text = describeFailure(error).split("\n");
    console.log(
      `Seed ${seed}: ${text.slice(0, Number(values.lines)).join("\n")}`,
    );
    console.log(
      `Again: bun tests/simulation/by_hand.ts --size ${values.size} --from ${seed} --seeds 1`,
    );
  }
}
console.log(`Seeds ${from} to ${to}, ${values.size}: ${failures} failures`);
process.exitCode = failures > 0 ? 1 : 0;

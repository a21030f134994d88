// How much regularization is best? Trains 1,000 classifiers on real handwritten
// digits (MNIST), each with another L2 penalty: first some of them one after
// another in plain code, then all of them on every core with `remote()`.
// The idea is Robert Nishihara's demo of Ray.
//
//   manta run examples/regularization_sweep.ts
//   deno run -A examples/regularization_sweep.ts --models 200
//   bun run examples/regularization_sweep.ts --out accuracy.png

import { writeFileSync } from "node:fs";
import { asCompleted, get, init, put, remote } from "manta";
import { type Digits, loadDigits } from "./support/digits.ts";
import { plotPng } from "./support/plot.ts";
import { Progress } from "./support/progress.ts";
import { accuracyOf, fit } from "./support/softmax.ts";
import { readFlags } from "./support/sweep_flags.ts";
import { table } from "./support/table.ts";

/** Trains one model. Wrapped in `remote()`, it can run on any core. */
const trainModel = remote(
  function trainModel(digits: Split<Digits>, l2: number) {
    const model = fit(digits.training, l2);
    const accuracy: Split<number> = {
      training: accuracyOf(model, digits.training),
      heldOut: accuracyOf(model, digits.heldOut),
    };
    return { l2, ...accuracy };
  },
);

/** Of the digits learned from, and of others that the model never saw. */
interface Split<T> {
  readonly training: T;
  readonly heldOut: T;
}

const flags = readFlags();
const count = flags.models;
const digits: Split<Digits> = {
  training: loadDigits("train", 2_000),
  heldOut: loadDigits("test", 10_000),
};
// From almost none to far too much, evenly spaced on a logarithmic scale.
const penalties = Array.from(
  { length: count },
  (_, i) => 10 ** (-6 + 5 * i / Math.max(count - 1, 1)),
);
const models = `${count.toLocaleString("en")} models`;
console.log(
  `${models}, each trained on 2,000 digits of MNIST and judged by ` +
    "10,000 others",
);

// 1. Plain code, one core. A sample is enough, as all models cost the same.
const sampleSize = Math.min(20, count);
const sample = penalties.filter((_, i) =>
  i % Math.ceil(count / sampleSize) === 0
);
// The first few runs are slower, while the engine compiles: they do not count.
for (const l2 of sample.slice(0, 5)) trainModel.local(digits, l2);
const plainStart = performance.now();
const plain = sample.map((l2) => trainModel.local(digits, l2));
const plainSeconds = secondsSince(plainStart) / sample.length * count;
console.log(
  `\nPlain code, one core: ${plainSeconds.toFixed(1)} s for ${models}, ` +
    `extrapolated from ${sample.length}`,
);

// 2. The same function, every core. The digits are put into shared memory
// once, and each task reads them there: no task gets a copy of its own.
const start = performance.now();
const cluster = await init();
const shared = await put(digits);
const refs = penalties.map((l2) => trainModel.remote(shared, l2));
const progress = new Progress(count, "models");
const results: ReturnType<typeof trainModel.local>[] = [];
for await (const ref of asCompleted(refs)) {
  results.push(await get(ref));
  progress.step();
}
const seconds = secondsSince(start);
console.log(
  `Manta, ${cluster.numCpus} CPUs: ${seconds.toFixed(1)} s, ` +
    `${(plainSeconds / seconds).toFixed(2)} times as fast`,
);

// 3. What came out.
results.sort((a, b) => b.heldOut - a.heldOut || a.l2 - b.l2);
const agreeing = plain.filter((model) =>
  results.some((r) => r.l2 === model.l2 && r.heldOut === model.heldOut)
);
console.log(
  `${agreeing.length} of ${plain.length} sampled models came out the same ` +
    "both ways\n",
);
console.log(table(
  ["rank", "L2 penalty", "held-out", "training"],
  results.slice(0, 10).map((result, i) => [
    i + 1,
    result.l2.toExponential(2),
    result.heldOut.toFixed(4),
    result.training.toFixed(4),
  ]),
));

const best = results[0]!;
writeFileSync(
  flags.out,
  plotPng({
    title: `${models}: accuracy against regularization`,
    xLabel: "L2 penalty (log scale)",
    yLabel: "Accuracy",
    series: [
      {
        name: "on the 2,000 digits trained on",
        color: [214, 120, 40],
        points: results.map((result) => [result.l2, result.training]),
      },
      {
        name: "on 10,000 held-out digits",
        color: [38, 98, 196],
        points: results.map((result) => [result.l2, result.heldOut]),
      },
    ],
    mark: {
      point: [best.l2, best.heldOut],
      label: `Best: ${best.heldOut.toFixed(4)} at ${best.l2.toExponential(1)}`,
    },
  }),
);
console.log(`\nAccuracy against penalty: ${flags.out}`);

function secondsSince(startMs: number): number {
  return (performance.now() - startMs) / 1000;
}

// The sweep of examples/regularization_sweep.ts, timed: classifiers of the same
// digits, each with another penalty, and how good the best of them is. Run by
// `manta run`.

import { get, init, put, remote, shutdown } from "manta";
import { type Digits, loadDigits } from "../../../examples/support/digits.ts";
import { accuracyOf, fit } from "../../../examples/support/softmax.ts";
import { PACE, printRow } from "../print_row.ts";

/** Reckoned up to a thousand, since all of them cost the same. */
const MODELS = PACE.isQuick ? 20 : 100;

interface Split {
  readonly training: Digits;
  readonly heldOut: Digits;
}

const train = remote(function train(digits: Split, l2: number): number {
  return accuracyOf(fit(digits.training, l2), digits.heldOut);
});

await init();
const digits = await put<Split>({
  training: loadDigits("train", 2_000),
  heldOut: loadDigits("test", 10_000),
});
// From almost none to far too much, evenly spaced on a logarithmic scale.
const penalties = Array.from(
  { length: MODELS },
  (_, i) => 10 ** (-6 + 5 * i / (MODELS - 1)),
);
const startMs = performance.now();
const scores = await get(penalties.map((l2) => train.remote(digits, l2)));
const seconds = (performance.now() - startMs) / 1_000;
printRow("1,000 models of digits", seconds * 1_000 / MODELS, "seconds");
printRow("best accuracy among them", Math.max(...scores), "of ideal");
await shutdown();

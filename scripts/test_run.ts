// Runs every check and test, one child process after another, and adds them up:
// a check counts as one test. `scripts/test` has set everything up before. Words
// on the command line pick the steps whose names have one of them.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";

import { runStep } from "./test_run/run_step.ts";
import { listSteps } from "./test_run/steps.ts";
import { addTallies, NO_TESTS } from "./test_run/tally.ts";

const folder = mkdtempSync(join(tmpdir(), "manta-test-"));
const words = process.argv.slice(2);
const steps = listSteps(folder)
  .filter(({ name }) =>
    words.length === 0 || words.some((word) => name.includes(word))
  );

let total = NO_TESTS;
const failures: string[] = [];
const startedAtMs = performance.now();
for (const step of steps) {
  console.log(`\n=== ${step.name}`);
  const tally = await runStep(step);
  if (tally.failed > 0) failures.push(`${step.name}: ${tally.failed} failed`);
  total = addTallies(total, tally);
}
rmSync(folder, { recursive: true, force: true });

const minutes = (performance.now() - startedAtMs) / 60_000;
console.log(`\n=== ${steps.length} steps in ${minutes.toFixed(1)} min`);
for (const failure of failures) console.log(`failed: ${failure}`);
const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;

// `deno task bench:guard`: a short run of the microbenchmark, whose ratios to the
// machine's limits are compared with those in recorded.json. A report: it fails
// for nothing that is slow. `--record` records the medians of three runs.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import {
  type GuardedRatio,
  guardLines,
  ratiosOf,
  type Recorded,
} from "./guard_report.ts";
import { MEMCPY_GIGABYTE, POST_MESSAGE_ECHO } from "./limits.ts";
import { describeMachine } from "./report.ts";
import { spreadOf } from "./side_by_side/comparison.ts";
import { parseMicrobenchmark } from "./side_by_side/outcome.ts";

const HERE = dirname(fileURLToPath(import.meta.url));
const RECORDED = join(HERE, "recorded.json");
const BINARY = join(HERE, "../dist/manta");
const RUN_MS = 90_000;
const RECORDED_RUNS = 3;

/**
 * The limit that each row is held against: waking a thread where two take
 * turns, and memory, the steadiest of all, where a core is busy.
 */
const LIMITS: Readonly<Record<string, string>> = {
  "single client tasks sync": POST_MESSAGE_ECHO,
  "1:1 actor calls sync": POST_MESSAGE_ECHO,
  "single client put gigabytes": MEMCPY_GIGABYTE,
  "single client put calls (Plasma Store)": MEMCPY_GIGABYTE,
  "single client tasks async": MEMCPY_GIGABYTE,
  "1:1 actor calls async": MEMCPY_GIGABYTE,
  "n:n actor calls async": MEMCPY_GIGABYTE,
};

const folder = mkdtempSync(join(tmpdir(), "manta-guard-"));
try {
  if (process.argv.includes("--record")) record();
  else report();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function report(): void {
  const text = readFileSync(RECORDED, "utf8");
  const recorded = JSON.parse(text) as Recorded;
  console.log(`Recorded on ${recorded.recordedOn}; here: ${machineName()}`);
  for (const line of guardLines(recorded, measure())) console.log(line);
}

function record(): void {
  const runs = Array.from({ length: RECORDED_RUNS }, measure);
  const ratios = runs[0]!.map(({ row, limit }) => {
    const all = runs.flat().filter((it) => it.row === row);
    const { median } = spreadOf(all.map(({ ratio }) => ratio));
    return { row, limit, ratio: Number(median.toPrecision(3)) };
  });
  const recorded: Recorded = { recordedOn: machineName(), ratios };
  writeFileSync(RECORDED, JSON.stringify(recorded, undefined, 2) + "\n");
}

/** Nothing, with a word why, when the benchmark does not run. */
function measure(): GuardedRatio[] {
  const path = join(folder, "rows.json");
  const names = Object.entries(LIMITS).flat().map(escapePattern);
  const filter = `^(${names.join("|")})$`;
  const args = ["microbenchmark", "--json", path, "--filter", filter];
  const { status, error } = spawnSync(BINARY, args, {
    timeout: RUN_MS,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) {
    console.log(`The benchmark failed: ${error?.message ?? `exit ${status}`}`);
    return [];
  }
  const { figures } = parseMicrobenchmark(readFileSync(path, "utf8"));
  return ratiosOf(figures, LIMITS);
}

function machineName(): string {
  const { cpus, cpuModel } = describeMachine();
  return `${cpus} cores of ${cpuModel}`;
}

function escapePattern(name: string): string {
  return name.replace(/[()]/g, "\\$&");
}

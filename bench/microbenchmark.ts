// `manta microbenchmark`: picks the rows, runs them one after another in one
// session, prints each as Ray does, and compares it with what this machine
// allows. Must run from source and, built into one file, from the binary.

import { writeFileSync } from "node:fs";
import process from "node:process";
import { init, shutdown } from "manta";
import { detectPlatform } from "../runtime/platform/detect.ts";
import { connectedRows } from "./connected_rows.ts";
import { LIMIT_ROWS, RowSkipped, TCP_ROW } from "./limits.ts";
import { GROUP_RESOURCE, RAY_ROWS } from "./ray_rows.ts";
import {
  describeMachine,
  formatResult,
  jsonReport,
  type Result,
  SKIPPED_ROWS,
} from "./report.ts";
import type { Measured, Pace, Row } from "./row.ts";
import { SCALE_ROWS } from "./scale_rows.ts";

export interface MicrobenchmarkOptions {
  /** Where to write the results as JSON, too. */
  readonly json?: string;
  /** Only rows with this in their names, or that match it as a pattern. */
  readonly filter?: string;
  readonly quick: boolean;
  /** The cluster to measure; an embedded one without. */
  readonly address?: string;
}

const USUAL_PACE: Pace = {
  isQuick: false,
  warmUpMs: 1_000,
  runs: 4,
  runMs: 350,
};
const QUICK_PACE: Pace = { isQuick: true, warmUpMs: 60, runs: 2, runMs: 80 };

/** A row that takes longer hangs: it fails, and the next has a new session. */
const ROW_MS_MAX = 60_000;

/** Runs the benchmark; rows that fail make the exit code 1. */
export async function runMicrobenchmark(
  options: MicrobenchmarkOptions,
): Promise<void> {
  const pace = options.quick ? QUICK_PACE : USUAL_PACE;
  const results = new Map<string, Result>();
  const open = sessionOpener(options.address);
  for (const row of selectRows(options)) {
    const result = await runRow(row, pace, results, open);
    results.set(row.name, result);
    console.log(formatResult(result));
  }
  await shutdown();
  if (options.filter === undefined) {
    for (const { name, reason } of SKIPPED_ROWS) {
      console.log(`${name} left out: ${reason}`);
    }
  }
  if (options.json !== undefined) {
    const report = jsonReport(describeMachine(), [...results.values()]);
    writeFileSync(options.json, JSON.stringify(report, undefined, 2) + "\n");
  }
  const isFailed = [...results.values()].some((it) => it.type === "failed");
  if (isFailed) process.exitCode = 1;
}

/** With the rows that the selected ones are compared with. */
function selectRows({ filter, address }: MicrobenchmarkOptions): Row[] {
  const rows = address === undefined
    ? [...LIMIT_ROWS, ...RAY_ROWS, ...SCALE_ROWS]
    : [...LIMIT_ROWS, TCP_ROW, ...connectedRows(address)];
  if (filter === undefined) return rows;
  const pattern = new RegExp(filter, "i");
  const isMatch = ({ name }: Row) =>
    name.includes(filter) || pattern.test(name);
  const selected = rows.filter(isMatch);
  const compared = new Set(
    selected.flatMap((row) => Object.keys(row.target?.ratios ?? {})),
  );
  return rows.filter((row) => isMatch(row) || compared.has(row.name));
}

async function runRow(
  row: Row,
  pace: Pace,
  earlier: ReadonlyMap<string, Result>,
  open: (row: Row) => Promise<void>,
): Promise<Result> {
  const { name } = row;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    const error = new Error(`not done after ${ROW_MS_MAX / 1_000} s`);
    timer = setTimeout(() => reject(error), ROW_MS_MAX);
  });
  try {
    await open(row);
    const measured = await Promise.race([row.measure(pace), limit]);
    return {
      type: "measured",
      name,
      row,
      measured,
      ratios: ratios(row, measured, earlier),
    };
  } catch (error) {
    if (error instanceof RowSkipped) {
      return { type: "skipped", name, reason: error.message };
    }
    await shutdown();
    return { type: "failed", name, reason: String(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** Opens the session of a row, and keeps it for the next ones. */
function sessionOpener(
  address: string | undefined,
): (row: Row) => Promise<void> {
  return async (row) => {
    // The machine's own rows run before there is anything of ours.
    if (LIMIT_ROWS.includes(row) || row === TCP_ROW) return;
    if (row.startsAfresh) {
      await shutdown();
      await detectPlatform().collectGarbage();
    }
    const ignoreReinit = true;
    const resources = { [GROUP_RESOURCE]: 100 };
    if (address === undefined) await init({ ignoreReinit, resources });
    else await joinCluster(address, row);
  };
}

async function joinCluster(address: string, { name }: Row): Promise<void> {
  const { resources } = await init({ ignoreReinit: true, address });
  if (!name.includes("placement group")) return;
  if (resources[GROUP_RESOURCE] !== undefined) return;
  throw new RowSkipped(`the cluster has no resource "${GROUP_RESOURCE}"`);
}

function ratios(
  row: Row,
  { mean }: Measured,
  earlier: ReadonlyMap<string, Result>,
): { name: string; ratio: number; least: number }[] {
  const wanted = Object.entries(row.target?.ratios ?? {});
  return wanted.flatMap(([name, least]) => {
    const limit = earlier.get(name);
    if (limit?.type !== "measured") return [];
    return { name, ratio: mean / limit.measured.mean, least };
  });
}

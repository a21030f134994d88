// What every program of the side-by-side benchmark prints: one line of JSON per
// row, in rows that all peers of a section share. Runs on every runtime that a
// peer needs, so it must import nothing but types and timing.

import process from "node:process";
import type { Pace, Unit } from "../row.ts";

/** How long each row is repeated; `BENCH_QUICK` shortens all of them. */
export const PACE: Pace = process.env["BENCH_QUICK"] === "1"
  ? { isQuick: true, warmUpMs: 100, runs: 2, runMs: 100 }
  : { isQuick: false, warmUpMs: 800, runs: 4, runMs: 350 };

/** Tells the benchmark that started this program what a row gave. */
export function printRow(row: string, value: number, unit: Unit): void {
  console.log(JSON.stringify({ row, value, unit }));
}

/** Tells it why a row is not there. */
export function printSkip(row: string, reason: string): void {
  console.log(JSON.stringify({ row, skipped: reason }));
}

/** Does one after another, and prints the rate, the median and the tail. */
export async function printSequence(
  row: string,
  once: () => Promise<unknown>,
): Promise<void> {
  const warmUpEndMs = performance.now() + PACE.warmUpMs;
  while (performance.now() < warmUpEndMs) await once();
  const latenciesMs: number[] = [];
  const startMs = performance.now();
  const endMs = startMs + PACE.runs * PACE.runMs;
  let nowMs = startMs;
  while (nowMs < endMs) {
    const sentMs = nowMs;
    await once();
    nowMs = performance.now();
    latenciesMs.push(nowMs - sentMs);
  }
  const rate = latenciesMs.length / (nowMs - startMs) * 1_000;
  printRow(row, rate, "per second");
  latenciesMs.sort((a, b) => a - b);
  const at = (share: number) =>
    latenciesMs[Math.floor((latenciesMs.length - 1) * share)]! * 1_000;
  printRow(`${row}, median`, at(0.5), "microseconds");
  printRow(`${row}, 99th percentile`, at(0.99), "microseconds");
}

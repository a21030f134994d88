// The rows of a pool of threads, the same for every library: each brings its
// own pool, this file asks it for the same work. Must not know any library.

import { availableParallelism } from "node:os";
import { rate } from "../row.ts";
import { spin } from "../spin.ts";
import { PACE, printRow, printSequence, printSkip } from "./print_row.ts";

/** What a library does with its pool of `threads` threads. */
export interface Pool {
  echo(value: number): Promise<number>;
  /** Burns a core for so many rounds of `spin`. */
  spin(rounds: number): Promise<unknown>;
  /** Gets the last number of a copy of the array. */
  last(array: Float64Array): Promise<number>;
  /** The same, giving the array away: a copy where a library has only that. */
  lastOfGiven(array: Float64Array): Promise<number>;
  /** Many echoes, where the library has a better way than one by one. */
  echoAll?(values: readonly number[]): Promise<readonly number[]>;
  end(): unknown;
}

const FLOOD = PACE.isQuick ? 2_000 : 10_000;
const ARRAY_LENGTH = 1_000_000;
const BURNS = 64;
const BURN_MS = 20;

/** Opens the pool, prints its rows, and ends it. */
export async function runPoolRows(
  open: (threads: number) => Pool | Promise<Pool>,
): Promise<void> {
  const threads = availableParallelism();
  const startMs = performance.now();
  const pool = await open(threads);
  await pool.echo(1);
  printRow(
    "start to first result",
    performance.now() - startMs,
    "milliseconds",
  );
  await printSequence("task after task", () => pool.echo(1));
  await printRate("10,000 tasks at once", FLOOD, () => flood(pool));
  await printArrays(
    "8 MB Float64Array copied to a task",
    (array) => pool.last(array),
  );
  await printArrays(
    "8 MB Float64Array given to a task",
    (array) => pool.lastOfGiven(array),
  );
  await printBurns(pool, threads);
  await pool.end();
}

/** Prints how often a body runs per second; each time counts `multiplier`. */
export async function printRate(
  row: string,
  multiplier: number,
  once: () => Promise<unknown>,
): Promise<void> {
  const { mean } = await rate(row, multiplier, () => ({ once })).measure(PACE);
  printRow(row, mean, "per second");
}

async function flood(pool: Pool): Promise<void> {
  const values = Array.from({ length: FLOOD }, (_, i) => i);
  const answers = pool.echoAll
    ? await pool.echoAll(values)
    : await Promise.all(values.map((value) => pool.echo(value)));
  if (answers.at(-1) !== FLOOD - 1) throw new Error("An answer is wrong");
}

/** Each array is new, since a given one is gone; making it is not timed. */
async function printArrays(
  row: string,
  lastOf: (array: Float64Array) => Promise<number>,
): Promise<void> {
  const tookMs: number[] = [];
  for (let n = 0; n < (PACE.isQuick ? 10 : 60); n++) {
    const array = new Float64Array(ARRAY_LENGTH).fill(n);
    const startMs = performance.now();
    const last = await lastOf(array);
    tookMs.push(performance.now() - startMs);
    if (last !== n) return printSkip(row, "the array arrived changed");
  }
  // The first ones are for memory and code that were never used.
  const warm = tookMs.slice(5).sort((a, b) => a - b);
  printRow(row, warm[warm.length >> 1]!, "milliseconds");
}

/** Against the same work in this thread, spread over all cores without loss. */
async function printBurns(pool: Pool, threads: number): Promise<void> {
  const rounds = calibrate();
  const burnAll = () =>
    Promise.all(Array.from({ length: BURNS }, () => pool.spin(rounds)));
  await burnAll();
  const startMs = performance.now();
  for (let n = 0; n < BURNS / 4; n++) spin(rounds);
  const alone = (performance.now() - startMs) * 4 / threads;
  const burnMs = performance.now();
  await burnAll();
  const took = performance.now() - burnMs;
  printRow("64 tasks of 20 ms CPU", alone / took, "of ideal");
}

/** How many rounds take `BURN_MS` once the code is hot. */
export function calibrate(): number {
  let rounds = 1_000_000;
  for (let i = 0; i < 20; i++) {
    const startMs = performance.now();
    spin(rounds);
    rounds = Math.round(rounds * BURN_MS / (performance.now() - startMs));
  }
  return rounds;
}

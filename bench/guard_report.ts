// Compares a run of the microbenchmark with the recorded one, by ratios to what
// the machine allowed in the same run: figures themselves change with machines
// and with what else runs there. Pure.

import type { Figure } from "./side_by_side/outcome.ts";

/** A row's figure against a limit of the same run. */
export interface GuardedRatio {
  readonly row: string;
  readonly limit: string;
  readonly ratio: number;
}

/** What was recorded, in `bench/recorded.json`. */
export interface Recorded {
  readonly recordedOn: string;
  readonly ratios: readonly GuardedRatio[];
}

/** Less than this of the recorded ratio is told apart from noise. */
const TOLERANCE = 0.6;

/** The ratios of the rows that a run has, each with its limit. */
export function ratiosOf(
  figures: readonly Figure[],
  limits: Readonly<Record<string, string>>,
): GuardedRatio[] {
  const values = new Map(figures.map(({ row, value }) => [row, value]));
  return Object.entries(limits).flatMap(([row, limit]) => {
    const [value, bound] = [values.get(row), values.get(limit)];
    if (value === undefined || bound === undefined) return [];
    return [{ row, limit, ratio: value / bound }];
  });
}

/** For each row a line; those that are lower or missing are named as such. */
export function guardLines(
  recorded: Recorded,
  found: readonly GuardedRatio[],
): string[] {
  const lines = recorded.ratios.map(({ row, limit, ratio }) => {
    const now = found.find((it) => it.row === row && it.limit === limit);
    if (now === undefined) return `${row}: GONE, recorded ${digits(ratio)}`;
    const share = now.ratio / ratio;
    const verdict = share < TOLERANCE ? "LOWER" : "ok";
    return `${row}: ${digits(now.ratio)} x ${limit}, recorded ` +
      `${digits(ratio)}: ${digits(share)} of it, ${verdict}`;
  });
  const known = new Set(recorded.ratios.map(({ row }) => row));
  const others = found.filter(({ row }) => !known.has(row))
    .map(({ row, ratio }) => `${row}: ${digits(ratio)}, not recorded yet`);
  return [...lines, ...others];
}

function digits(ratio: number): string {
  return String(Number(ratio.toPrecision(3)));
}

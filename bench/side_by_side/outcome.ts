// What one run of one program gave, and how it is read from what the program
// printed. Pure.

import type { Unit } from "../row.ts";

/** A figure of one row. */
export interface Figure {
  readonly row: string;
  readonly value: number;
  readonly unit: Unit;
}

/** A row, peer or program that has no figures, and why. */
export interface Gap {
  readonly what: string;
  readonly reason: string;
}

/** One program in one round. */
export interface Outcome {
  readonly peer: string;
  readonly section: string;
  readonly round: number;
  readonly figures: readonly Figure[];
  readonly gaps: readonly Gap[];
}

/** How a program ended. */
export interface Ending {
  /** Unset when it was ended for taking too long. */
  readonly exitCode?: number | undefined;
  readonly timeoutMs: number;
  readonly printed: string;
  readonly complained: string;
}

const UNITS: ReadonlySet<string> = new Set<Unit>([
  "per second",
  "of ideal",
  "seconds",
  "milliseconds",
  "microseconds",
  "megabytes",
]);
const REASON_LENGTH = 160;

/** The rows among the lines that a program printed; other lines are left. */
export function parseLines(
  printed: string,
): { figures: Figure[]; gaps: Gap[] } {
  const figures: Figure[] = [];
  const gaps: Gap[] = [];
  for (const line of printed.split("\n")) {
    const entry = parseObject(line);
    const { row, value, unit, skipped } = entry;
    if (typeof row !== "string") continue;
    if (typeof value === "number" && value > 0 && isUnit(unit)) {
      figures.push({ row, value, unit });
    } else {
      const reason = typeof skipped === "string" ? skipped : "no figure came";
      gaps.push({ what: row, reason });
    }
  }
  return { figures, gaps };
}

/** The same from the file that `manta microbenchmark --json` writes. */
export function parseMicrobenchmark(
  text: string,
): { figures: Figure[]; gaps: Gap[] } {
  const { rows } = parseObject(text);
  const lines = Array.isArray(rows) ? rows as Record<string, unknown>[] : [];
  return parseLines(
    lines.map(({ name, mean, unit, skipped, failed }) =>
      JSON.stringify({
        row: name,
        value: mean,
        unit,
        skipped: skipped ?? failed,
      })
    ).join("\n"),
  );
}

/** Why a program did not end as it should, if it did not. */
export function whyFailed(ending: Ending): string | undefined {
  const { exitCode, timeoutMs, complained } = ending;
  if (exitCode === 0) return undefined;
  if (exitCode === undefined) return `not done after ${timeoutMs / 1_000} s`;
  const lines = complained.split("\n").map((line) => line.trim());
  // A stack goes on below the error's own line in JavaScript, above in Python.
  const error = lines.find((line) => /^\w*(Error|Exception)\b.*:/.test(line)) ??
    lines.findLast((line) => line.length > 0);
  const why = error === undefined ? "" : `: ${error.slice(0, REASON_LENGTH)}`;
  return `exit code ${exitCode}${why}`;
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null
      ? parsed as Record<string, unknown>
      : {};
  } catch {
    return {};
  }
}

function isUnit(unit: unknown): unit is Unit {
  return typeof unit === "string" && UNITS.has(unit);
}

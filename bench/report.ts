// How results look: a line of text each, as Ray prints them, and all of them as
// JSON. Pure but for asking what machine this is.

import { cpus } from "node:os";
import process from "node:process";
import { cpuCount, memoryBytes } from "../runtime/platform/machine.ts";
import { isMoreBetter, type Measured, type Row } from "./row.ts";

/** What became of a row. */
export type Result =
  | MeasuredResult
  | { readonly type: "skipped"; readonly name: string; readonly reason: string }
  | { readonly type: "failed"; readonly name: string; readonly reason: string };

interface MeasuredResult {
  readonly type: "measured";
  readonly name: string;
  readonly row: Row;
  readonly measured: Measured;
  readonly ratios: readonly Ratio[];
}

/** A row's figure against one that the machine sets. */
export interface Ratio {
  readonly name: string;
  readonly ratio: number;
  readonly least: number;
}

export interface Machine {
  readonly cpuModel: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly runtime: string;
}

const CLIENT = "every row with `--address` is one";
const NO_CALLBACK = "the API has no callbacks for objects that went";

/** Ray's rows that have no counterpart here. */
export const SKIPPED_ROWS: readonly { name: string; reason: string }[] = [
  { name: "client: rows", reason: CLIENT },
  { name: "single client object out-of-scope rows", reason: NO_CALLBACK },
];

/** `name per second X +- Y`, then how that compares. */
export function formatResult(result: Result): string {
  const { name } = result;
  if (result.type !== "measured") {
    return `${name} ${result.type}: ${result.reason}`;
  }
  const { row: { unit, target }, measured: { mean, deviation, note } } = result;
  const notes: string[] = [];
  if (target?.value !== undefined) {
    const sign = isValueMissed(result) ? "MISSED" : "reached";
    const bound = isMoreBetter(result.row.unit) ? "at least" : "at most";
    notes.push(`${sign} ${bound} ${target.value.toLocaleString("en")}`);
  }
  for (const { name, ratio, least } of result.ratios) {
    const sign = ratio < least ? "MISSED" : "reached";
    notes.push(`${ratio.toFixed(2)} x ${name}, ${sign} ${least}`);
  }
  if (note !== undefined) notes.push(note);
  const suffix = notes.length === 0 ? "" : `  (${notes.join("; ")})`;
  return `${name} ${unit} ${decimals(mean)} +- ${decimals(deviation)}${suffix}`;
}

/** Everything, to be compared with other runs. */
export function jsonReport(
  machine: Machine,
  results: readonly Result[],
): object {
  return {
    machine,
    rows: results.map((result) => {
      const base = { name: result.name, metric: metricName(result.name) };
      if (result.type !== "measured") {
        return { ...base, [result.type]: result.reason };
      }
      const { row, measured, ratios } = result;
      return {
        ...base,
        unit: row.unit,
        ...measured,
        ...(row.target?.value !== undefined && { target: row.target.value }),
        ...(ratios.length > 0 && { ratios }),
        ...(row.target && { isReached: !isMissed(result) }),
      };
    }),
  };
}

export function describeMachine(): Machine {
  return {
    cpuModel: cpus()[0]?.model ?? "unknown",
    cpus: cpuCount(),
    memoryBytes: memoryBytes(),
    runtime: runtimeName(),
  };
}

/** Ray's name for the row in its files of results. */
function metricName(name: string): string {
  return name.replace(/[ :-]/g, "_").replace(/[(),]/g, "");
}

function isMissed(result: MeasuredResult): boolean {
  return isValueMissed(result) ||
    result.ratios.some(({ ratio, least }) => ratio < least);
}

function isValueMissed({ row, measured }: MeasuredResult): boolean {
  const value = row.target?.value;
  if (value === undefined) return false;
  return isMoreBetter(row.unit) ? measured.mean < value : measured.mean > value;
}

function decimals(figure: number): string {
  return String(Math.round(figure * 100) / 100);
}

function runtimeName(): string {
  const { bun, deno } = process.versions as Record<string, string | undefined>;
  return bun ? `Bun ${bun}` : `Deno ${deno}`;
}

// The comparison as text: a table per section for a terminal, and the same as
// Markdown. Pure.

import type { Unit } from "../row.ts";
import type {
  ComparedRow,
  ComparedSection,
  PeerFigures,
  Spread,
} from "./comparison.ts";
import type { SideReport } from "./report_file.ts";

/** The cells of one line: what was measured, who, how much, how it compares. */
type Line = readonly [row: string, peer: string, figure: string, ratio: string];

const HEADINGS: Line = ["row", "who", "median (range)", "Manta is"];

/** The whole report as Markdown. */
export function markdownReport(
  report: SideReport,
  sections: readonly ComparedSection[],
): string {
  const parts = [
    ...preamble(report),
    ...sections.flatMap(({ section, rows }) => [
      `### ${section}`,
      markdownTable(rows.flatMap(linesOf)),
    ]),
  ];
  if (report.gaps.length > 0) {
    parts.push("### Skipped and failed", gapsList(report));
  }
  return parts.join("\n\n") + "\n";
}

/** The same for a terminal. */
export function terminalReport(
  report: SideReport,
  sections: readonly ComparedSection[],
): string {
  const parts = [
    ...preamble(report),
    ...sections.flatMap(({ section, rows }) => [
      section,
      alignedTable([HEADINGS, ...rows.flatMap(linesOf)]),
    ]),
  ];
  if (report.gaps.length > 0) {
    parts.push("Skipped and failed", gapsList(report));
  }
  return parts.join("\n\n") + "\n";
}

/** A figure with as many digits as mean something, and its unit. */
export function formatFigure(value: number, unit: Unit): string {
  const digits = value >= 100
    ? Math.round(value).toLocaleString("en")
    : String(Number(value.toPrecision(3)));
  return `${digits}${SUFFIXES[unit]}`;
}

/** `12 x`, or how much it falls short of what is wanted. */
export function formatRatio(ratio: number): string {
  const digits = ratio >= 10 ? Math.round(ratio) : Number(ratio.toPrecision(2));
  return `${digits.toLocaleString("en")} x`;
}

const SUFFIXES: Readonly<Record<Unit, string>> = {
  "per second": "/s",
  "of ideal": " of ideal",
  seconds: " s",
  milliseconds: " ms",
  microseconds: " µs",
  megabytes: " MB",
};

function preamble(report: SideReport): string[] {
  const { machine, startedAt, rounds, quick, versions, busyByOthers } = report;
  const busy = `${percent(busyByOthers.median)} of the machine in the ` +
    `median, ${percent(busyByOthers.least)} to ${percent(busyByOthers.most)}`;
  const pace = quick ? ", each row repeated less (--quick)" : "";
  return [
    `${startedAt}: ${machine.cpus} cores of ${machine.cpuModel}, ` +
    `${machine.memoryGigabytes} GB, ${machine.system}.`,
    `${rounds} rounds, in which all programs take turns${pace}. A cell is the ` +
    "median of the rounds and their range; a ratio is that of figures of the " +
    `same round. What others used before each program began: ${busy}.`,
    `Versions: ${versions.join(", ")}.`,
  ];
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`;
}

function linesOf({ row, unit, manta, peers }: ComparedRow): Line[] {
  const figure = ({ median, least, most }: Spread) =>
    `${formatFigure(median, unit)} (${formatFigure(least, unit)} to ` +
    `${formatFigure(most, unit)})`;
  const lines: Line[] = [];
  if (manta) lines.push([row, "Manta", figure(manta), ""]);
  for (const compared of peers) {
    const first = lines.length === 0 ? row : "";
    const { peer, spread } = compared;
    lines.push([first, peer, figure(spread), ratioCell(compared)]);
  }
  return lines;
}

function ratioCell({ ratio, wanted }: PeerFigures): string {
  if (ratio === undefined) return "";
  const { median, least, most } = ratio;
  const missed = median < wanted ? `, wanted ${formatRatio(wanted)}` : "";
  return `${formatRatio(median)} (${formatRatio(least)} to ` +
    `${formatRatio(most)})${missed}`;
}

function gapsList({ gaps }: SideReport): string {
  const lines = gaps.map(({ what, reason }) => `- ${what}: ${reason}`);
  return [...new Set(lines)].join("\n");
}

function markdownTable(lines: readonly Line[]): string {
  const escaped = lines.map((line) =>
    line.map((cell) => cell.replaceAll("|", "\\|"))
  );
  return alignedRows([[...HEADINGS], ...escaped], (cells, widths) => {
    const padded = cells.map((cell, i) => cell.padEnd(widths[i]!));
    return `| ${padded.join(" | ")} |`;
  }, (widths) => `| ${widths.map((it) => "-".repeat(it)).join(" | ")} |`);
}

function alignedTable(lines: readonly Line[]): string {
  return alignedRows(
    lines,
    (cells, widths) =>
      cells.map((cell, i) => cell.padEnd(widths[i]!)).join("  ").trimEnd(),
    (widths) => widths.map((it) => "-".repeat(it)).join("  "),
  );
}

function alignedRows(
  lines: readonly (readonly string[])[],
  join: (cells: readonly string[], widths: readonly number[]) => string,
  rule: (widths: readonly number[]) => string,
): string {
  const widths = HEADINGS.map((_, column) =>
    Math.max(...lines.map((line) => line[column]!.length), 3)
  );
  const [head, ...rest] = lines.map((line) => join(line, widths));
  return [head, rule(widths), ...rest].join("\n");
}

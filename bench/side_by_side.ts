// `deno task bench:peers`: runs Manta and its peers in turns on this machine,
// and writes what came out as a table, as Markdown, as JSON and as a picture.
// `--quick` repeats less, `--only ray,dask` takes some peers or sections,
// `--rounds 5 --out DIR` more rounds into another folder, `--runtimes node,bun`
// has JavaScript peers on both, `--from DIR` writes an earlier run again.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { drawChart } from "./side_by_side/chart.ts";
import {
  compare,
  MANTA,
  shortfalls,
  spreadOf,
} from "./side_by_side/comparison.ts";
import { Head } from "./side_by_side/head.ts";
import { installedSizes } from "./side_by_side/installed_size.ts";
import {
  limitsAsPeers,
  withoutLimits,
} from "./side_by_side/limits_as_peers.ts";
import { parseOptions, type SideOptions } from "./side_by_side/options.ts";
import type { Gap, Outcome } from "./side_by_side/outcome.ts";
import { type Cast, gatherCast, type Places } from "./side_by_side/peers.ts";
import {
  machineFacts,
  sampleBusyness,
  type SideReport,
  versionsOf,
} from "./side_by_side/report_file.ts";
import { type Program, runProgram } from "./side_by_side/run_program.ts";
import { SECTIONS } from "./side_by_side/sections.ts";
import {
  formatRatio,
  markdownReport,
  terminalReport,
} from "./side_by_side/tables.ts";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const places: Places = {
  root,
  peers: join(root, ".bench"),
  binary: join(root, "dist/manta"),
};

const options = parseOptions(process.argv.slice(2));
const report = options.from === undefined
  ? await measure(options)
  : readReport(options.from);
writeReport(report, options.out);

async function measure(options: SideOptions): Promise<SideReport> {
  if (!existsSync(places.binary)) buildBinary();
  const cast = gatherCast(options, places);
  const startedAt = new Date().toISOString().slice(0, 16) + "Z";
  const versions = versionsOf(places.binary, options.runtimes);
  const outcomes = installedSizes(places).filter((it) => isSeen(it, cast));
  const samples: number[] = [];
  let report: SideReport | undefined;
  for (let round = 0; round < options.rounds; round++) {
    for (const program of orderOf(cast, round)) {
      samples.push(await sampleBusyness());
      const isLimits = program.section === SECTIONS.limits;
      const all = await runOne(program, round, options);
      const outcome = isLimits ? all : withoutLimits(all);
      const bounds = isLimits ? limitsAsPeers(all) : [];
      outcomes.push(outcome, ...bounds.filter((it) => isSeen(it, cast)));
      tell(program, outcome, options);
    }
    report = {
      startedAt,
      rounds: round + 1,
      quick: options.quick,
      machine: machineFacts(),
      versions,
      busyByOthers: spreadOf(samples),
      outcomes: inTableOrder(outcomes),
      gaps: [...cast.gaps, ...gapsOf(outcomes)],
    };
    // A run that is stopped keeps the rounds that it has done.
    writeJson(report, options.out);
  }
  return report!;
}

function gapsOf(outcomes: readonly Outcome[]): Gap[] {
  return outcomes.flatMap(({ peer, gaps }) =>
    gaps.map(({ what, reason }) => ({ what: `${peer}, ${what}`, reason }))
  );
}

/** What the machine alone has says nothing. */
function isSeen({ peer, section }: Outcome, { programs }: Cast): boolean {
  return programs.some((it) =>
    it.section === section ||
    it.peer === peer
  );
}

function buildBinary(): void {
  const built = spawnSync(join(root, "scripts/build"), {
    stdio: "inherit",
    cwd: root,
  });
  if (built.status !== 0) throw new Error("./scripts/build has failed");
}

/**
 * Section by section, so that what is compared runs soon after one another;
 * every other round backwards in each, so that nobody is always the first.
 */
function orderOf({ programs }: Cast, round: number): Program[] {
  return Object.values(SECTIONS).flatMap((section) => {
    const members = programs.filter((it) => it.section === section);
    return round % 2 === 0 ? members : members.toReversed();
  });
}

async function runOne(
  program: Program,
  round: number,
  { quick }: SideOptions,
): Promise<Outcome> {
  const environment: Record<string, string> = quick ? { BENCH_QUICK: "1" } : {};
  const { headCpus } = program;
  if (headCpus === undefined) {
    return await runProgram(program, round, environment);
  }
  const home = join(places.peers, "home");
  mkdirSync(home, { recursive: true });
  await using head = await Head.start(places.binary, home, headCpus);
  return await runProgram(program, round, {
    ...environment,
    ...head.environment,
  });
}

function tell(
  { peer, name }: Program,
  outcome: Outcome,
  options: SideOptions,
): void {
  const count = `${outcome.figures.length} rows`;
  const gaps = outcome.gaps.map(({ what, reason }) => `; ${what}: ${reason}`);
  const round = `round ${outcome.round + 1} of ${options.rounds}`;
  console.log(`${round}: ${peer}, ${name}: ${count}${gaps.join("")}`);
}

/** As the sections are listed, and in each of them Manta first. */
function inTableOrder(outcomes: readonly Outcome[]): Outcome[] {
  const sections: readonly string[] = Object.values(SECTIONS);
  return outcomes.toSorted((a, b) =>
    sections.indexOf(a.section) - sections.indexOf(b.section) ||
    Number(b.peer === MANTA) - Number(a.peer === MANTA) ||
    a.round - b.round
  );
}

function readReport(folder: string): SideReport {
  const text = readFileSync(join(folder, "side_by_side.json"), "utf8");
  return JSON.parse(text) as SideReport;
}

function writeJson(report: SideReport, out: string): void {
  mkdirSync(out, { recursive: true });
  const text = JSON.stringify(report, undefined, 2) + "\n";
  writeFileSync(join(out, "side_by_side.json"), text);
}

function writeReport(report: SideReport, out: string): void {
  const sections = compare(report.outcomes);
  mkdirSync(out, { recursive: true });
  const write = (name: string, text: string) =>
    writeFileSync(join(out, name), text);
  writeJson(report, out);
  write("side_by_side.md", markdownReport(report, sections));
  const { machine: { cpus, cpuModel }, startedAt, rounds } = report;
  const caption = `${startedAt}, ${cpus} cores of ${cpuModel}; medians and ` +
    `ranges of ${rounds} rounds; right of 1 Manta is ahead`;
  write("side_by_side.svg", drawChart(sections, caption));
  console.log(`\n${terminalReport(report, sections)}`);
  for (const { section, row, peer, ratio, wanted } of shortfalls(sections)) {
    console.log(
      `${section}: ${row}: ${formatRatio(ratio)} of ${peer}, ` +
        `wanted ${formatRatio(wanted)}`,
    );
  }
  console.log(`\nWritten into ${out}: side_by_side.md, .json and .svg`);
}

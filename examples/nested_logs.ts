// Summarizes server logs by nested tasks: a task for each file, which splits
// its lines in halves and starts tasks for them, and so on down to small
// pieces. A task that waits for others gives its CPU to them, so any depth runs
// on any number of cores. Without arguments it reads a real log: some hours of
// July 2012 of the CouchDB that the npm registry ran on.
//
//   manta run examples/nested_logs.ts [FILE...]

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";
import { get, remote } from "manta";
import { table } from "./support/table.ts";

const LINES_PER_TASK = 40;

/** What is counted, such as "status 404" or "level error", and how often. */
type Counts = Map<string, number>;

const summarizeFile = remote(async function summarizeFile(path: string) {
  const lines = readFileSync(path, "utf8").split("\n");
  return { path, ...await get(summarize.remote(lines)) };
});

const summarize = remote(summarizeLines);

async function summarizeLines(lines: string[]): Promise<Summary> {
  if (lines.length <= LINES_PER_TASK) return { counts: count(lines), tasks: 1 };
  const middle = Math.ceil(lines.length / 2);
  const halves = await get([
    summarize.remote(lines.slice(0, middle)),
    summarize.remote(lines.slice(middle)),
  ]);
  const counts: Counts = new Map();
  for (const half of halves) {
    for (const [key, n] of half.counts) add(counts, key, n);
  }
  return { counts, tasks: 1 + halves[0].tasks + halves[1].tasks };
}

interface Summary {
  readonly counts: Counts;
  /** How many tasks it took, nested ones included. */
  readonly tasks: number;
}

/** An entry: `[date] [level] [pid] address - - METHOD /path STATUS`. */
function count(lines: string[]): Counts {
  const counts: Counts = new Map();
  for (const line of lines) {
    const entry = /^\[(.+?)\] \[(\w+)\] \[.+?\] (.*)$/.exec(line);
    if (entry === null) continue; // The rest of an error's report.
    const [, date, level, message] = entry;
    add(counts, `hour ${/ (\d\d):/.exec(date!)?.[1]}`);
    add(counts, `level ${level}`);
    const request = /- - ([A-Z]+) \S+ (\d{3})$/.exec(message!);
    if (request !== null) add(counts, `${request[1]} ${request[2]}`);
  }
  return counts;
}

function add(counts: Counts, key: string, n = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + n);
}

const paths = process.argv.slice(2);
if (paths.length === 0) {
  paths.push(
    createRequire(import.meta.url)
      .resolve("couchdb-log-parse/test/fixtures/log"),
  );
}
for (
  const { path, counts, tasks } of await get(
    paths.map((path) => summarizeFile.remote(path)),
  )
) {
  console.log(`${path}: ${tasks} nested tasks\n`);
  console.log(table(["what", "times"], [...counts].sort()));
}

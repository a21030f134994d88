// A soak by hand: a cluster works for as long as it is told while a worker of
// it dies each minute, and the processes that live on must not grow:
//   bun tests/system/soak.ts --minutes 60
// Prints what each has by the minute: memory, open files, threads. Fails if a
// result was wrong, or if the last quarter has more than the second.

import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { init, shutdown } from "../../mod.ts";
import { allFree, workUntil } from "../support/chaos_work.ts";
import { CLUSTER_TOKEN, ProcessCluster } from "../support/node_processes.ts";

const MINUTE_MS = 60_000;
/** Beyond the last minute. */
const REST_MS = 5 * MINUTE_MS;
/** What may come and go with the moment. */
const SLACK = { memoryMib: 64, files: 8, threads: 4 };

type Reading = Record<keyof typeof SLACK, number>;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "60" },
    pause: { type: "string", default: "0" },
  },
});
const minutes = Number(values.minutes);
const pauseMs = Number(values.pause);
if (!(minutes >= 4) || !(pauseMs >= 0)) {
  throw new RangeError("--minutes is from 4 on, --pause in ms from 0 on");
}

function readingOf(pid: number): Reading {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const field = (name: string) =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)![1]);
  return {
    memoryMib: Math.round(field("VmRSS") / 1024),
    files: readdirSync(`/proc/${pid}/fd`).length,
    threads: field("Threads"),
  };
}

function medianOf(readings: readonly Reading[], key: keyof Reading): number {
  const sorted = readings.map((reading) => reading[key])
    .sort((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}

/** What has grown, by name; empty if nothing has. */
function growths(name: string, readings: readonly Reading[]): string[] {
  const quarter = Math.floor(readings.length / 4);
  const early = readings.slice(quarter, 2 * quarter);
  const late = readings.slice(-quarter);
  return (Object.keys(SLACK) as (keyof Reading)[]).flatMap((key) => {
    const [before, after] = [medianOf(early, key), medianOf(late, key)];
    const line = `${name}: ${key} ${before} -> ${after}`;
    console.log(line);
    return after > before + SLACK[key] ? [line] : [];
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const lifeMs = minutes * MINUTE_MS + REST_MS;
await using cluster = new ProcessCluster("manta", undefined, lifeMs);
// A store keeps memory that it had for the next objects, up to its capacity,
// which a small one reaches soon.
const one = ["--num-cpus", "1", "--object-store-memory", "128M"];
await cluster.startHead({ words: one });
const [first, second] = [
  await cluster.addWorker({ words: one }),
  await cluster.addWorker({ words: one }),
];
let mortal = await cluster.addWorker({ words: one });
await init({ address: cluster.address, token: CLUSTER_TOKEN });

const watched = {
  head: cluster.head.pid,
  "worker 1": first.pid,
  "worker 2": second.pid,
  driver: process.pid,
};
const readings = Object.fromEntries(
  Object.keys(watched).map((name) => [name, [] as Reading[]]),
);
let isOver = false;
const work = (async () => {
  let rounds = 0;
  while (!isOver) {
    rounds += await workUntil(() => true);
    await sleep(pauseMs);
  }
  return rounds;
})();
// A wrong result ends it at once.
work.catch(() => isOver = true);
for (let minute = 1; minute <= minutes && !isOver; minute++) {
  await sleep(MINUTE_MS / 2);
  await mortal.kill();
  mortal = await cluster.addWorker({ words: one });
  await sleep(MINUTE_MS / 2);
  const line = Object.entries(watched).map(([name, pid]) => {
    const reading = readingOf(pid);
    readings[name]!.push(reading);
    const { memoryMib, files, threads } = reading;
    return `${name} ${memoryMib} MiB ${files} files ${threads} threads`;
  });
  console.log(`${minute} min: ${line.join(", ")}`);
}
isOver = true;
console.log(`Rounds without a wrong result: ${await work}`);
await allFree();
await shutdown();
const grown = Object.entries(readings)
  .flatMap(([name, all]) => growths(name, all));
if (grown.length > 0) {
  console.log(`Grown:\n${grown.join("\n")}`);
  process.exitCode = 1;
}

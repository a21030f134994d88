// Rows beyond Ray's microbenchmark: its limits of one node ("10,000 arguments,
// 3,000 returns, a million queued tasks"), ten thousand actors, and what a
// shared memory and a busy machine should show.

import process from "node:process";
import {
  availableResources,
  cancel,
  get,
  kill,
  type ObjectRef,
  put,
} from "manta";
import { detectPlatform } from "../runtime/platform/detect.ts";
import { cpuCount } from "../runtime/platform/machine.ts";
import { startBareSpinners } from "./limits.ts";
import { manyToManyRow } from "./ray_rows.ts";
import {
  burn,
  holdCpu,
  Light,
  makeLists,
  Reader,
  smallValue,
  sumLists,
} from "./remotes.ts";
import { spin } from "./spin.ts";
import {
  type Measured,
  type Pace,
  rate,
  repeat,
  type Row,
  summarize,
  summarizeByMedian,
} from "./row.ts";

const LIST_LENGTH = 10_000;
const LIST = Array.from({ length: LIST_LENGTH }, (_, i) => i);
const BURNS = 64;
const BURN_MS = 20;

/** All of them; those that leave much garbage come last. */
export const SCALE_ROWS: readonly Row[] = [
  rate("put and get small", 1, () => ({
    once: async () => await get(await put(0)),
  }), { value: 100_000 }),
  ...[1, 2, 4, 8, 16].map(manyToManyRow),
  {
    name: `${BURNS} tasks of ${BURN_MS} ms CPU`,
    unit: "of ideal",
    target: { value: 0.97 },
    measure: burnEverywhere,
  },
  rate("10,000 actors with shared isolation", 10_000, () => ({
    once: startLightActors,
  }), { value: 1_000 }),
  {
    name: "10,000 object arguments to one task",
    unit: "seconds",
    target: { value: 1.72 },
    startsAfresh: true,
    measure: (pace) => repeatClean(pace.isQuick ? 1 : 2, passManyArguments),
  },
  {
    name: "3,000 returns from one task",
    unit: "seconds",
    target: { value: 0.57 },
    startsAfresh: true,
    measure: (pace) => repeatClean(pace.isQuick ? 1 : 3, takeManyReturns),
  },
  {
    name: "get of 10,000 lists, then of 10,000 arrays",
    unit: "seconds",
    target: { value: 2.35 },
    startsAfresh: true,
    measure: (pace) =>
      repeatClean(
        pace.isQuick ? 1 : 3,
        async () => await getMany(makeList) + await getMany(makeArray),
      ),
  },
  {
    name: "1,000,000 queued tasks",
    unit: "seconds",
    target: { value: 18.4 },
    measure: queueTasks,
  },
  {
    name: "get of 800 MiB in another thread",
    unit: "microseconds",
    target: { value: 100 },
    measure: readElsewhere,
  },
];

/**
 * Each sample reads an object that its thread has not read. What was written
 * just before has emptied all caches: small objects are read in between.
 */
async function readElsewhere(pace: Pace): Promise<Measured> {
  const array = new BigInt64Array(100 * 1024 * 1024).fill(7n);
  const reader = Reader.remote();
  const read = (ref: ObjectRef<BigInt64Array>) =>
    get(reader.read.remote({ ref }));
  const figures: number[] = [];
  for (let round = 0; round < (pace.isQuick ? 1 : 5); round++) {
    const refs = [];
    for (let i = 0; i < 3; i++) refs.push(await put(array));
    for (let i = 0; i < 200; i++) {
      using small = await put(array.slice(0, 100_000));
      await read(small);
    }
    for (const ref of refs) figures.push(await read(ref));
    release(refs);
  }
  kill(reader);
  return summarizeByMedian(figures);
}

/** Against as many bare threads that share the same work. */
async function burnEverywhere(pace: Pace): Promise<Measured> {
  const rounds = calibrate();
  const cpus = cpuCount();
  const bare = await startBareSpinners(cpus);
  const spinBare = () => bare.spin({ rounds, times: BURNS / cpus });
  const spinTasks = () =>
    get(Array.from({ length: BURNS }, () => burn.remote(rounds)));
  // Each thread compiles the loop by itself.
  await spinBare();
  await spinTasks();
  const measured = await repeat(pace.isQuick ? 1 : 4, async () => {
    const bareMs = await elapsed(spinBare);
    return bareMs / await elapsed(spinTasks);
  });
  bare.end();
  return measured;
}

/** How many rounds take `BURN_MS` once the code is hot. */
function calibrate(): number {
  let rounds = 1_000_000;
  for (let i = 0; i < 20; i++) {
    const startMs = performance.now();
    spin(rounds);
    const tookMs = performance.now() - startMs;
    rounds = Math.round(rounds * BURN_MS / tookMs);
  }
  return rounds;
}

/** Creates them all and has each answer a call. */
async function startLightActors(): Promise<void> {
  const actors = Array.from({ length: 10_000 }, () => Light.remote());
  await get(actors.map((actor) => actor.ping.remote()));
  for (const actor of actors) kill(actor);
}

async function passManyArguments(): Promise<number> {
  return await elapsed(async () => {
    const lists: ObjectRef<number[]>[] = [];
    for (let i = 0; i < 10_000; i++) lists.push(await put(makeList()));
    const sum = await get(sumLists.remote(...lists));
    const expected = 10_000 * LIST_LENGTH * (LIST_LENGTH - 1) / 2;
    if (sum !== expected) throw new Error(`The sum is ${sum}`);
    release(lists);
  }) / 1_000;
}

async function takeManyReturns(): Promise<number> {
  return await elapsed(async () => {
    const refs = makeLists.options({ numReturns: 3_000 }).remote(
      3_000,
    ) as unknown as ObjectRef<number[]>[];
    for (const ref of refs) {
      requireList(await get(ref));
    }
    release(refs);
  }) / 1_000;
}

async function getMany(make: () => ArrayLike<number>): Promise<number> {
  return await elapsed(async () => {
    const refs: ObjectRef<ArrayLike<number>>[] = [];
    for (let i = 0; i < 10_000; i++) refs.push(await put(make()));
    const values = await get(refs);
    requireList(values.at(-1)!);
    release(refs);
  }) / 1_000;
}

/** Repeats what leaves much garbage, without that of the last time. */
function repeatClean(
  times: number,
  measureOnce: () => Promise<number>,
): Promise<Measured> {
  return repeat(times, async () => {
    await detectPlatform().collectGarbage();
    return await measureOnce();
  });
}

/** Queues them all while every CPU is taken, then lets them run. */
async function queueTasks(pace: Pace): Promise<Measured> {
  const total = pace.isQuick ? 100_000 : 1_000_000;
  await get(smallValue.remote());
  const holders = await holdAllCpus();
  const refs: ObjectRef<string>[] = [];
  const heapBytes = [await heapInUse()];
  let elapsedMs = 0;
  for (const count of [total / 2, total]) {
    elapsedMs += await elapsed(() => {
      while (refs.length < count) refs.push(smallValue.remote());
    });
    heapBytes.push(await heapInUse());
  }
  const submitMs = elapsedMs;
  elapsedMs += await elapsed(async () => {
    for (const holder of holders) cancel(holder);
    await get(refs);
  });
  release(refs);
  const [before, half, all] = heapBytes as [number, number, number];
  const perTask = (bytes: number) => Math.round(bytes / (total / 2));
  const note = `submitted in ${(submitMs / 1_000).toFixed(2)} s; ` +
    `${perTask(half - before)} bytes a task in the first half, ` +
    `${perTask(all - half)} in the second` +
    (total < 1_000_000 ? `; reckoned from ${total} tasks` : "");
  return summarize([elapsedMs / 1_000 * (1_000_000 / total)], note);
}

/** Tasks that hold one CPU each until they are cancelled. */
async function holdAllCpus(): Promise<ObjectRef<void>[]> {
  const holders = Array.from({ length: cpuCount() }, () => holdCpu.remote());
  holders.forEach((holder) => get(holder).catch(() => {}));
  while (((await availableResources())["CPU"] ?? 0) > 0) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return holders;
}

/** Of this thread, with nothing in it that is garbage. */
async function heapInUse(): Promise<number> {
  await detectPlatform().collectGarbage();
  return process.memoryUsage().heapUsed;
}

/** A copy each time, since making the numbers anew would cost the most. */
function makeList(): number[] {
  return LIST.slice();
}

function makeArray(): Float64Array {
  return new Float64Array(LIST);
}

function requireList(list: ArrayLike<number>): void {
  const isWhole = list.length === LIST_LENGTH &&
    list[LIST_LENGTH - 1] === LIST_LENGTH - 1;
  if (!isWhole) throw new Error("A list arrived changed");
}

function release(refs: readonly Disposable[]): void {
  for (const ref of refs) ref[Symbol.dispose]();
}

async function elapsed(work: () => unknown): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

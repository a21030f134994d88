// Estimates π by throwing darts: tasks throw them on every core, and an actor
// keeps the score so that the driver can watch. `docs/walkthrough.md` goes
// through this file line by line.
//
//   manta run examples/monte_carlo.ts

import { type ActorHandle, get, init, remote, wait } from "manta";

const TASKS = 8;
const DARTS_PER_TASK = 4_000_000;
const DARTS_PER_REPORT = 500_000;

/** Keeps the score: how many darts each task has thrown so far. */
class Score {
  readonly #thrown = new Map<number, number>();

  report(task: number, thrown: number): void {
    this.#thrown.set(task, thrown);
  }

  total(): number {
    return this.#thrown.values().reduce((sum, thrown) => sum + thrown, 0);
  }
}

const ScoreActor = remote(Score);

const throwDarts = remote(
  async function throwDarts(task: number, score: ActorHandle<Score>) {
    const random = randomNumbers(task);
    let hits = 0;
    for (let thrown = 1; thrown <= DARTS_PER_TASK; thrown++) {
      const x = random();
      const y = random();
      if (x * x + y * y < 1) hits++;
      if (thrown % DARTS_PER_REPORT === 0) {
        await get(score.report.remote(task, thrown));
      }
    }
    return hits;
  },
);

/** Numbers from 0 to 1 that look random, the same ones for the same seed. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const cluster = await init();
console.log(`${TASKS} tasks on ${cluster.numCpus} CPUs`);

const score = ScoreActor.remote();
const refs = Array.from(
  { length: TASKS },
  (_, task) => throwDarts.remote(task, score),
);

let pending: unknown[] = refs;
while (pending.length > 0) {
  [, pending] = await wait(refs, { numReturns: TASKS, timeout: 100 });
  const thrown = await get(score.total.remote());
  console.log(`${thrown.toLocaleString("en")} darts`);
}

const hits = (await get(refs)).reduce((sum, count) => sum + count, 0);
console.log(`π is about ${4 * hits / (TASKS * DARTS_PER_TASK)}`);

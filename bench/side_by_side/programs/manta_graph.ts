// Manta under the rows of dask_rows.py: tasks, those that depend on others, and
// an array to a task and back. Run by `manta run`.

import { get, init, type ObjectRef, put, remote, shutdown } from "manta";
import { printRate } from "../pool_rows.ts";
import { PACE } from "../print_row.ts";

const TASKS = PACE.isQuick ? 200 : 1_000;
const CHAIN = PACE.isQuick ? 50 : 200;
const LEAVES = PACE.isQuick ? 64 : 256;
const ARRAY_LENGTH = 12_500_000;

const echo = remote(function echo(value: number): number {
  return value;
});
const add = remote(function add(a: number, b: number): number {
  return a + b;
});
const last = remote(function last(array: Float64Array): number {
  return array[array.length - 1]!;
});
const makeArray = remote(function makeArray(length: number): Float64Array {
  return new Float64Array(length).fill(1);
});

await init();
await printRate("task after task", 1, () => get(echo.remote(1)));
await printRate("1,000 tasks, gathered", TASKS, () => get(echoes(TASKS)));
await printRate("tasks in a chain", CHAIN + 1, chain);
await printRate("tasks in a tree", 2 * LEAVES - 1, tree);
const array = new Float64Array(ARRAY_LENGTH).fill(1);
await printRate("100 MB scattered to a task, gigabytes", 0.1, async () => {
  using ref = await put(array);
  using found = last.remote(ref);
  expect(await get(found), 1);
});
await printRate("100 MB made by a task, gigabytes", 0.1, async () => {
  using made = makeArray.remote(ARRAY_LENGTH);
  expect((await get(made)).at(-1)!, 1);
});
await shutdown();

function echoes(count: number): ObjectRef<number>[] {
  return Array.from({ length: count }, (_, i) => echo.remote(i));
}

async function chain(): Promise<void> {
  let ref = echo.remote(0);
  for (let i = 0; i < CHAIN; i++) ref = add.remote(ref, 1);
  expect(await get(ref), CHAIN);
}

async function tree(): Promise<void> {
  let level = echoes(LEAVES);
  while (level.length > 1) {
    level = Array.from(
      { length: level.length / 2 },
      (_, i) => add.remote(level[2 * i]!, level[2 * i + 1]!),
    );
  }
  expect(await get(level[0]!), LEAVES * (LEAVES - 1) / 2);
}

function expect(found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`${found} came instead of ${wanted}`);
}

// Tasks by the number of nodes, and a large value that all of them read. The
// benchmark has started the head, which has no CPUs: `MANTA_ADDRESS` names it.
// Run by `manta run`, whose program is the nodes' as well.

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import { get, init, nodes, put, remote, shutdown } from "manta";
import { printRate } from "../pool_rows.ts";
import { PACE, printRow } from "../print_row.ts";

const NODE_COUNTS = [1, 2, 4];
const TASKS = 1_000;
const VALUE_BYTES = PACE.isQuick ? 64e6 : 256e6;
const BROADCASTS = 3;
const START_MS = 15_000;

const smallValue = remote(function smallValue(): string {
  return "ok";
});
const Reader = remote(
  { numCpus: 1 },
  class Reader {
    lengthOf(bytes: Uint8Array): number {
      return bytes.length;
    }
  },
);

const children: ChildProcess[] = [];
await init();
try {
  for (const count of NODE_COUNTS) {
    await grow(count);
    await printRate(
      `tasks, ${count} nodes`,
      TASKS,
      () => get(Array.from({ length: TASKS }, () => smallValue.remote())),
    );
  }
  await broadcast();
} finally {
  await shutdown();
  for (const child of children) child.kill("SIGKILL");
}

/** Starts nodes of one CPU until there are so many beside the head. */
async function grow(count: number): Promise<void> {
  while (children.length < count) {
    const words = ["start", "--block", "--num-cpus", "1"];
    const sizes = ["--object-store-memory", "1G"];
    const { MANTA_ADDRESS: address = "" } = process.env;
    const args = [...words, ...sizes, "--address", address];
    children.push(spawn(process.execPath, args, { stdio: "ignore" }));
  }
  const untilMs = performance.now() + START_MS;
  while ((await nodes()).length <= count) {
    if (performance.now() > untilMs) throw new Error("Nodes do not start");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** One reader on each node; from `put` until all have it. */
async function broadcast(): Promise<void> {
  const count = NODE_COUNTS.at(-1)!;
  const readers = Array.from(
    { length: count },
    () => Reader.options({ schedulingStrategy: "spread" }).remote(),
  );
  await get(readers.map((it) => it.lengthOf.remote(new Uint8Array(1))));
  let tookMs = 0;
  for (let n = 0; n < BROADCASTS; n++) {
    const bytes = new Uint8Array(VALUE_BYTES).fill(n);
    const fromMs = performance.now();
    using value = await put(bytes);
    const lengths = await get(readers.map((it) => it.lengthOf.remote(value)));
    tookMs += performance.now() - fromMs;
    if (lengths.some((it) => it !== VALUE_BYTES)) throw new Error("Wrong");
  }
  printRow(
    `${VALUE_BYTES / 1e6} MB to each of ${count} nodes`,
    tookMs / BROADCASTS,
    "milliseconds",
  );
}

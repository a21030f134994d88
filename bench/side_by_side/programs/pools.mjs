// The pools of JavaScript libraries: `pools.mjs NAME` prints the rows of one.
// Bundled into the folder of the peers, where the libraries are found; so it
// must load them by names that no bundler sees.

import process from "node:process";
import { runPoolRows } from "../pool_rows.ts";

const library = process.argv[2];
const thread = new URL("./pool_thread.mjs", import.meta.url);
process.env.BENCH_LIBRARY = library;

const load = (name) => import(name);

const POOLS = {
  piscina: (threads) => openPiscina(threads, {}),
  "piscina_16": (threads) =>
    openPiscina(threads, { concurrentTasksPerWorker: 16 }),
  async tinypool(threads) {
    const { Tinypool } = await load("tinypool");
    return overRun(
      new Tinypool({
        filename: thread.href,
        minThreads: threads,
        maxThreads: threads,
      }),
    );
  },
  async workerpool(threads) {
    const { default: workerpool } = await load("workerpool");
    const pool = workerpool.pool(thread.pathname, {
      minWorkers: threads,
      maxWorkers: threads,
      workerType: "thread",
    });
    return {
      echo: (value) => pool.exec("echo", [value]),
      spin: (rounds) => pool.exec("spin", [rounds]),
      last: (array) => pool.exec("last", [array]),
      lastOfGiven: (array) =>
        pool.exec("last", [array], { transfer: [array.buffer] }),
      end: () => pool.terminate(true),
    };
  },
  async poolifier(threads) {
    const { FixedThreadPool } = await load("poolifier");
    const pool = new FixedThreadPool(threads, thread.pathname);
    return {
      echo: (value) => pool.execute(value, "echo"),
      spin: (rounds) => pool.execute(rounds, "spin"),
      last: (array) => pool.execute(array, "last"),
      lastOfGiven: (array) =>
        pool.execute(array, "last", undefined, [array.buffer]),
      end: () => pool.destroy(),
    };
  },
  /** comlink has no pool: its users take threads in turn. */
  async comlink(threads) {
    const { Worker } = await load("node:worker_threads");
    const comlink = await load("comlink");
    const { default: endpointOf } = await load(
      "comlink/dist/esm/node-adapter.mjs",
    );
    const workers = Array.from({ length: threads }, () => new Worker(thread));
    const apis = workers.map((it) => comlink.wrap(endpointOf(it)));
    let turn = 0;
    const next = () => apis[turn++ % apis.length];
    return {
      echo: (value) => next().echo(value),
      spin: (rounds) => next().spin(rounds),
      last: (array) => next().last(array),
      lastOfGiven: (array) =>
        next().last(comlink.transfer(array, [array.buffer])),
      end: () => workers.forEach((it) => it.terminate()),
    };
  },
};

await runPoolRows(POOLS[library]);
process.exit(0);

async function openPiscina(threads, options) {
  const { Piscina } = await load("piscina");
  return overRun(
    new Piscina({
      filename: thread.href,
      minThreads: threads,
      maxThreads: threads,
      ...options,
    }),
  );
}

/** piscina, and tinypool, which began as a copy of it. */
function overRun(pool) {
  return {
    echo: (value) => pool.run(value, { name: "echo" }),
    spin: (rounds) => pool.run(rounds, { name: "spin" }),
    last: (array) => pool.run(array, { name: "last" }),
    lastOfGiven: (array) =>
      pool.run(array, { name: "last", transferList: [array.buffer] }),
    end: () => pool.destroy(),
  };
}

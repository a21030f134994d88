// What runs in the threads of pools.mjs, offered in the way of the library that
// `BENCH_LIBRARY` names. The functions are the same for all.

import process from "node:process";
import { spin } from "../../spin.ts";

export { spin };

/** Gives back what it gets. */
export function echo(value) {
  return value;
}

/** The last number of an array. */
export function last(array) {
  return array[array.length - 1];
}

export default await offer();

async function offer() {
  const load = (name) => import(name);
  const functions = { echo, spin, last };
  switch (process.env.BENCH_LIBRARY) {
    case "workerpool": {
      const { default: workerpool } = await load("workerpool");
      workerpool.worker(functions);
      return functions;
    }
    case "poolifier": {
      const { ThreadWorker } = await load("poolifier");
      return new ThreadWorker(functions);
    }
    case "comlink": {
      const { parentPort } = await load("node:worker_threads");
      const { expose } = await load("comlink");
      const { default: endpointOf } = await load(
        "comlink/dist/esm/node-adapter.mjs",
      );
      expose(functions, endpointOf(parentPort));
      return functions;
    }
    default:
      return functions;
  }
}

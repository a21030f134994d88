// BullMQ's jobs as calls: one queue in Redis, and an event when a job is done.
// A job's payload is JSON, so that bytes travel as base64.

import { Buffer } from "node:buffer";
import process from "node:process";

const load = (name) => import(name);
const CONCURRENCY = 100;
/** By default the stream forgets events which are still waited for. */
const EVENTS = 1_000_000;

export const bullmq = {
  broker: (port) => ({
    command: [
      process.env.BENCH_REDIS_SERVER,
      "--bind",
      "127.0.0.1",
      "--port",
      String(port),
      "--save",
      "",
      "--appendonly",
      "no",
    ],
    ready: "eady to accept connections",
  }),
  async serve(port) {
    const { Worker } = await load("bullmq");
    const worker = new Worker(
      "bench",
      // deno-lint-ignore require-await -- the library wants a promise
      async ({ data: { value, payload } }) =>
        payload === undefined ? value : Buffer.from(payload, "base64").length,
      { connection: connectionTo(port), concurrency: CONCURRENCY },
    );
    await worker.waitUntilReady();
  },
  async connect(port) {
    const { Queue, QueueEvents } = await load("bullmq");
    const connection = connectionTo(port);
    const streams = { events: { maxLen: EVENTS } };
    const queue = new Queue("bench", { connection, streams });
    const events = new QueueEvents("bench", { connection });
    await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);
    const waiting = new Map();
    events.on("completed", ({ jobId, returnvalue }) => {
      const resolve = waiting.get(jobId);
      waiting.delete(jobId);
      resolve?.(Number(returnvalue));
    });
    let last = 0;
    const call = (job) => {
      const jobId = `job${++last}`;
      const done = new Promise((resolve) => waiting.set(jobId, resolve));
      const added = queue.add("call", job, { jobId, removeOnComplete: true });
      return added.then(() => done);
    };
    return {
      call: (value) => call({ value }),
      send: (bytes) => call({ payload: Buffer.from(bytes).toString("base64") }),
    };
  },
};

function connectionTo(port) {
  return { host: "127.0.0.1", port };
}

// The remote functions and classes of the benchmark, with Ray's meaning: each
// does as little as it can, so that the runtime's own work is what is timed.

import {
  type ActorHandle,
  context,
  get,
  type ObjectRef,
  put,
  remote,
} from "manta";
import { spin } from "./spin.ts";

export const smallValue = remote(function smallValue(): string {
  return "ok";
});

/** Puts one small value a hundred times. */
export const putSmall = remote(async function putSmall(): Promise<void> {
  for (let i = 0; i < 100; i++) await put(0);
});

/** Puts 80 MiB ten times, each dropped before the next. */
export const putLarge = remote(async function putLarge(): Promise<void> {
  const array = new BigInt64Array(10 * 1024 * 1024).fill(1n);
  for (let i = 0; i < 10; i++) {
    using _ref = await put(array);
  }
});

/** Makes a value of so many bytes. */
export const makeBytes = remote(function makeBytes(length: number): Uint8Array {
  return new Uint8Array(length).fill(1);
});

/** How many bytes have come. */
export const lengthOf = remote(function lengthOf(bytes: Uint8Array): number {
  return bytes.length;
});

/** Gives an object that holds 10,000 refs. */
export const makeManyRefs = remote(
  async function makeManyRefs(): Promise<ObjectRef<number>[]> {
    const refs: ObjectRef<number>[] = [];
    for (let i = 0; i < 10_000; i++) refs.push(await put(1));
    return refs;
  },
);

/** Ray's `Actor`: what others call. */
export const Server = remote(
  { numCpus: 0 },
  class Server {
    smallValue(): string {
      return "ok";
    }
    smallValueArg(_value: unknown): string {
      return "ok";
    }
    /** Submits tasks itself. */
    async smallTasks(count: number): Promise<void> {
      const refs = [];
      for (let i = 0; i < count; i++) refs.push(smallValue.remote());
      await get(refs);
    }
  },
);

/** Ray's `AsyncActor`: the same with methods that may interleave. */
export const AsyncServer = remote(
  { numCpus: 0, maxConcurrency: 1_000 },
  class AsyncServer {
    async smallValue(): Promise<string> {
      return await "ok";
    }
    async smallValueArg(_value: unknown): Promise<string> {
      return await "ok";
    }
  },
);

/** What the many-to-many rows need of a server. */
export interface SmallServer {
  smallValue(): string | Promise<string>;
  smallValueArg(value: unknown): string | Promise<string>;
}

/** Ray's `Client`: an actor that calls others. */
export const Client = remote(
  { numCpus: 0 },
  class Client {
    readonly #servers: readonly ActorHandle<SmallServer>[];

    constructor(servers: readonly ActorHandle<SmallServer>[]) {
      this.#servers = servers;
    }
    async callAll(count: number): Promise<void> {
      const refs = [];
      for (const server of this.#servers) {
        for (let i = 0; i < count; i++) refs.push(server.smallValue.remote());
      }
      await get(refs);
    }
    async callAllWithArg(count: number): Promise<void> {
      const arg = await put(0);
      const refs = [];
      for (const server of this.#servers) {
        for (let i = 0; i < count; i++) {
          refs.push(
            server.smallValueArg.remote(arg),
          );
        }
      }
      await get(refs);
    }
  },
);

/** Calls the actors in turn, `count` times in all. */
export const callInTurn = remote(
  async function callInTurn(
    servers: readonly ActorHandle<SmallServer>[],
    count: number,
  ): Promise<void> {
    const refs = [];
    for (let i = 0; i < count; i++) {
      refs.push(servers[i % servers.length]!.smallValue.remote());
    }
    await get(refs);
  },
);

/** Adds up lists, each of which is an object of its own. */
export const sumLists = remote(function sumLists(...lists: number[][]): number {
  let sum = 0;
  for (const list of lists) for (const item of list) sum += item;
  return sum;
});

/** Gives `count` lists of 10,000 whole numbers. */
export const makeLists = remote(function makeLists(count: number): number[][] {
  const list = Array.from({ length: 10_000 }, (_, i) => i);
  return Array.from({ length: count }, () => list.slice());
});

/** A light actor. */
export const Light = remote(
  { isolation: "shared" },
  class Light {
    ping(): string {
      return "ok";
    }
  },
);

/** Times its own read of an object, which this thread did not write. */
export const Reader = remote(
  { numCpus: 0 },
  class Reader {
    /** In microseconds; the holder keeps the ref from being resolved. */
    async read(holder: { ref: ObjectRef<BigInt64Array> }): Promise<number> {
      const startMs = performance.now();
      const value = await get(holder.ref);
      const first = value[0];
      const elapsedMs = performance.now() - startMs;
      if (first !== 7n) throw new Error("The object arrived changed");
      return elapsedMs * 1_000;
    }
  },
);

/** Takes a CPU, and does nothing with it until it is cancelled. */
export const holdCpu = remote(async function holdCpu(): Promise<void> {
  const { signal } = context();
  await new Promise((resolve) => signal.addEventListener("abort", resolve));
});

/** Keeps a core busy; the result makes sure that nothing is left out. */
export const burn = remote(spin);

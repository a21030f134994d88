// An embedded cluster for a test, and the means to order what happens in it:
// gates that tasks wait at, and flags in shared memory that block a thread.
// At its end it checks that the session holds nothing any more.

import process from "node:process";
import {
  availableResources,
  clusterResources,
  get,
  init,
  type InitOptions,
  isInitialized,
  type ObjectRef,
  put,
  remote,
  shutdown,
} from "../../mod.ts";
import {
  activeSession,
  type Leftovers,
  type Session,
} from "../../runtime/api/session_port.ts";
import { type Head, startHead } from "../../runtime/head.ts";
import { startWorker } from "../../runtime/worker.ts";
import { resolveInitOptions } from "../../runtime/api/init_options.ts";
import { afterAll, afterEach, beforeAll } from "./harness.ts";

/** How long a state may take to come about; generous, for slow machines. */
export const PATIENCE_MS = 30_000;

const NOTHING: Leftovers = {
  leases: 0,
  actors: 0,
  objects: 0,
  tasks: 0,
  lent: 0,
};

/** A cluster that lives as long as its scope. */
export interface TestCluster extends AsyncDisposable {
  /** What the session holds now. */
  leftovers(): Promise<Leftovers>;
  /** Resolves once the session holds just this. */
  settled(wanted?: Partial<Leftovers>): Promise<void>;
}

/**
 * Starts a cluster of two CPUs, unless `options` say otherwise. Refs and
 * handles of the same scope are still held when it checks: dispose of them.
 */
export async function testCluster(
  options: InitOptions = {},
): Promise<TestCluster> {
  const head = await startTestCluster(options);
  return {
    leftovers,
    settled,
    async [Symbol.asyncDispose]() {
      try {
        await settled(NOTHING);
        await resourcesReturned();
      } finally {
        await shutdown();
        await head?.end();
      }
    },
  };
}

const CONNECTION = process.env["MANTA_TEST_CONNECTION"];

/** Set: all clusters of tests are reached by a connection. */
export const OVER_CONNECTION = CONNECTION === "1" || CONNECTION === "worker";

/** Set: what tests start runs at another node than their driver's. */
const AT_WORKER = CONNECTION === "worker";

/**
 * Starts the session; with a head of its own in this process, if tests are to
 * run over a connection.
 */
async function startTestCluster(
  options: InitOptions,
): Promise<Pick<Head, "end"> | undefined> {
  if (!OVER_CONNECTION) {
    await init({ numCpus: 2, ...options });
    return undefined;
  }
  const { head, address, token } = await startTestHead(options);
  const { namespace, logToDriver, runtimeEnv } = options;
  await init({
    address,
    token,
    ...(namespace === undefined ? {} : { namespace }),
    ...(logToDriver === undefined ? {} : { logToDriver }),
    ...(runtimeEnv === undefined ? {} : { runtimeEnv }),
  });
  return head;
}

/** A head in this process, of two CPUs unless `options` say otherwise. */
export async function startTestHead(options: InitOptions = {}): Promise<
  {
    readonly head: Pick<Head, "end">;
    readonly address: string;
    readonly token: string;
  }
> {
  const token = "a-token-of-tests";
  const listen = { hostname: "127.0.0.1", port: 0, token };
  const node = resolveInitOptions({ numCpus: 2, ...options });
  if (!AT_WORKER) {
    const head = await startHead({ ...listen, node });
    return { head, address: head.address, token };
  }
  const empty = { numCpus: 0, resources: {}, labels: {}, numGpus: 0 };
  const head = await startHead({ ...listen, node: { ...node, ...empty } });
  const { address } = head;
  const worker = await startWorker({ ...listen, head: { address }, node });
  const end = async () => {
    await worker.end();
    await head.end();
  };
  return { head: { end }, address, token };
}

/**
 * Gives the tests of a `describe` one cluster of two CPUs, and checks after
 * each test that it has left nothing behind.
 */
export function useCluster(options: InitOptions = {}): void {
  let head: Pick<Head, "end"> | undefined;
  beforeAll(async () => {
    head = await startTestCluster(options);
  });
  afterEach(async () => {
    await settled(NOTHING);
    await resourcesReturned();
  });
  afterAll(async () => {
    await shutdown();
    await head?.end();
  });
}

/** What the running session holds. */
export function leftovers(): Promise<Leftovers> {
  return session().leftovers();
}

/** Resolves once the running session holds just this. */
export async function settled(wanted: Partial<Leftovers> = {}): Promise<void> {
  const keys = Object.keys(wanted) as (keyof Leftovers)[];
  let held = await leftovers();
  await eventually(
    async () => {
      held = await leftovers();
      if (keys.every((key) => held[key] === wanted[key])) return true;
      await session().collectGarbage();
      return false;
    },
    () => `${JSON.stringify(held)} to become ${JSON.stringify(wanted)}`,
  );
}

async function resourcesReturned(): Promise<void> {
  const total = JSON.stringify(await clusterResources());
  let available = "";
  await eventually(
    async () => {
      available = JSON.stringify(await availableResources());
      return available === total;
    },
    () => `available resources ${available} to become ${total}`,
  );
}

/** Resolves once the condition holds; asks again and again. */
export async function eventually(
  isSo: () => boolean | Promise<boolean>,
  what: () => string,
): Promise<void> {
  const untilMs = performance.now() + PATIENCE_MS;
  for (let delayMs = 1; !await isSo(); delayMs = Math.min(50, delayMs * 2)) {
    if (performance.now() > untilMs) throw new Error(`Waited for ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
}

function session(): Session {
  const active = activeSession();
  if (!active) throw new Error("The test needs a session: there is none");
  return active;
}

/**
 * A gate that tasks pass when the test opens it; counts who has come. A task
 * that waits for `pass` in `get` gives its CPU back meanwhile.
 */
export const Gate = remote(
  { numCpus: 0, maxConcurrency: 10_000, isolation: "shared" },
  class Gate {
    #arrived = 0;
    #open = false;
    #waiting: (() => void)[] = [];
    #watching: { count: number; resolve: () => void }[] = [];

    async pass(): Promise<number> {
      const turn = ++this.#arrived;
      this.#watching = this.#watching.filter(({ count, resolve }) => {
        if (count > this.#arrived) return true;
        resolve();
        return false;
      });
      if (!this.#open) {
        await new Promise<void>((resolve) => this.#waiting.push(resolve));
      }
      return turn;
    }

    /** Resolves once so many have come. */
    arrivals(count: number): Promise<void> | void {
      if (this.#arrived >= count) return;
      return new Promise((resolve) => this.#watching.push({ count, resolve }));
    }

    count(): number {
      return this.#arrived;
    }

    open(): void {
      this.#open = true;
      for (const resolve of this.#waiting.splice(0)) resolve();
    }
  },
);

/** A flag in shared memory: what waits for it keeps its CPU. */
export interface Flag extends Disposable {
  /** Resolves to the flag's words when passed to a task. */
  readonly ref: ObjectRef<Int32Array>;
  /** A word as tasks see it; the second counts those that block. */
  word(index: number): Promise<number>;
  setWord(index: number, value: number): Promise<void>;
  /** Lets everybody go on who waits, now or later. */
  raise(): void;
}

/** Words of a flag: enough to be stored, and so to be shared. */
const FLAG_WORDS = 64 * 1024;

/** A new flag that is not raised. */
export async function newFlag(): Promise<Flag> {
  if (session().address !== "local") return await newDistantFlag();
  const ref = await put(new Int32Array(FLAG_WORDS));
  const words = await get(ref);
  const raise = () => {
    Atomics.store(words, 0, 1);
    Atomics.notify(words, 0);
  };
  return {
    ref,
    word: (index) => Promise.resolve(Atomics.load(words, index)),
    setWord: (index, value) => {
      Atomics.store(words, index, value);
      return Promise.resolve();
    },
    raise,
    [Symbol.dispose]() {
      raise();
      ref[Symbol.dispose]();
    },
  };
}

const readWord = remote(
  { numCpus: 0 },
  function readWord(words: Int32Array, index: number): number {
    return Atomics.load(words, index);
  },
);

const writeWord = remote(
  { numCpus: 0 },
  function writeWord(words: Int32Array, index: number, value: number): void {
    Atomics.store(words, index, value);
    Atomics.notify(words, index);
  },
);

/** For a driver that does not see the memory that tasks see. */
async function newDistantFlag(): Promise<Flag> {
  const ref = await put(new Int32Array(FLAG_WORDS));
  const raise = () => {
    if (isInitialized()) writeWord.remote(ref, 0, 1);
  };
  return {
    ref,
    word: (index) => get(readWord.remote(ref, index)),
    setWord: (index, value) => get(writeWord.remote(ref, index, value)),
    raise,
    [Symbol.dispose]() {
      raise();
      ref[Symbol.dispose]();
    },
  };
}

/** In a task: blocks the whole thread until the flag is raised. */
export function blockUntil(flag: Int32Array): void {
  Atomics.add(flag, 1, 1);
  Atomics.notify(flag, 1);
  Atomics.wait(flag, 0, 0);
}

/** In a test: resolves once so many tasks block at the flag. */
export async function blocked(flag: Flag, count: number): Promise<void> {
  let seen = 0;
  await eventually(
    async () => (seen = await flag.word(1)) >= count,
    () => `${count} tasks to block, ${seen} do`,
  );
}

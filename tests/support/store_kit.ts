// A node's store and the clients of a few pretended threads, in one thread:
// what crosses a thread boundary is cloned as `postMessage` would.

import type { NodeId, WorkerId } from "../../runtime/base/ids.ts";
import type {
  FromStore,
  ToStore,
} from "../../runtime/object_store/messages.ts";
import { NodeStore } from "../../runtime/object_store/node_store.ts";
import { StoreClient } from "../../runtime/object_store/store_client.ts";
import { detectPlatform } from "../../runtime/platform/detect.ts";

export const MIB = 1024 * 1024;

const platform = detectPlatform();

/** Threads of tests have readable ids. */
export function testWorkerId(name: string): WorkerId {
  return `w-${name}` as WorkerId;
}

/** Of all of them, where nothing comes of it. */
export const TEST_NODE = "n-test" as NodeId;

/** A store with clients; see the head of the file. */
export class StoreKit {
  readonly store: NodeStore;
  readonly clients = new Map<WorkerId, StoreClient>();
  /** How often the store asked the node's thread to collect garbage. */
  collections = 0;
  /** Messages with shared memory in them, and all others, to threads. */
  readonly sent = { shared: 0, plain: 0 };
  nowMs = 0;

  constructor(capacityBytes: number) {
    this.store = new NodeStore({
      capacityBytes,
      send: (workerId, message) => {
        this.sent.plain++;
        this.#deliver(workerId, message);
      },
      sendShared: (workerId, message) => {
        this.sent.shared++;
        this.#deliver(workerId, message);
      },
      collectGarbage: () => {
        this.collections++;
      },
      after: () => {},
      sentByItself: () => {},
      clock: { nowMs: () => this.nowMs },
    });
  }

  /** Starts a pretended thread. */
  client(name: string): StoreClient {
    const workerId = testWorkerId(name);
    this.store.workerStarted(workerId);
    const client = new StoreClient({
      identity: { workerId, nodeId: TEST_NODE },
      send: (message: ToStore) =>
        queueMicrotask(() => {
          if (!this.clients.has(workerId)) return;
          this.store.receive(workerId, structuredClone(message));
          this.store.validate();
        }),
      collectGarbage: () => {},
    });
    this.clients.set(workerId, client);
    return client;
  }

  /** Ends a pretended thread. */
  end(name: string): void {
    this.clients.delete(testWorkerId(name));
    this.store.workerEnded(testWorkerId(name));
    this.store.validate();
  }

  /** Resolves when all messages under way have arrived. */
  async settled(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  }

  /** Collects garbage until `isDone` says so; fails after many rounds. */
  async collectUntil(isDone: () => boolean): Promise<void> {
    // Deno ends a test whose only hope is the answer to a collection.
    const keepAlive = setInterval(() => {}, 1_000);
    try {
      for (let round = 0; round < 50; round++) {
        if (isDone()) return;
        await platform.collectGarbage();
        this.store.tick();
        this.store.validate();
      }
    } finally {
      clearInterval(keepAlive);
    }
    throw new Error(`Not done: ${JSON.stringify(this.store.stats())}`);
  }

  #deliver(workerId: WorkerId, message: FromStore): void {
    const copy = structuredClone(message);
    queueMicrotask(() => this.clients.get(workerId)?.receive(copy));
  }
}

/** Writes an object whose bytes are all `fill`. */
export async function putFilled(
  client: StoreClient,
  object: {
    readonly owner: string;
    readonly number: number;
    readonly sizeBytes: number;
    readonly fill: number;
  },
): Promise<void> {
  const { owner, number, sizeBytes, fill } = object;
  const target = await client.create(testWorkerId(owner), number, sizeBytes);
  target.bytes.fill(fill);
  target.seal();
}

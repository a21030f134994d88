// Objects of remote drivers in a world of chance, many seeds over: drivers come
// and go, links are slow, memory is used again as early as it may be. No view
// ever shows another object's bytes, and at the end nothing is left.

import type { WorkerId } from "../../runtime/base/ids.ts";
import { OBJECT_CHUNKS_MAX } from "../../runtime/base/limits.ts";
import type {
  FromRemoteStore,
  ToRemoteStore,
} from "../../runtime/object_store/chunk_messages.ts";
import type { FromStore } from "../../runtime/object_store/messages.ts";
import { NodeStore } from "../../runtime/object_store/node_store.ts";
import { RemoteObjects } from "../../runtime/object_store/remote_objects.ts";
import { RemoteStoreClient } from "../../runtime/object_store/remote_store_client.ts";
import { detectPlatform } from "../../runtime/platform/detect.ts";
import { thisProcess } from "../../runtime/platform/process_life.ts";
import { AttachedBytes } from "../../runtime/protocol/attached_bytes.ts";
import { chunkFileName, countOpen } from "../support/chunk_file_kit.ts";
import { assert, assertEquals, describe } from "../support/harness.ts";
import { MIB, TEST_NODE, testWorkerId } from "../support/store_kit.ts";
import { Dice } from "./dice.ts";
import { FakeCollector } from "./fake_collector.ts";
import { itForSeeds } from "./run_seeds.ts";

const STEPS = 150;
const DRIVERS_MAX = 3;
const CAPACITY_BYTES = 10 * MIB;
/** Few, so that memory finds an object of its size. */
const SIZES = [0, 1, 300_000, 300_001, MIB, 1_500_000, 2_700_000, 4_500_000];

const THIS = thisProcess();
const platform = detectPlatform();

type Message = ToRemoteStore | FromRemoteStore;

interface SimObject {
  readonly owner: WorkerId;
  readonly number: number;
  readonly sizeBytes: number;
  readonly mark: number;
  isFreed: boolean;
}

interface SimView {
  readonly object: SimObject;
  readonly bytes: Uint8Array;
}

/** A driver, its link, and who stands in for it. */
class SimDriver {
  readonly workerId: WorkerId;
  readonly collector = new FakeCollector();
  readonly client: RemoteStoreClient;
  readonly objects: RemoteObjects;
  readonly toNode: ToRemoteStore[] = [];
  readonly fromNode: FromRemoteStore[] = [];
  readonly views: SimView[] = [];
  readonly #files: string[];
  isAlive = true;

  constructor(
    workerId: WorkerId,
    { store, files }: Pick<RemoteWorld, "store" | "files">,
    isNear: boolean,
  ) {
    this.workerId = workerId;
    this.#files = files;
    const near = { platform, process: () => isNear ? THIS : undefined };
    const timers = { after: () => () => {} };
    this.client = new RemoteStoreClient({
      identity: { workerId, nodeId: TEST_NODE },
      near,
      send: (message) => this.toNode.push(message),
      flush: () => {},
      collectGarbage: () => {},
      collector: this.collector,
      timers,
    });
    this.objects = new RemoteObjects({
      workerId,
      near,
      timers,
      toStore: (message) => {
        if (this.isAlive) store.receive(workerId, message);
        store.validate();
      },
      toldStore: () => {},
      send: (message) => this.fromNode.push(message),
      flush: () => {},
    });
  }

  /** Whether a message has arrived. What is sent is read only then. */
  deliver(isToNode: boolean): boolean {
    const message = isToNode ? this.toNode.shift() : this.fromNode.shift();
    if (!message || !this.isAlive) return false;
    if (message.type === "chunk_file_offered") {
      this.#files.push(chunkFileName(message.fd));
    }
    const arrived = copyOf(message);
    if (isToNode) this.objects.receive(arrived);
    else this.client.receive(arrived as FromRemoteStore);
    return true;
  }

  collect(): void {
    const held = new Set<object>(this.views.map(({ bytes }) => bytes.buffer));
    this.collector.collect((target) => held.has(target));
    this.collector.finalize();
  }

  get chunksUnderWay(): number {
    return this.fromNode.filter(({ type }) =>
      type === "object_chunk" || type === "chunk_placed"
    ).length;
  }
}

function copyOf(message: Message): Message {
  if (message.type !== "object_chunk") return message;
  return { ...message, bytes: new AttachedBytes(message.bytes) };
}

class RemoteWorld {
  readonly store: NodeStore;
  readonly drivers = new Map<WorkerId, SimDriver>();
  readonly objects: SimObject[] = [];
  /** The names of all files for chunks that there were. */
  readonly files: string[] = [];
  readonly #dice: Dice;
  readonly #nodeCollector = new FakeCollector();
  #nextName = 0;
  #nowMs = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
    const send = (to: WorkerId, message: FromStore) =>
      this.drivers.get(to)?.objects.fromStore(message);
    this.store = new NodeStore({
      capacityBytes: CAPACITY_BYTES,
      ...{ send, sendShared: send, collectGarbage: () => {} },
      ...{ after: () => {}, sentByItself: () => {} },
      collector: this.#nodeCollector,
      clock: { nowMs: () => this.#nowMs },
    });
  }

  async step(): Promise<void> {
    const dice = this.#dice;
    if (this.drivers.size === 0 || dice.chance(0.02)) this.#start();
    const driver = dice.pick([...this.drivers.values()]);
    const roll = dice.below(100);
    if (roll < 15) this.#put(driver);
    else if (roll < 35) this.#open(driver);
    else if (roll < 45) this.#free(driver);
    else if (roll < 55) driver.views.splice(0, dice.below(3));
    else if (roll < 60) driver.collect();
    else if (roll < 61) this.#end(driver);
    else this.#deliver(driver, dice.below(12));
    await this.#settle();
  }

  /** Everything arrives, everything is freed, all views are dropped. */
  async calm(): Promise<void> {
    for (const driver of this.drivers.values()) driver.views.length = 0;
    for (const object of this.objects) this.#freeObject(object);
    for (let round = 0; round < 400; round++) {
      for (const driver of this.drivers.values()) {
        this.#deliver(driver, 50);
        driver.views.length = 0;
        driver.collect();
      }
      this.#nodeCollector.collect(() => false);
      this.#nodeCollector.finalize();
      this.#nowMs += 10;
      this.store.tick();
      await this.#settle();
    }
  }

  #start(): void {
    if (this.drivers.size >= DRIVERS_MAX) return;
    const workerId = testWorkerId(`d${this.#nextName++}`);
    this.store.workerStarted(workerId);
    this.drivers.set(
      workerId,
      new SimDriver(workerId, this, this.#dice.chance(0.5)),
    );
  }

  #end(driver: SimDriver): void {
    driver.isAlive = false;
    this.drivers.delete(driver.workerId);
    driver.objects.end();
    this.store.workerEnded(driver.workerId);
    driver.client.failAll(new Error("The driver has ended"));
    for (const object of this.objects) {
      if (object.owner === driver.workerId) object.isFreed = true;
    }
    this.#check(driver);
  }

  #put({ client, workerId }: SimDriver): void {
    const number = this.objects.length;
    const sizeBytes = this.#dice.pick(SIZES);
    const mark = 1 + (number % 255);
    const object = { owner: workerId, number, sizeBytes, mark, isFreed: false };
    this.objects.push(object);
    const isAborted = this.#dice.chance(0.1);
    object.isFreed = isAborted;
    client.create(workerId, number, sizeBytes, (writable) => {
      writable.bytes.fill(mark);
      if (isAborted) writable.abort();
      else writable.seal();
    }).catch(() => object.isFreed = true);
  }

  #open(driver: SimDriver): void {
    const object = this.objects.length > 0 && this.#dice.pick(this.objects);
    if (!object) return;
    driver.client.open(object.owner, object.number).then((bytes) => {
      assertEquals(bytes.length, object.sizeBytes);
      driver.views.push({ object, bytes });
      this.#check(driver);
    }, () => {});
  }

  #free(driver: SimDriver): void {
    const own = this.objects.filter(({ owner, isFreed }) =>
      owner === driver.workerId && !isFreed
    );
    if (own.length > 0) this.#freeObject(this.#dice.pick(own));
  }

  #freeObject(object: SimObject): void {
    if (object.isFreed) return;
    object.isFreed = true;
    this.drivers.get(object.owner)?.client.free(object.owner, object.number);
  }

  #deliver(driver: SimDriver, count: number): void {
    for (let n = 0; n < count; n++) driver.deliver(this.#dice.chance(0.5));
  }

  async #settle(): Promise<void> {
    for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    this.store.validate();
    for (const driver of this.drivers.values()) {
      assert(driver.chunksUnderWay <= OBJECT_CHUNKS_MAX, "too many chunks");
      this.#check(driver);
    }
  }

  /** Looks at a few places of each view: a wrong object is wrong in all. */
  #check({ views }: SimDriver): void {
    for (const { object, bytes } of views) {
      const { length } = bytes;
      for (const at of [0, length >> 2, length >> 1, length - 1]) {
        if (length > 0) assertEquals(bytes[at], object.mark);
      }
    }
  }
}

describe("Simulation of remote drivers' objects", () => {
  itForSeeds("shows each object intact and leaves nothing behind", {
    seeds: 50,
    runWorld,
  });
});

async function runWorld(seed: number): Promise<void> {
  const world = new RemoteWorld(new Dice(seed));
  for (let step = 0; step < STEPS; step++) await world.step();
  await world.calm();
  const { usedBytes, objects, waiting } = world.store.stats();
  assertEquals({ usedBytes, objects, waiting }, {
    usedBytes: 0,
    objects: 0,
    waiting: 0,
  });
  for (const { client, objects } of world.drivers.values()) {
    assertEquals(client.counts(), { pending: 0, mappings: 0 });
    assertEquals(objects.counts(), { reads: 0, writes: 0 });
    client.failAll(new Error("The world has ended"));
    objects.end();
  }
  assertEquals(countOpen(...world.files), 0);
}

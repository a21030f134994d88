// A world of chance around the real store and real clients: threads that
// start and end, links that delay, lose and double messages, collections that
// come late, a disk that is slow and fails. Every object's bytes name it, so
// that a view shows at once when its memory was given to somebody else, or when
// it came back from disk as something else.

import type { WorkerId } from "../../runtime/base/ids.ts";
import type {
  FromStore,
  ToStore,
} from "../../runtime/object_store/messages.ts";
import { NodeStore } from "../../runtime/object_store/node_store.ts";
import { StoreClient } from "../../runtime/object_store/store_client.ts";
import type { WritableObject } from "../../runtime/object_store/writable_object.ts";
import { FakeDisk } from "../support/fake_disk.ts";
import { TEST_NODE } from "../support/store_kit.ts";
import type { Dice } from "./dice.ts";
import { FakeCollector } from "./fake_collector.ts";

const KIB = 1024;
const CAPACITY_BYTES = 640 * KIB;
const OBJECT_BYTES_MAX = 300 * KIB;
const THREADS_MAX = 4;

/** An object as the world knows it. */
interface WorldObject {
  readonly owner: WorkerId;
  readonly number: number;
  readonly sizeBytes: number;
  /** The bytes of its mark; each object has its own. */
  readonly mark: number;
  isFreed: boolean;
}

interface WorldView {
  readonly object: WorldObject;
  readonly bytes: Uint8Array;
}

interface WorldTarget {
  readonly object: WorldObject;
  readonly target: WritableObject;
}

/** A message under way; those with an order arrive in it. */
interface Transit {
  readonly isOrdered: boolean;
  deliver(): void;
}

class WorldThread {
  readonly id: WorkerId;
  readonly client: StoreClient;
  readonly collector = new FakeCollector();
  readonly views: WorldView[] = [];
  readonly writing: WorldTarget[] = [];
  readonly toStore: Transit[] = [];
  readonly fromStore: Transit[] = [];
  isAlive = true;

  constructor(id: WorkerId, send: (message: ToStore) => void) {
    this.id = id;
    this.client = new StoreClient({
      identity: { workerId: id, nodeId: TEST_NODE },
      send,
      collector: this.collector,
      // The world collects when it likes.
      collectGarbage: () => {},
    });
  }
}

/** See the head of the file. */
export class StoreWorld {
  readonly store: NodeStore;
  readonly disk = new FakeDisk();
  readonly threads: WorldThread[] = [];
  readonly #dice: Dice;
  readonly #nodeCollector = new FakeCollector();
  readonly #objects: WorldObject[] = [];
  /** How often a message is lost or doubled; 0 in a calm world. */
  #faults = 0.1;
  /** Second copies of messages; they come at any time. */
  readonly #late: (() => void)[] = [];
  #nowMs = 0;
  #count = 0;

  constructor(dice: Dice) {
    this.#dice = dice;
    this.disk.fails = () => this.#diskFailure();
    const returnMemory = (
      memory: SharedArrayBuffer,
      from: number,
      to: number,
    ) => void new Uint8Array(memory, from, to - from).fill(0);
    this.store = new NodeStore({
      capacityBytes: CAPACITY_BYTES,
      disk: dice.chance(0.8) ? this.disk : undefined,
      returnMemory: dice.chance(0.5) ? returnMemory : undefined,
      send: (id, message) => this.#fromStore(id, message, true),
      sendShared: (id, message) => this.#fromStore(id, message, false),
      collectGarbage: () => this.#nodeCollector.collect(() => false),
      after: () => {},
      sentByItself: () => {},
      collector: this.#nodeCollector,
      clock: { nowMs: () => this.#nowMs },
    });
    for (let count = 0; count < 2; count++) this.#startThread();
  }

  /** Something happens. */
  async step(): Promise<void> {
    const acts = [
      () => this.#deliver(),
      () => this.#deliver(),
      () => this.#deliver(),
      () => this.#create(),
      () => this.#endWriting(),
      () => this.#open(),
      () => this.#free(),
      () => this.#dropViews(),
      () => this.#collect(),
      () => this.#anyThread()?.client.retry(),
      () => this.#passTime(),
      () => this.#spin(),
      () => this.#spin(),
      () => this.#late.splice(this.#dice.below(this.#late.length), 1)[0]?.(),
    ];
    this.#dice.pick(acts)();
    if (this.#dice.chance(0.01)) this.#endThread();
    if (this.#dice.chance(0.02)) this.#startThread();
    await this.#check();
  }

  /** No more faults: what is stored and not freed can be read. */
  async readAll(): Promise<void> {
    this.#faults = 0;
    for (const thread of this.threads) {
      thread.views.length = 0;
      for (const { target } of thread.writing.splice(0)) target.seal();
    }
    for (let round = 0; round < 20; round++) await this.#settle(round);
    for (const { owner, number, state } of this.store.list()) {
      const isStored = ["sealed", "spilled", "restoring"].includes(state);
      if (isStored) await this.#readBack(owner, number);
    }
  }

  async #readBack(owner: WorkerId, number: number): Promise<void> {
    const thread = this.#anyThread()!;
    const object = this.#objects.find((each) =>
      each.owner === owner && each.number === number
    )!;
    if (object.isFreed) return;
    let bytes: Uint8Array | undefined;
    let failure: unknown;
    thread.client.open(owner, number).then(
      (opened) => bytes = opened,
      (error: unknown) => failure = error,
    );
    for (let round = 0; round < 100 && !bytes && !failure; round++) {
      await this.#settle(round);
      // What others had waited for is in nobody's way.
      for (const { views } of this.threads) views.length = 0;
      for (const { writing } of this.threads) {
        for (const { target } of writing.splice(0)) target.seal();
      }
    }
    if (!bytes) {
      const text = JSON.stringify([object, this.store.stats()]);
      throw new Error(`An object cannot be read: ${text}`, { cause: failure });
    }
    checkMark({ object, bytes });
  }

  /** Everything under way comes a good deal further. */
  async #settle(round: number): Promise<void> {
    if (round % 10 === 0) {
      for (const { client } of this.threads) client.retry();
    }
    this.#collect();
    for (let turn = 0; turn < 20; turn++) {
      this.#deliver();
      this.#spin();
    }
    for (const deliver of this.#late.splice(0)) deliver();
    this.#passTime();
    await this.#check();
  }

  /** No more faults, nothing new; everything comes to its end. */
  async calm(): Promise<void> {
    this.#faults = 0;
    for (let round = 0; round < 300; round++) {
      // Again and again, as an owner does when a result comes for which no
      // ref is left: its create may have come after the first free.
      for (const object of this.#objects) this.#freeObject(object);
      for (const thread of this.threads) {
        thread.views.length = 0;
        for (const { target } of thread.writing.splice(0)) target.seal();
      }
      await this.#settle(round);
    }
  }

  // -- What threads do -------------------------------------------------------

  #startThread(): void {
    if (this.threads.length >= THREADS_MAX) return;
    const id = `w-${this.#count++}` as WorkerId;
    const thread: WorldThread = new WorldThread(id, (message) => {
      const isRequest = message.type === "object_create" ||
        message.type === "object_open" && message.owner !== id;
      this.#travel(thread.toStore, isRequest, true, () => {
        if (thread.isAlive) this.store.receive(id, message);
      });
    });
    this.store.workerStarted(id);
    this.threads.push(thread);
  }

  #endThread(): void {
    const thread = this.#anyThread();
    if (!thread) return;
    thread.isAlive = false;
    this.threads.splice(this.threads.indexOf(thread), 1);
    this.store.workerEnded(thread.id);
    thread.client.failAll(new Error("ended"));
    for (const object of this.#objects) {
      if (object.owner === thread.id) object.isFreed = true;
    }
  }

  #create(): void {
    const owner = this.#anyThread();
    const thread = this.#anyThread();
    if (!thread || !owner) return;
    // Now and then a task runs again, and its result is written again; but
    // an owner itself never writes what it has freed.
    const present = this.#objects.at(-1);
    const isAgain = present && this.#dice.chance(0.2) &&
      !(present.isFreed && present.owner === thread.id);
    const object = isAgain ? present : this.#newObject(owner.id);
    const { number, sizeBytes, mark } = object;
    thread.client.create(object.owner, number, sizeBytes).then(
      (target) => {
        markBytes(target.bytes, mark);
        thread.writing.push({ object, target });
      },
      // Freed, or its owner has ended.
      () => {},
    );
  }

  #newObject(owner: WorkerId): WorldObject {
    const number = ++this.#count;
    const sizeBytes = 8 + this.#dice.below(OBJECT_BYTES_MAX);
    const object = { owner, number, mark: number, sizeBytes, isFreed: false };
    this.#objects.push(object);
    return object;
  }

  #endWriting(): void {
    const written = this.#anyThread()?.writing.shift();
    if (!written) return;
    const { object, target } = written;
    checkMark({ object, bytes: target.bytes });
    if (this.#dice.chance(0.8)) target.seal();
    else target.abort();
  }

  #open(): void {
    const thread = this.#anyThread();
    if (!thread || this.#objects.length === 0) return;
    const object = this.#dice.pick(this.#objects.slice(-20));
    thread.client.open(object.owner, object.number).then(
      (bytes) => {
        if (thread.isAlive) thread.views.push({ object, bytes });
      },
      // Freed by then, or its thread has ended.
      () => {},
    );
  }

  #free(): void {
    const needed = this.#objects.filter((each) => !each.isFreed);
    if (needed.length > 0) this.#freeObject(this.#dice.pick(needed));
  }

  #freeObject(object: WorldObject): void {
    const owner = this.threads.find(({ id }) => id === object.owner);
    object.isFreed = true;
    owner?.client.free(object.owner, object.number);
  }

  #dropViews(): void {
    const views = this.#anyThread()?.views ?? [];
    views.splice(0, this.#dice.below(views.length + 1));
  }

  #collect(): void {
    for (const thread of this.threads) {
      const held = new Set<object>();
      for (const { bytes } of thread.views) held.add(bytes.buffer);
      thread.collector.collect((target) => held.has(target));
      if (this.#dice.chance(0.5)) thread.collector.finalize();
    }
    this.#nodeCollector.finalize();
  }

  #passTime(): void {
    this.#nowMs += this.#dice.below(1_500);
    this.store.tick();
  }

  // -- The disk --------------------------------------------------------------

  #spin(): void {
    this.disk.writeNext(this.#dice.below(this.disk.writes.length));
    this.disk.readNext(this.#dice.below(this.disk.reads.length));
  }

  #diskFailure(): "out_of_disk" | "disk_failed" | undefined {
    if (!this.#dice.chance(this.#faults)) return undefined;
    return this.#dice.pick(["out_of_disk", "disk_failed"] as const);
  }

  // -- Links -----------------------------------------------------------------

  #fromStore(id: WorkerId, message: FromStore, isOrdered: boolean): void {
    const thread = this.threads.find((each) => each.id === id);
    if (!thread) return;
    const isReply = message.type.startsWith("object_") ||
      message.type === "segment_share";
    const copy = structuredClone(message);
    this.#travel(thread.fromStore, isReply, isOrdered, () => {
      if (thread.isAlive) thread.client.receive(copy);
    });
  }

  #travel(
    link: Transit[],
    mayBeLost: boolean,
    isOrdered: boolean,
    deliver: () => void,
  ): void {
    if (mayBeLost && this.#dice.chance(this.#faults)) return;
    // A second copy comes after the first: it may be late, not early.
    const isDoubled = this.#dice.chance(this.#faults);
    link.push({
      isOrdered,
      deliver: () => {
        deliver();
        if (isDoubled) this.#late.push(deliver);
      },
    });
  }

  #deliver(): void {
    for (const thread of [...this.threads]) {
      for (const link of [thread.toStore, thread.fromStore]) {
        if (link.length === 0) continue;
        const at = this.#dice.below(link.length);
        const first = link.findIndex((transit) => transit.isOrdered);
        const chosen = link[at]!.isOrdered ? first : at;
        link.splice(chosen, 1)[0]!.deliver();
      }
    }
  }

  #anyThread(): WorldThread | undefined {
    if (this.threads.length === 0) return undefined;
    return this.#dice.pick(this.threads);
  }

  async #check(): Promise<void> {
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
    this.store.validate();
    for (const thread of this.threads) thread.views.forEach(checkMark);
  }
}

function markBytes(bytes: Uint8Array, mark: number): void {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  words.setUint32(0, mark);
  words.setUint32(bytes.length - 4, mark);
}

function checkMark({ object, bytes }: WorldView): void {
  const words = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const marks = [words.getUint32(0), words.getUint32(bytes.length - 4)];
  if (bytes.length === object.sizeBytes && marks.every(isMarkOf(object))) {
    return;
  }
  throw new Error(`Object ${JSON.stringify(object)} has the marks ${marks}`);
}

function isMarkOf(object: WorldObject): (mark: number) => boolean {
  return (mark) => mark === object.mark;
}

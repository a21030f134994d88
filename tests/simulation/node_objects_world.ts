// Five nodes whose threads write, open and free one another's objects by
// chance, while messages are slow, sessions break, threads end and nodes die.

import { objectKey, type WorkerId } from "../../runtime/base/ids.ts";
import { assert, assertEquals } from "../support/harness.ts";
import { FakeDisk } from "../support/fake_disk.ts";
import {
  type KitNode,
  type KitOpen,
  type KitThread,
  ObjectsKit,
} from "../support/objects_kit.ts";
import { MIB } from "../support/store_kit.ts";
import type { Dice } from "./dice.ts";

const NODES = 5;
const THREADS_PER_NODE = 2;
const DEATHS_MAX = 2;
/** Few, so that memory finds an object of its size. */
const SIZES = [0, 1, 100_000, 100_001, MIB, 1_500_000, 2_700_000];
/** A store that spills has room for a few of the largest only. */
const NARROW_BYTES = 10 * MIB;

interface SimObject {
  readonly owner: WorkerId;
  readonly number: number;
  readonly sizeBytes: number;
  readonly mark: number;
  isFreed: boolean;
  /** Its owner or a writer is gone, or a copy was lost: it may be denied. */
  isDoubtful: boolean;
}

interface SimOpen {
  readonly open: KitOpen;
  readonly object: SimObject;
  readonly node: KitNode;
  readonly thread: KitThread;
}

/** See the head of the file. */
export class NodeObjectsWorld {
  readonly kit: ObjectsKit;
  readonly opens: SimOpen[] = [];
  readonly #dice: Dice;
  readonly #hasFaults: boolean;
  readonly #objects = new Map<string, SimObject>();
  readonly #owners = new Map<WorkerId, KitThread>();
  /** What nodes hear later: of threads that have ended, and of nodes. */
  readonly #news: [node: KitNode, tell: () => void][] = [];
  #nextNumber = 1;
  #nextName = 0;
  #deaths = 0;
  #lostCount = 0;

  constructor(dice: Dice, hasFaults: boolean) {
    this.#dice = dice;
    this.#hasFaults = hasFaults;
    const isNarrow = hasFaults && dice.chance(0.5);
    this.kit = new ObjectsKit({
      nodes: NODES,
      capacityBytes: isNarrow ? NARROW_BYTES : 1024 * MIB,
      ...(isNarrow ? { disk: () => new FakeDisk() } : {}),
      lost: (owner, numbers) => {
        for (const number of numbers) this.#lost(owner, number);
      },
    });
    for (const node of this.kit.nodes) {
      for (let n = 0; n < THREADS_PER_NODE; n++) this.#start(node);
    }
  }

  async step(): Promise<void> {
    const roll = this.#dice.below(1000);
    if (roll < 60) this.#write(true);
    else if (roll < 120) this.#write(false);
    else if (roll < 320) this.#open();
    else if (roll < 350) this.#free();
    else if (roll < 410) this.#anyThread()?.closeViews();
    else if (this.#hasFaults && roll < 415) this.#endThread();
    else if (this.#hasFaults && roll < 500) this.#break();
    else if (this.#hasFaults && roll < 504) this.#kill();
    else this.#deliver();
    this.kit.advance(this.#dice.below(10));
    for (let turn = 0; turn < 4; turn++) await Promise.resolve();
    for (const { store, threads } of this.kit.alive) {
      store.validate();
      for (const thread of threads.values()) thread.check();
    }
  }

  /** Nothing goes wrong any more, and all arrives. */
  async calm(): Promise<void> {
    for (const [node, tell] of this.#news.splice(0)) {
      if (node.isAlive) tell();
    }
    // What waits for room gets it before anybody is tired of waiting.
    await this.#pass(60, 50);
    await this.#pass(70, 1_000);
    for (const { open, object, node, thread } of this.opens) {
      const isGone = !node.isAlive || !node.threads.has(thread.workerId);
      if (isGone || open.outcome === "opened") continue;
      assert(open.outcome, `No answer: ${open.key}`);
      const mayBeDenied = object.isFreed || object.isDoubtful ||
        this.#hasFaults && open.outcome === "unreachable";
      assert(mayBeDenied, `Denied: ${open.key}: ${open.outcome}`);
    }
  }

  async #pass(rounds: number, roundMs: number): Promise<void> {
    for (let round = 0; round < rounds; round++) {
      for (const node of this.kit.alive) this.#tidy(node);
      await this.kit.settle();
      this.kit.advance(roundMs);
    }
  }

  /** A node leaves; what it has of others goes elsewhere before. */
  async leave(): Promise<void> {
    const { alive } = this.kit;
    const leaving = this.#dice.pick(alive);
    const others = alive.filter((node) => node !== leaving);
    if (others.length === 0) return;
    const staying = others.map(({ nodeId }) => nodeId);
    for (const node of alive) {
      node.objects.nodesChanged(staying, [leaving.nodeId]);
    }
    await this.#pass(40, 50);
    assertEquals(leaving.objects.countKept(), 0);

    const lostBefore = this.#lostCount;
    this.kit.kill(leaving);
    for (const workerId of leaving.threads.keys()) {
      this.#owners.delete(workerId);
    }
    for (const node of others) {
      node.objects.nodesChanged(staying, []);
      node.objects.nodeGone(leaving.nodeId);
    }
    await this.#pass(40, 50);
    assertEquals(this.#lostCount, lostBefore);
  }

  /** All objects are freed; nothing may be left. */
  async end(): Promise<void> {
    for (const object of this.#objects.values()) this.#freeObject(object);
    await this.kit.settle();
    await this.kit.assertEmpty();
  }

  /** Reads that a node has done twice. */
  get repeatedReads(): string[] {
    const seen = new Set<string>();
    return this.kit.reads.map(({ to, key }) => `${to} ${key}`)
      .filter((read) => seen.size === seen.add(read).size);
  }

  #tidy({ threads, store, collector, disk }: KitNode): void {
    for (const thread of threads.values()) thread.closeViews();
    collector.collect(() => false);
    collector.finalize();
    while (disk && disk.writes.length > 0) disk.writeNext();
    while (disk && disk.reads.length > 0) disk.readNext();
    store.tick();
  }

  #start(node: KitNode): void {
    const isDriver = this.#dice.chance(0.2);
    const name = `t${this.#nextName++}`;
    const thread = this.kit.thread(node, name, isDriver);
    this.#owners.set(thread.workerId, thread);
  }

  #anyThread(): KitThread | undefined {
    const { alive } = this.kit;
    const { threads } = this.#dice.pick(alive);
    return threads.size > 0
      ? this.#dice.pick([...threads.values()])
      : undefined;
  }

  #write(isOwn: boolean): void {
    const writer = this.#anyThread();
    const owner = isOwn ? writer : this.#anyThread();
    if (!writer || !owner) return;
    const number = this.#nextNumber++;
    const object: SimObject = {
      ...{ owner: owner.workerId, number, sizeBytes: this.#dice.pick(SIZES) },
      ...{ mark: 1 + number % 250, isFreed: false, isDoubtful: false },
    };
    this.#objects.set(objectKey(object.owner, number), object);
    writer.write(object.owner, number, object.sizeBytes, object.mark);
  }

  #lost(owner: WorkerId, number: number): void {
    this.#lostCount++;
    this.#objects.get(objectKey(owner, number))!.isDoubtful = true;
  }

  #open(): void {
    // Those that are freed are asked for seldom.
    const isAny = this.#dice.chance(0.05);
    const objects = [...this.#objects.values()]
      .filter(({ isFreed }) => isAny || !isFreed).slice(-10);
    const node = this.#dice.pick(this.kit.alive);
    if (objects.length === 0 || node.threads.size === 0) return;
    const object = this.#dice.pick(objects);
    const thread = this.#dice.pick([...node.threads.values()]);
    const { owner, number, sizeBytes, mark } = object;
    const open = thread.open(owner, number, sizeBytes, mark);
    this.opens.push({ open, object, node, thread });
  }

  #free(): void {
    const objects = [...this.#objects.values()].filter((each) => !each.isFreed);
    if (objects.length > 0) this.#freeObject(this.#dice.pick(objects));
  }

  #freeObject(object: SimObject): void {
    if (object.isFreed) return;
    object.isFreed = true;
    this.#owners.get(object.owner)?.free(object.owner, object.number);
  }

  // -- Faults ----------------------------------------------------------------

  #endThread(): void {
    const node = this.#dice.pick(this.kit.alive);
    if (node.threads.size === 0) return;
    const { workerId } = this.#dice.pick([...node.threads.values()]);
    node.threads.delete(workerId);
    this.#owners.delete(workerId);
    node.store.workerEnded(workerId);
    node.objects.ownerEnded(workerId);
    this.#doubtAll();
    for (const other of this.kit.alive) {
      if (other === node) continue;
      this.#news.push([other, () => other.objects.ownerEnded(workerId)]);
    }
    if (this.#dice.chance(0.5)) this.#start(node);
  }

  /** What ends may have been about to write any of them. */
  #doubtAll(): void {
    for (const object of this.#objects.values()) object.isDoubtful = true;
  }

  #break(): void {
    const { from, to } = this.#dice.pick(this.kit.ways);
    if (from.isAlive && to.isAlive) this.kit.disconnect(from, to);
  }

  #kill(): void {
    if (this.#deaths === DEATHS_MAX) return;
    this.#deaths++;
    const node = this.#dice.pick(this.kit.alive);
    this.kit.kill(node);
    for (const workerId of node.threads.keys()) this.#owners.delete(workerId);
    this.#doubtAll();
    for (const other of this.kit.alive) {
      this.#news.push([other, () => other.objects.nodeGone(node.nodeId)]);
      if (this.#dice.chance(0.5)) other.objects.unlinked(node.nodeId);
    }
  }

  // -- What arrives ----------------------------------------------------------

  #deliver(): void {
    const { kit } = this;
    for (const { threads, disk } of kit.alive) {
      for (const thread of threads.values()) {
        if (this.#dice.chance(0.5)) thread.speak();
      }
      if (this.#dice.chance(0.3)) disk?.writeNext();
      if (this.#dice.chance(0.3)) disk?.readNext();
    }
    for (const way of kit.ways) {
      const count = this.#dice.below(4);
      for (let n = 0; n < count; n++) kit.deliver(way, this.#dice.chance(0.6));
    }
    if (kit.wanted.length > 0 && this.#dice.chance(0.5)) {
      const at = this.#dice.below(kit.wanted.length);
      const [[one, other]] = kit.wanted.splice(at, 1) as [[KitNode, KitNode]];
      kit.connect(one, other);
    }
    if (this.#news.length > 0 && this.#dice.chance(0.1)) {
      const at = this.#dice.below(this.#news.length);
      const [[node, tell]] = this.#news.splice(at, 1) as [
        [KitNode, () => void],
      ];
      if (node.isAlive) tell();
    }
  }
}

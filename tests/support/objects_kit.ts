// A few nodes with stores, pretended threads and links between them, in one
// thread: nothing arrives before a test or a world of chance delivers it.

import type { Clock, Timers } from "../../runtime/base/clock.ts";
import {
  type NodeId,
  nodeOfWorker,
  objectKey,
  type WorkerId,
} from "../../runtime/base/ids.ts";
import type {
  DenyReason,
  FromStore,
  RequestId,
  SegmentId,
  ToStore,
} from "../../runtime/object_store/messages.ts";
import { NodeObjects } from "../../runtime/object_store/node_objects.ts";
import { NodeStore } from "../../runtime/object_store/node_store.ts";
import type { ObjectLink } from "../../runtime/object_store/peer_objects.ts";
import { AttachedBytes } from "../../runtime/protocol/attached_bytes.ts";
import type { ClusterMessage } from "../../runtime/protocol/cluster_messages.ts";
import type {
  LinkMessage,
  LinkReceiver,
} from "../../runtime/transport/link.ts";
import { FakeCollector } from "../simulation/fake_collector.ts";
import type { FakeDisk } from "./fake_disk.ts";
import { assert, assertEquals } from "./harness.ts";

/** What became of an open. */
export interface KitOpen {
  readonly key: string;
  readonly sizeBytes: number;
  readonly mark: number;
  outcome?: "opened" | DenyReason;
}

interface View {
  readonly bytes: Uint8Array;
  readonly requestId: RequestId;
  readonly mark: number;
}

/** A thread that writes objects of one mark each, and reads them. */
export class KitThread {
  readonly workerId: WorkerId;
  readonly views: View[] = [];
  readonly #node: KitNode;
  readonly #segments = new Map<SegmentId, SharedArrayBuffer>();
  readonly #opens = new Map<RequestId, KitOpen>();
  readonly #marks = new Map<RequestId, number>();
  readonly #toStore: ToStore[] = [];
  #nextRequestId = 1;

  constructor(node: KitNode, workerId: WorkerId) {
    this.workerId = workerId;
    this.#node = node;
  }

  /** Writes an object whose bytes are all `mark`. */
  write(owner: WorkerId, number: number, sizeBytes: number, mark: number) {
    const requestId = this.#nextRequestId++;
    this.#marks.set(requestId, mark);
    const type = "object_create";
    this.#toStore.push({ type, requestId, owner, number, sizeBytes });
  }

  open(
    owner: WorkerId,
    number: number,
    sizeBytes: number,
    mark: number,
  ): KitOpen {
    const requestId = this.#nextRequestId++;
    const open = { key: objectKey(owner, number), sizeBytes, mark };
    this.#opens.set(requestId, open);
    this.#toStore.push({ type: "object_open", requestId, owner, number });
    return open;
  }

  free(owner: WorkerId, number: number): void {
    this.#toStore.push({ type: "object_free", owner, number });
  }

  closeViews(): void {
    for (const { requestId } of this.views.splice(0)) {
      this.#toStore.push({ type: "mapping_close", requestId });
    }
  }

  /** Says what it has to say; whether there was anything. */
  speak(): boolean {
    const messages = this.#toStore.splice(0);
    for (const message of messages) {
      const { objects, store } = this.#node;
      if (objects.intercept(this.workerId, message)) continue;
      store.receive(this.workerId, message);
    }
    return messages.length > 0;
  }

  receive(message: FromStore): void {
    switch (message.type) {
      case "object_created": {
        const { requestId, segmentId, sizeBytes, segment } = message;
        if (segment) this.#segments.set(segmentId, segment);
        const memory = this.#segments.get(segmentId)!;
        new Uint8Array(memory, 0, sizeBytes).fill(this.#marks.get(requestId)!);
        this.#toStore.push({ type: "object_seal", requestId });
        return;
      }
      case "object_opened":
        return this.#opened(message);
      case "object_denied": {
        const open = this.#opens.get(message.requestId);
        if (!open) return;
        assert(!open.outcome, "answered twice");
        open.outcome = message.reason;
        return;
      }
      case "segment_drop": {
        const { segmentId } = message;
        this.#segments.delete(segmentId);
        this.#toStore.push({ type: "segment_release", segmentId });
        return;
      }
      case "objects_recall": {
        const { objects } = message;
        this.#toStore.push({ type: "objects_recalled", objects });
      }
    }
  }

  #opened(message: Extract<FromStore, { type: "object_opened" }>): void {
    const { requestId, segmentId, sizeBytes, segment } = message;
    if (segment) this.#segments.set(segmentId, segment);
    const open = this.#opens.get(requestId)!;
    assert(!open.outcome, "answered twice");
    open.outcome = "opened";
    assertEquals(sizeBytes, open.sizeBytes);
    const memory = this.#segments.get(segmentId)!;
    const bytes = new Uint8Array(memory, 0, sizeBytes);
    this.views.push({ bytes, requestId, mark: open.mark });
    this.check();
  }

  /** Looks at a few places of each view: a wrong object is wrong in all. */
  check(): void {
    for (const { bytes: { length }, bytes, mark } of this.views) {
      for (const at of [0, length >> 2, length >> 1, length - 1]) {
        if (length > 0) assertEquals(bytes[at], mark);
      }
    }
  }
}

/** One end of a stream for objects. */
class KitLink implements ObjectLink {
  readonly #send: (message: LinkMessage) => void;
  receiver: LinkReceiver | undefined;

  constructor(send: (message: LinkMessage) => void) {
    this.#send = send;
  }

  start(receiver: LinkReceiver): void {
    this.receiver = receiver;
  }

  send(message: LinkMessage): void {
    this.#send(message);
  }

  flush(): void {}
}

/** What is under way from one node to another. */
interface Way {
  readonly from: KitNode;
  readonly to: KitNode;
  readonly small: ClusterMessage[];
  /** Chunks and what belongs to them; copied when they arrive. */
  readonly large: LinkMessage[];
  link: KitLink | undefined;
}

/** See `ObjectsKit`. */
export class KitNode {
  readonly nodeId: NodeId;
  readonly store: NodeStore;
  readonly objects: NodeObjects;
  readonly collector = new FakeCollector();
  readonly threads = new Map<WorkerId, KitThread>();
  /** What its owners were told to be lost. */
  readonly lost: string[] = [];
  readonly disk: FakeDisk | undefined;
  isAlive = true;

  constructor(kit: ObjectsKit, nodeId: NodeId, options: KitOptions) {
    this.nodeId = nodeId;
    this.disk = options.disk?.();
    const { clock, timers } = kit;
    const hear = (to: WorkerId, message: FromStore) =>
      this.threads.get(to)?.receive(message);
    this.store = new NodeStore({
      capacityBytes: options.capacityBytes,
      ...{ send: hear, sendShared: hear, collectGarbage: () => {} },
      after: (delayMs, call) => void timers.after(delayMs, call),
      sentByItself: () => {},
      sealed: (object) => this.objects.sealed(object),
      dropped: (...object) => this.objects.dropped(...object),
      ...{ collector: this.collector, clock, disk: this.disk },
    });
    this.objects = new NodeObjects({
      ...{ nodeId, store: this.store, clock, timers, told: () => {} },
      send: (to, message) => kit.send(this, to, message),
      wantLink: (to) => kit.wanted.push([this, kit.node(to)]),
      homeOf: (owner) => kit.homeOf(owner),
      objectsLost: (owner, numbers) => {
        for (const n of numbers) this.lost.push(objectKey(owner, n));
        options.lost?.(owner, numbers);
      },
    });
  }
}

export interface KitOptions {
  readonly nodes: number;
  readonly capacityBytes: number;
  /** No node knows of another. */
  readonly isAlone?: boolean;
  disk?(): FakeDisk;
  lost?(owner: WorkerId, numbers: readonly number[]): void;
}

/** See the head of the file. */
export class ObjectsKit {
  readonly nodes: KitNode[] = [];
  readonly ways: Way[] = [];
  /** Links that were asked for and are not there. */
  readonly wanted: [KitNode, KitNode][] = [];
  /** Opens of other nodes' objects, by reader, source and object. */
  readonly reads: { to: NodeId; from: NodeId; key: string }[] = [];
  readonly drivers = new Map<WorkerId, NodeId>();
  nowMs = 0;
  readonly clock: Clock = { nowMs: () => this.nowMs };
  readonly timers: Timers;
  readonly #timers = new Set<{ readonly atMs: number; call: () => void }>();

  constructor(options: KitOptions) {
    this.timers = {
      after: (delayMs, call) => {
        const timer = { atMs: this.nowMs + delayMs, call };
        this.#timers.add(timer);
        return () => this.#timers.delete(timer);
      },
    };
    for (let at = 0; at < options.nodes; at++) {
      const nodeId = `n-${"abcdefghijklmnop"[at]!.repeat(12)}` as NodeId;
      this.nodes.push(new KitNode(this, nodeId, options));
    }
    for (const from of this.nodes) {
      if (!options.isAlone) from.objects.joined();
      for (const to of this.nodes) {
        if (to === from) continue;
        this.ways.push({ from, to, small: [], large: [], link: undefined });
      }
    }
  }

  node(nodeId: NodeId): KitNode {
    return this.nodes.find((node) => node.nodeId === nodeId)!;
  }

  get alive(): KitNode[] {
    return this.nodes.filter(({ isAlive }) => isAlive);
  }

  homeOf(owner: WorkerId): NodeId | undefined {
    return this.drivers.get(owner) ?? nodeOfWorker(owner);
  }

  /** Starts a thread; a driver has no node in its id. */
  thread(node: KitNode, name: string, isDriver = false): KitThread {
    const id = `w-${name.padEnd(12, "z").slice(0, 12)}`;
    const suffix = isDriver ? "" : `-${node.nodeId.slice(2)}`;
    const thread = new KitThread(node, `${id}${suffix}` as WorkerId);
    if (isDriver) this.drivers.set(thread.workerId, node.nodeId);
    node.threads.set(thread.workerId, thread);
    node.store.workerStarted(thread.workerId);
    return thread;
  }

  way(from: KitNode, to: KitNode): Way {
    return this.ways.find((way) => way.from === from && way.to === to)!;
  }

  send(from: KitNode, to: NodeId, message: ClusterMessage): void {
    assert(to !== from.nodeId, "a node speaks with itself");
    this.way(from, this.node(to)).small.push(structuredClone(message));
  }

  /** Gives two nodes a stream for objects. */
  connect(one: KitNode, other: KitNode): void {
    if (!one.isAlive || !other.isAlive) {
      if (one.isAlive) one.objects.unlinked(other.nodeId);
      return;
    }
    if (this.way(one, other).link) return;
    for (const [from, to] of [[one, other], [other, one]] as const) {
      const way = this.way(from, to);
      way.link = new KitLink((message) => {
        way.large.push(message);
        if (message.type !== "object_open") return;
        const { owner, number } = message as unknown as ToStore & {
          type: "object_open";
        };
        const key = objectKey(owner, number);
        this.reads.push({ to: from.nodeId, from: to.nodeId, key });
      });
    }
    for (const [from, to] of [[one, other], [other, one]] as const) {
      from.objects.linked(to.nodeId, this.way(from, to).link!);
    }
  }

  /** Their session ends: what is under way is lost. */
  disconnect(one: KitNode, other: KitNode): void {
    for (const [from, to] of [[one, other], [other, one]] as const) {
      const way = this.way(from, to);
      way.small.length = 0;
      way.large.length = 0;
      way.link = undefined;
    }
    if (one.isAlive) one.objects.unlinked(other.nodeId);
    if (other.isAlive) other.objects.unlinked(one.nodeId);
  }

  /** A node is dead; the others are told of it by `NodeObjects.nodeGone`. */
  kill(node: KitNode): void {
    node.isAlive = false;
    for (const way of this.ways) {
      if (way.from !== node && way.to !== node) continue;
      way.small.length = 0;
      way.large.length = 0;
      way.link = undefined;
    }
  }

  /** Something arrives; whether there was anything. */
  deliver(way: Way, isLarge: boolean): boolean {
    const { from, to, small, large } = way;
    if (!isLarge) {
      const message = small.shift();
      if (message && to.isAlive) to.objects.receive(from.nodeId, message);
      return message !== undefined;
    }
    const message = large.shift();
    if (!message) return false;
    const { receiver } = this.way(to, from).link ?? {};
    if (to.isAlive) receiver?.receive(arrived(message));
    return true;
  }

  advance(ms: number): void {
    this.nowMs += ms;
    for (const timer of [...this.#timers]) {
      if (timer.atMs > this.nowMs || !this.#timers.delete(timer)) continue;
      timer.call();
    }
  }

  /** Everything arrives, until nothing is under way; time stands still. */
  async settle(): Promise<void> {
    for (let isBusy = true; isBusy;) {
      isBusy = false;
      for (const { threads } of this.alive) {
        for (const thread of threads.values()) {
          isBusy = thread.speak() || isBusy;
        }
      }
      for (const way of this.ways) {
        isBusy = this.deliver(way, false) || this.deliver(way, true) || isBusy;
      }
      for (const [one, other] of this.wanted.splice(0)) {
        this.connect(one, other);
        isBusy = true;
      }
      for (let turn = 0; turn < 8; turn++) await Promise.resolve();
    }
  }

  /** All is freed and given back: nothing may be left anywhere. */
  async assertEmpty(): Promise<void> {
    for (let round = 0; round < 30; round++) {
      for (const { threads, collector, store, disk } of this.alive) {
        for (const thread of threads.values()) thread.closeViews();
        collector.collect(() => false);
        collector.finalize();
        while (disk && disk.writes.length > 0) disk.writeNext();
        while (disk && disk.reads.length > 0) disk.readNext();
        store.tick();
      }
      await this.settle();
      this.advance(500);
    }
    for (const { nodeId, store, objects, disk } of this.alive) {
      const { usedBytes, objects: count, waiting } = store.stats();
      assertEquals(
        { nodeId, usedBytes, count, waiting, ...objects.counts() },
        {
          ...{ nodeId, usedBytes: 0, count: 0, waiting: 0 },
          ...{ pulls: 0, places: 0, reads: 0, served: 0 },
        },
      );
      assertEquals([...store.ownerIds()], []);
      assertEquals(disk?.files.size ?? 0, 0);
    }
  }
}

function arrived(message: LinkMessage): LinkMessage {
  const { bytes } = message as { bytes?: Uint8Array };
  if (!bytes) return message;
  return { ...message, bytes: new AttachedBytes(bytes) } as LinkMessage;
}

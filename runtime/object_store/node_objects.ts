// Objects of a node among others: opens what is elsewhere by pulling it, serves
// what others pull, and keeps, for the owners whose home this is, where their
// objects are. A node without others does nothing of it.

import {
  type Clock,
  systemClock,
  systemTimers,
  type Timers,
} from "../base/clock.ts";
import type { NodeId, WorkerId } from "../base/ids.ts";
import { OBJECT_TICK_MS } from "../base/limits.ts";
import type { ClusterMessage } from "../protocol/cluster_messages.ts";
import type { NearPeer } from "./chunk_port.ts";
import type { StoredObjectEntry, ToStore } from "./messages.ts";
import type { NodeStore, SealedObject } from "./node_store.ts";
import {
  ObjectPlaces,
  type PlacesAction,
  type PlacesEvent,
} from "./object_places.ts";
import { type ObjectLink, PeerObjects } from "./peer_objects.ts";
import { type PullOpener, Pulls } from "./pulls.ts";

export interface NodeObjectsPorts {
  readonly nodeId: NodeId;
  readonly store: NodeStore;
  /** Queues a message for another node, in order; opens a session at need. */
  send(nodeId: NodeId, message: ClusterMessage): void;
  /**
   * The stream for objects to a node is wanted: `linked` comes, or `unlinked`.
   * Asked for once until then.
   */
  wantLink(nodeId: NodeId): void;
  /** The node that an owner is of, or a driver linked to; if it is known. */
  homeOf(owner: WorkerId): NodeId | undefined;
  /** Tells the owner, of this node, that no copy of these is left. */
  objectsLost(owner: WorkerId, numbers: readonly number[]): void;
  /** Something was sent, or the store told, outside of calls to this one. */
  told(): void;
  /** @default {systemClock} */
  readonly clock?: Clock;
  /** @default {systemTimers} */
  readonly timers?: Timers;
}

/** See the head of the file. */
export class NodeObjects {
  readonly #ports: NodeObjectsPorts;
  readonly #timers: Timers;
  readonly #places: ObjectPlaces;
  readonly #pulls: Pulls;
  readonly #peers = new Map<NodeId, PeerObjects>();
  readonly #dead = new Set<NodeId>();
  /** Nodes whose stream is asked for. */
  readonly #wanted = new Set<NodeId>();
  /** As whom the pulls use the store. */
  readonly #pullerId: WorkerId;
  /** What the store has said; it hears nothing while it speaks. */
  #heard: (() => void)[] = [];
  #isAlone = true;
  #isTicking = false;

  constructor(ports: NodeObjectsPorts) {
    const { nodeId, store } = ports;
    this.#ports = ports;
    const clock = ports.clock ?? systemClock;
    this.#timers = ports.timers ?? systemTimers;
    this.#places = new ObjectPlaces({ nodeId, clock });
    this.#pullerId = `w-puller-${nodeId}` as WorkerId;
    this.#pulls = this.#newPulls();
    store.localStarted(
      this.#pullerId,
      (message) => this.#later(() => this.#pulls.fromStore(message)),
    );
  }

  #newPulls(): Pulls {
    const { store, told } = this.#ports;
    return new Pulls({
      locate: (owner, number, except) =>
        this.#sendHome({ type: "object_locate", owner, number, except }),
      gone: (owner, number, nodeId = this.#ports.nodeId) => {
        this.#sendHome({ type: "object_gone_at", owner, number, nodeId });
        this.#forgetOwner(owner);
      },
      read: (nodeId, owner, number, reader) => {
        if (!this.#dead.has(nodeId)) {
          return this.#peer(nodeId).read(owner, number, reader);
        }
        this.#later(() => reader.broken());
        return () => {};
      },
      create: (message, isCopy) => {
        store.ownerKnown(message.owner);
        if (isCopy) store.createCopy(this.#pullerId, message);
        else store.receive(this.#pullerId, message);
      },
      toStore: (message) => store.receive(this.#pullerId, message),
      has: (owner, number) => store.has(owner, number),
      open: ({ from, message }) => store.receive(from, message),
      refuse: ({ from, message }, reason) =>
        store.refuse(from, message.requestId, reason),
      told,
      timers: this.#timers,
    });
  }

  /** What is under way and known; for tests. */
  counts(): Record<"pulls" | "places" | "reads" | "served", number> {
    const peers = [...this.#peers.values()].map((peer) => peer.counts());
    const sum = (of: "reads" | "served") =>
      peers.reduce((total, counts) => total + counts[of], 0);
    const under = { reads: sum("reads"), served: sum("served") };
    return { pulls: this.#pulls.size, places: this.#places.size, ...under };
  }

  // -- Threads of this node --------------------------------------------------

  /** Sees what a thread says to the store first; whether it was taken in. */
  intercept(from: WorkerId, message: ToStore): boolean {
    switch (message.type) {
      case "object_open":
        return this.#open({ from, message });
      case "object_create":
        // A task of another node's owner writes its result.
        if (this.#isElsewhere(message.owner)) {
          this.#ports.store.ownerKnown(message.owner);
          this.#later(() => this.#forgetOwner(message.owner));
        }
        return false;
      case "object_free":
        if (!this.#isAlone) this.#direct({ ...message, type: "freed" });
        return false;
      default:
        return false;
    }
  }

  #open(opener: PullOpener): boolean {
    const { store } = this.#ports;
    const { owner, number } = opener.message;
    if (this.#pulls.join(opener)) return true;
    if (store.has(owner, number)) return false;
    const isElsewhere = this.#isElsewhere(owner);
    // An owner of this node that the store does not know is gone.
    const mayBePulled = isElsewhere ||
      !this.#isAlone && store.countOf(owner) !== undefined;
    if (mayBePulled) this.#pulls.begin(opener);
    return mayBePulled;
  }

  /** The store says that an object is whole. */
  sealed(object: SealedObject): void {
    if (this.#isAlone && !this.#isElsewhere(object.owner)) return;
    this.#later(() => this.#announce(object));
  }

  #announce({ owner, number, sizeBytes, isCopy }: SealedObject): void {
    if (!this.#ports.store.has(owner, number)) return;
    this.#pulls.sealedHere(owner, number);
    const type = "object_sealed_at";
    this.#sendHome({ type, owner, number, sizeBytes, isCopy });
  }

  /** The store has dropped a copy, since its memory was needed. */
  dropped(owner: WorkerId, number: number): void {
    this.#later(() => {
      // Who asks for it again has said the same by that.
      const { store, nodeId } = this.#ports;
      if (this.#pulls.has(owner, number) || store.has(owner, number)) return;
      this.#sendHome({ type: "object_gone_at", owner, number, nodeId });
      this.#forgetOwner(owner);
    });
  }

  /** A thread is gone, of this node or of another, or a driver. */
  ownerEnded(owner: WorkerId): void {
    this.#direct({ type: "owner_ended", owner });
    this.#pulls.ownerEnded(owner);
    const { store } = this.#ports;
    if (store.isServed(owner) === false) store.workerEnded(owner);
    // What the thread was about to write for others is gone as well.
    for (const other of [...store.ownerIds()]) this.#forgetOwner(other);
  }

  // -- Other nodes -----------------------------------------------------------

  /** There are other nodes: from now on it matters where objects are. */
  joined(): void {
    if (!this.#isAlone) return;
    this.#isAlone = false;
    this.#announceAll((owner) => !this.#isElsewhere(owner));
  }

  /** What another node says about objects; whether it was that. */
  receive(from: NodeId, message: ClusterMessage): boolean {
    switch (message.type) {
      case "object_sealed_at":
      case "object_locate":
      case "object_gone_at":
        this.joined();
        this.#hearAsHome(from, message);
        return true;
      case "object_located":
        this.#pulls.located(message);
        return true;
      case "object_freed":
        this.#free(message.owner, message.number);
        return true;
      case "object_keep":
        this.#keep(message.owner, message.number);
        return true;
      default:
        return false;
    }
  }

  /** The stream for objects to a node is there, which may be of this machine. */
  linked(nodeId: NodeId, link: ObjectLink, near?: NearPeer): void {
    this.#wanted.delete(nodeId);
    this.#peer(nodeId).linked(link, near);
    this.#ports.told();
  }

  /**
   * The session with a node is over, or was not to be had. What was sent may
   * not have arrived: it is sent again in the next one.
   */
  unlinked(nodeId: NodeId): void {
    this.#wanted.delete(nodeId);
    this.#peers.get(nodeId)?.unlinked();
    this.#direct({ type: "node_unlinked", nodeId });
    const isOf = (owner: WorkerId) => this.#ports.homeOf(owner) === nodeId;
    this.#pulls.askAgain(isOf);
    this.#announceAll(isOf);
    this.#ports.told();
  }

  /** A node is dead, and with it the owners whose home it is. */
  nodeGone(nodeId: NodeId): void {
    this.#dead.add(nodeId);
    const { store, homeOf } = this.#ports;
    const owners = new Set([...store.ownerIds(), ...this.#pulls.owners()]);
    for (const owner of owners) {
      if (homeOf(owner) === nodeId) this.ownerEnded(owner);
    }
    this.#wanted.delete(nodeId);
    this.#peers.get(nodeId)?.unlinked();
    this.#peers.delete(nodeId);
    this.#direct({ type: "node_gone", nodeId });
    this.#ports.told();
  }

  /** Who can keep objects now, and who is about to leave. */
  nodesChanged(staying: readonly NodeId[], leaving: readonly NodeId[]): void {
    this.#direct({ type: "nodes_changed", staying, leaving });
  }

  /** Objects that are lost with this node, and whose owners are elsewhere. */
  countKept(): number {
    let count = 0;
    for (const owner of this.#ports.store.ownerIds()) {
      if (!this.#isElsewhere(owner)) continue;
      count += this.#ports.store.keptOf(owner);
    }
    return count;
  }

  #peer(nodeId: NodeId): PeerObjects {
    let peer = this.#peers.get(nodeId);
    if (!peer) {
      const { store, told } = this.#ports;
      const wantLink = () => this.#wantLink(nodeId);
      peer = new PeerObjects({ nodeId, store, told, wantLink });
      this.#peers.set(nodeId, peer);
    }
    return peer;
  }

  #wantLink(nodeId: NodeId): void {
    if (this.#wanted.has(nodeId)) return;
    this.#wanted.add(nodeId);
    this.#ports.wantLink(nodeId);
  }

  #free(owner: WorkerId, number: number): void {
    const { store } = this.#ports;
    this.#pulls.freed(owner, number, "not_found");
    store.receive(this.#pullerId, { type: "object_free", owner, number });
    this.#forgetOwner(owner);
  }

  #keep(owner: WorkerId, number: number): void {
    const { store } = this.#ports;
    const present = store.find(owner, number);
    if (!present) return this.#pulls.fetch(owner, number, false);
    store.keep(owner, number);
    if (isWhole(present)) this.#announce({ ...present, isCopy: false });
  }

  #fetch(owner: WorkerId, number: number): void {
    const present = this.#ports.store.find(owner, number);
    if (!present) this.#pulls.fetch(owner, number, true);
    else if (isWhole(present)) this.#announce(present);
  }

  /** One of another node that has nothing here any more. */
  #forgetOwner(owner: WorkerId): void {
    const { store } = this.#ports;
    const isOver = store.isServed(owner) === false &&
      store.countOf(owner) === 0;
    if (isOver) store.workerEnded(owner);
  }

  #announceAll(isOf: (owner: WorkerId) => boolean): void {
    for (const object of this.#ports.store.list()) {
      if (isWhole(object) && isOf(object.owner)) this.#announce(object);
    }
  }

  // -- As the home of owners -------------------------------------------------

  #isElsewhere(owner: WorkerId): boolean {
    const home = this.#ports.homeOf(owner);
    return home !== undefined && home !== this.#ports.nodeId;
  }

  #sendHome(message: HomeMessage): void {
    const { nodeId, send, homeOf } = this.#ports;
    const { owner } = message;
    const home = homeOf(owner);
    if (home === undefined || this.#dead.has(home)) {
      return this.#later(() => this.ownerEnded(owner));
    }
    if (home === nodeId) this.#later(() => this.#hearAsHome(nodeId, message));
    else send(home, message);
  }

  #hearAsHome(from: NodeId, message: HomeMessage): void {
    const { owner, number } = message;
    const isAlive = this.#ports.store.countOf(owner) !== undefined &&
      !this.#isElsewhere(owner);
    if (!isAlive) return this.#refuse(from, message);
    switch (message.type) {
      case "object_sealed_at":
        return this.#direct({ ...message, type: "sealed_at", nodeId: from });
      case "object_locate": {
        const { except } = message;
        const type = "locate_asked";
        return this.#direct({ type, owner, number, by: from, except });
      }
      case "object_gone_at":
        return this.#direct({ ...message, type: "gone_at", by: from });
    }
  }

  /** The owner is gone, and its objects with it. */
  #refuse(from: NodeId, { type, owner, number }: HomeMessage): void {
    if (type === "object_gone_at") return;
    this.#perform({ type: "free_at", nodeId: from, owner, number });
  }

  #direct(event: PlacesEvent): void {
    for (const action of this.#places.handle(event)) this.#perform(action);
    this.#awaitTick();
  }

  #perform(action: PlacesAction): void {
    const { nodeId, send, objectsLost } = this.#ports;
    switch (action.type) {
      case "answer": {
        const { to, ...answer } = action;
        if (to !== nodeId) {
          return send(to, { ...answer, type: "object_located" });
        }
        return this.#later(() => this.#pulls.located(answer));
      }
      case "free_at": {
        const { owner, number } = action;
        if (action.nodeId === nodeId) {
          return this.#later(() => this.#free(owner, number));
        }
        return send(action.nodeId, { type: "object_freed", owner, number });
      }
      case "fetch":
        return this.#later(() => this.#fetch(action.owner, action.number));
      case "keep_at": {
        const { owner, number } = action;
        if (action.nodeId === nodeId) {
          return this.#later(() => this.#keep(owner, number));
        }
        return send(action.nodeId, { type: "object_keep", owner, number });
      }
      case "objects_lost":
        return objectsLost(action.owner, action.numbers);
    }
  }

  /** Looks from time to time who has waited for too long. */
  #awaitTick(): void {
    if (this.#isTicking || !this.#places.isWaiting) return;
    this.#isTicking = true;
    this.#timers.after(OBJECT_TICK_MS, () => {
      this.#isTicking = false;
      this.#direct({ type: "clock_ticked" });
      this.#ports.told();
    });
  }

  /** Once nobody is being spoken with: one thing after another. */
  #later(work: () => void): void {
    if (this.#heard.length === 0) queueMicrotask(() => this.#work());
    this.#heard.push(work);
  }

  #work(): void {
    for (let at = 0; at < this.#heard.length; at++) this.#heard[at]!();
    this.#heard = [];
    this.#ports.told();
  }
}

function isWhole({ state }: StoredObjectEntry): boolean {
  return state === "sealed" || state === "spilled" || state === "restoring";
}

/** What the home of an owner is told. */
type HomeMessage = Extract<
  ClusterMessage,
  { type: "object_sealed_at" | "object_locate" | "object_gone_at" }
>;

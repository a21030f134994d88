// Where the objects of a node's owners are: what their home keeps. It says who
// pulls a copy from whom, so that many readers become a tree and no copy serves
// too many at a time, who frees what, and what is lost with a node. One node of
// those that have an object keeps it, as its primary; the others may drop it.
// Pure: it is told what has happened and answers with what is to be done.

import type { Clock } from "../base/clock.ts";
import { unreachable } from "../base/errors.ts";
import { type NodeId, objectKey, type WorkerId } from "../base/ids.ts";
import {
  OBJECT_ANNOUNCED_MS,
  OBJECT_FREED_KEPT_MS,
  OBJECT_VAIN_SOURCES_MAX,
} from "../base/limits.ts";
import {
  cancelPull,
  endPull,
  forget,
  hasGood,
  type ObjectNamed,
  type Place,
  sourceOf,
} from "./object_place.ts";

export type PlacesEvent =
  /** The object is whole at this node, pulled or written there. */
  | ({
    readonly type: "sealed_at";
    readonly sizeBytes: number;
    readonly nodeId: NodeId;
    /** Whether the node may drop it. */
    readonly isCopy: boolean;
  } & ObjectNamed)
  /** A node has not got it, and wants to pull it; again if it has failed. */
  | ({
    readonly type: "locate_asked";
    readonly by: NodeId;
    /** Where it could not be had from. */
    readonly except: readonly NodeId[];
  } & ObjectNamed)
  /** `by` says that `nodeId` has not got it, and pulls it no more. */
  | ({
    readonly type: "gone_at";
    readonly nodeId: NodeId;
    readonly by: NodeId;
  } & ObjectNamed)
  | ({ readonly type: "freed" } & ObjectNamed)
  | { readonly type: "owner_ended"; readonly owner: WorkerId }
  /** Who can keep objects now, and who is about to leave. */
  | {
    readonly type: "nodes_changed";
    readonly staying: readonly NodeId[];
    readonly leaving: readonly NodeId[];
  }
  | { readonly type: "node_gone"; readonly nodeId: NodeId }
  /** What was said to and by the node may not have arrived: it asks again. */
  | { readonly type: "node_unlinked"; readonly nodeId: NodeId }
  /** Time has passed; it is read from the clock. */
  | { readonly type: "clock_ticked" };

export type PlacesAction =
  /** Answers who has asked; without a source there is no such object. */
  | ({
    readonly type: "answer";
    readonly to: NodeId;
    readonly source?: NodeId;
    readonly sizeBytes: number;
    /** It was there, and every copy is gone. */
    readonly isLost: boolean;
  } & ObjectNamed)
  /** The node frees its copy, and pulls none. */
  | ({ readonly type: "free_at"; readonly nodeId: NodeId } & ObjectNamed)
  /** The node keeps its copy from now on; it pulls one if it has none. */
  | ({ readonly type: "keep_at"; readonly nodeId: NodeId } & ObjectNamed)
  /** The node itself, the home, pulls a copy. */
  | ({ readonly type: "fetch" } & ObjectNamed)
  /** No copy of these is left. */
  | {
    readonly type: "objects_lost";
    readonly owner: WorkerId;
    readonly numbers: readonly number[];
  };

export interface ObjectPlacesOptions {
  /** The node itself, the home of the owners. */
  readonly nodeId: NodeId;
  readonly clock: Clock;
}

/** See the head of the file. */
export class ObjectPlaces {
  readonly #nodeId: NodeId;
  readonly #clock: Clock;
  readonly #owners = new Map<WorkerId, Map<number, Place>>();
  /** Nodes that can keep what those that leave have; each in its turn. */
  #staying: readonly NodeId[] = [];
  #leaving: ReadonlySet<NodeId> = new Set();
  #nextStaying = 0;
  /** Those that somebody wants and no node has. */
  readonly #nowhere = new Set<Place>();
  /** Freed lately, and before: an announcement of theirs may be under way. */
  #freed = new Set<string>();
  #freedBefore = new Set<string>();
  #freedSinceMs = -Infinity;
  #actions: PlacesAction[] = [];

  constructor({ nodeId, clock }: ObjectPlacesOptions) {
    this.#nodeId = nodeId;
    this.#clock = clock;
  }

  /** Whether `clock_ticked` is wanted from time to time. */
  get isWaiting(): boolean {
    return this.#nowhere.size > 0;
  }

  /** How many objects it knows of. */
  get size(): number {
    let size = 0;
    for (const places of this.#owners.values()) size += places.size;
    return size;
  }

  /** Takes an event in; the actions are to be performed in their order. */
  handle(event: PlacesEvent): PlacesAction[] {
    this.#actions = [];
    this.#apply(event);
    return this.#actions;
  }

  #apply(event: PlacesEvent): void {
    switch (event.type) {
      case "sealed_at":
        return this.#sealed(event);
      case "locate_asked":
        return this.#asked(event, event.by, event.except);
      case "gone_at":
        return this.#gone(event, event.nodeId, event.by);
      case "freed":
        return this.#free(event);
      case "owner_ended":
        for (const place of this.#owners.get(event.owner)?.values() ?? []) {
          this.#remove(place);
        }
        return;
      case "nodes_changed":
        return this.#nodesChanged(event);
      case "node_gone":
        return this.#nodeGone(event.nodeId);
      case "node_unlinked":
        return this.#unlinked(event.nodeId);
      case "clock_ticked":
        return this.#tick();
      default:
        return unreachable(event);
    }
  }

  // -- Copies ----------------------------------------------------------------

  #sealed(sealed: Extract<PlacesEvent, { type: "sealed_at" }>): void {
    const { nodeId, sizeBytes, isCopy } = sealed;
    const present = this.#get(sealed);
    if (!present && this.#wasFreed(sealed)) {
      return this.#freeAt(sealed, nodeId);
    }
    const place = present ?? this.#add(sealed);
    place.isShared ||= nodeId !== this.#nodeId;
    endPull(place, nodeId);
    place.asks.delete(nodeId);
    place.vain.delete(nodeId);
    const { serving = 0, served = 0 } = place.holders.get(nodeId) ?? {};
    place.holders.set(nodeId, {
      ...{ sizeBytes, isGood: true, isPrimary: !isCopy, serving, served },
    });
    place.isLost = false;
    if (place.keeper === nodeId) place.keeper = undefined;
    if (nodeId === this.#nodeId) place.relay = "untried";
    this.#keep(place);
    this.#answerAsks(place);
  }

  #gone(object: ObjectNamed, nodeId: NodeId, by: NodeId): void {
    const place = this.#get(object);
    if (!place) return;
    cancelPull(place, by);
    place.asks.delete(by);
    const isRelay = place.relay === "asked" && by === this.#nodeId;
    if (isRelay && nodeId === by) place.relay = "failed";
    const hadAny = hasGood(place);
    if (nodeId === by) place.holders.delete(nodeId);
    else {
      // It may have something of it after all, to be freed in time.
      const holder = place.holders.get(nodeId);
      if (holder) holder.isGood = false;
    }
    if (hadAny && !hasGood(place)) this.#tellLost([place]);
    if (place.keeper === nodeId) {
      place.keeper = undefined;
      place.refusers.add(nodeId);
    }
    this.#keep(place);
    this.#answerAsks(place);
  }

  #nodeGone(nodeId: NodeId): void {
    for (const places of this.#owners.values()) {
      const lost: Place[] = [];
      for (const place of places.values()) {
        const isKnown = place.holders.get(nodeId)?.isGood;
        forget(place, nodeId);
        if (isKnown && !hasGood(place)) lost.push(place);
      }
      if (lost.length > 0) this.#tellLost(lost);
      for (const place of places.values()) {
        this.#keep(place);
        this.#answerAsks(place);
      }
    }
  }

  /** All are of one owner. */
  #tellLost(places: readonly Place[]): void {
    for (const place of places) place.isLost = true;
    const { owner } = places[0]!;
    const numbers = places.map(({ number }) => number);
    this.#actions.push({ type: "objects_lost", owner, numbers });
  }

  #nodesChanged(
    { staying, leaving }: Extract<PlacesEvent, { type: "nodes_changed" }>,
  ): void {
    const hadLeaving = this.#leaving.size > 0;
    this.#staying = staying;
    this.#leaving = new Set(leaving);
    if (!hadLeaving && leaving.length === 0) return;
    for (const places of this.#owners.values()) {
      for (const place of places.values()) this.#keep(place);
    }
  }

  /** Sees to it that a node which stays keeps the object. */
  #keep(place: Place): void {
    if (place.keeper !== undefined || !hasGood(place)) return;
    const { owner, number, holders, refusers } = place;
    for (const [nodeId, { isGood, isPrimary }] of holders) {
      if (!isGood || !isPrimary || this.#leaving.has(nodeId)) continue;
      refusers.clear();
      return this.#freeLeaving(place);
    }
    const nodeId = this.#keeperOf(place);
    if (nodeId === undefined) return;
    place.keeper = nodeId;
    this.#actions.push({ type: "keep_at", nodeId, owner, number });
  }

  /** One that has the object already, or any that stays. */
  #keeperOf({ holders, refusers }: Place): NodeId | undefined {
    // With its home goes the object's owner.
    if (this.#leaving.has(this.#nodeId)) return undefined;
    for (const [nodeId, { isGood }] of holders) {
      const mayKeep = isGood && !refusers.has(nodeId);
      if (mayKeep && !this.#leaving.has(nodeId)) return nodeId;
    }
    for (let turn = 0; turn < this.#staying.length; turn++) {
      const at = this.#nextStaying++ % this.#staying.length;
      const nodeId = this.#staying[at]!;
      if (!refusers.has(nodeId)) return nodeId;
    }
    return undefined;
  }

  /** Those that leave need not wait for this one any more. */
  #freeLeaving(place: Place): void {
    if (this.#leaving.size === 0) return;
    for (const [nodeId, { isPrimary }] of place.holders) {
      if (!isPrimary || !this.#leaving.has(nodeId)) continue;
      place.holders.delete(nodeId);
      this.#freeAt(place, nodeId);
    }
  }

  // -- Readers ---------------------------------------------------------------

  #asked(
    object: ObjectNamed,
    by: NodeId,
    except: readonly NodeId[],
  ): void {
    const present = this.#get(object);
    if (!present && this.#wasFreed(object)) return this.#deny(object, by);
    const place = present ?? this.#add(object);
    cancelPull(place, by);
    const hadAny = hasGood(place);
    place.holders.delete(by);
    if (hadAny && !hasGood(place)) this.#tellLost([place]);
    this.#keep(place);
    place.isShared ||= by !== this.#nodeId;
    place.asks.set(by, { except, askedAtMs: this.#clock.nowMs() });
    this.#answerAsks(place);
  }

  /** Gives a source to each who waits, as far as there are any. */
  #answerAsks(place: Place): void {
    for (const [to, { except }] of place.asks) {
      if (place.isLost) {
        place.asks.delete(to);
        this.#deny(place, to, true);
        continue;
      }
      const source = sourceOf(place, except);
      if (!source) continue;
      if (except.includes(source[0]) && this.#relays(place, to)) continue;
      const [nodeId, holder] = source;
      holder.serving++;
      holder.served++;
      place.asks.delete(to);
      place.pulls.set(to, nodeId);
      const { owner, number } = place;
      const { sizeBytes } = holder;
      const type = "answer";
      this.#actions.push({
        type,
        to,
        owner,
        number,
        source: nodeId,
        sizeBytes,
        isLost: false,
      });
    }
    this.#settle(place);
  }

  /**
   * Has the home get the object for a node that reaches none of those that
   * have it; whether there is hope of that.
   */
  #relays(place: Place, to: NodeId): boolean {
    if (to === this.#nodeId || place.holders.has(this.#nodeId)) return false;
    const times = (place.vain.get(to) ?? 0) + 1;
    place.vain.set(to, times);
    // A connection may have broken.
    if (times <= OBJECT_VAIN_SOURCES_MAX) return false;
    if (place.relay !== "untried") return place.relay === "asked";
    const { owner, number } = place;
    place.relay = "asked";
    this.#actions.push({ type: "fetch", owner, number });
    return true;
  }

  /** Waits for an object that is nowhere, or forgets it if nobody wants it. */
  #settle(place: Place): void {
    if (place.asks.size > 0 && !hasGood(place)) this.#nowhere.add(place);
    else this.#nowhere.delete(place);
    if (place.asks.size + place.pulls.size + place.holders.size > 0) return;
    if (!place.isLost) this.#delete(place);
  }

  #unlinked(nodeId: NodeId): void {
    for (const places of this.#owners.values()) {
      for (const place of places.values()) {
        cancelPull(place, nodeId);
        place.asks.delete(nodeId);
        if (place.keeper === nodeId) place.keeper = undefined;
        this.#keep(place);
        this.#answerAsks(place);
      }
    }
  }

  #deny({ owner, number }: ObjectNamed, to: NodeId, isLost = false): void {
    const type = "answer";
    this.#actions.push({ type, to, owner, number, sizeBytes: 0, isLost });
  }

  /** Who has waited in vain for long is told so. */
  #tick(): void {
    const nowMs = this.#clock.nowMs();
    for (const place of this.#nowhere) {
      for (const [by, ask] of place.asks) {
        if (nowMs - ask.askedAtMs < OBJECT_ANNOUNCED_MS) continue;
        place.asks.delete(by);
        this.#deny(place, by);
      }
      this.#settle(place);
    }
  }

  // -- The end of objects ----------------------------------------------------

  #free(object: ObjectNamed): void {
    const place = this.#get(object);
    const isOfHome = place?.holders.has(this.#nodeId) && !place.isShared;
    if (!isOfHome) this.#noteFreed(object);
    if (place) this.#remove(place);
  }

  #remove(place: Place): void {
    const { holders, pulls, asks, keeper } = place;
    const nodeIds = new Set(
      [...holders.keys(), ...pulls.keys(), ...asks.keys()],
    );
    if (keeper !== undefined) nodeIds.add(keeper);
    for (const nodeId of nodeIds) this.#freeAt(place, nodeId);
    this.#delete(place);
  }

  #freeAt({ owner, number }: ObjectNamed, nodeId: NodeId): void {
    this.#actions.push({ type: "free_at", nodeId, owner, number });
  }

  #noteFreed({ owner, number }: ObjectNamed): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#freedSinceMs >= OBJECT_FREED_KEPT_MS) {
      this.#freedBefore = this.#freed;
      this.#freed = new Set();
      this.#freedSinceMs = nowMs;
    }
    this.#freed.add(objectKey(owner, number));
  }

  #wasFreed({ owner, number }: ObjectNamed): boolean {
    const key = objectKey(owner, number);
    return this.#freed.has(key) || this.#freedBefore.has(key);
  }

  // -- The table -------------------------------------------------------------

  #get({ owner, number }: ObjectNamed): Place | undefined {
    return this.#owners.get(owner)?.get(number);
  }

  #add({ owner, number }: ObjectNamed): Place {
    const place: Place = {
      ...{ owner, number, holders: new Map(), pulls: new Map() },
      ...{ asks: new Map(), isLost: false, isShared: false },
      ...{ keeper: undefined, refusers: new Set() },
      ...{ vain: new Map(), relay: "untried" },
    };
    let places = this.#owners.get(owner);
    if (!places) this.#owners.set(owner, places = new Map());
    places.set(number, place);
    return place;
  }

  #delete(place: Place): void {
    this.#nowhere.delete(place);
    const places = this.#owners.get(place.owner)!;
    places.delete(place.number);
    if (places.size === 0) this.#owners.delete(place.owner);
  }
}

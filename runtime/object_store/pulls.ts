// What a node pulls from others: each object once, however many threads want to
// open it. It asks the owner's home where the object is, reads it from there
// into memory of the own store, in the store's books like any writer, and then
// lets the threads open it as if it had always been here. What cannot be had
// from one node is tried from another.

import { InvariantError } from "../base/errors.ts";
import type { Timers } from "../base/clock.ts";
import { type NodeId, objectKey, type WorkerId } from "../base/ids.ts";
import {
  PULL_BYTES_MAX,
  PULL_RETRY_MS,
  PULL_RETRY_MS_MAX,
  PULL_TRIES_MAX,
} from "../base/limits.ts";
import { ChunkTarget } from "./chunk_target.ts";
import type {
  DenyReason,
  FromStore,
  RequestId,
  SegmentId,
  ToStore,
} from "./messages.ts";
import type { ObjectReader } from "./peer_objects.ts";

/** A thread's open that waits for a pull. */
export interface PullOpener {
  readonly from: WorkerId;
  readonly message: Extract<ToStore, { type: "object_open" }>;
}

export interface PullsPorts {
  /** Asks the owner's home, which says `located`. */
  locate(owner: WorkerId, number: number, except: readonly NodeId[]): void;
  /** Tells the home that a node has not got it, and that this pull is over. */
  gone(owner: WorkerId, number: number, nodeId?: NodeId): void;
  /** Reads from a node; gives what ends that. */
  read(
    nodeId: NodeId,
    owner: WorkerId,
    number: number,
    reader: ObjectReader,
  ): () => void;
  /** Asks the store for memory; a copy may go when there is none left. */
  create(
    message: Extract<ToStore, { type: "object_create" }>,
    isCopy: boolean,
  ): void;
  /** Tells the store something in the name of the pulls. */
  toStore(message: ToStore): void;
  has(owner: WorkerId, number: number): boolean;
  /** Gives the store an open: the object is there. */
  open(opener: PullOpener): void;
  refuse(opener: PullOpener, reason: DenyReason): void;
  /** Threads were told something outside of calls of the wiring's. */
  told(): void;
  readonly timers: Timers;
}

/** What the home says of an object. */
export interface LocatedObject {
  readonly owner: WorkerId;
  readonly number: number;
  readonly source?: NodeId | undefined;
  readonly sizeBytes: number;
  readonly isLost: boolean;
}

interface Pull {
  readonly key: string;
  readonly owner: WorkerId;
  readonly number: number;
  readonly openers: PullOpener[];
  /** Whether another node keeps the object, too. */
  isCopy: boolean;
  /** Nodes that it could not be had from. */
  readonly failed: Set<NodeId>;
  /**
   * `locating`: the home is asked, or will be soon; `queued`: too much is under
   * way; `creating`: the store is asked for memory; `reading`: it comes.
   */
  state: "locating" | "queued" | "creating" | "reading";
  tries: number;
  source: NodeId | undefined;
  sizeBytes: number;
  /** That of its memory in the store's books, if it is asked for. */
  requestId: RequestId | undefined;
  memory: Uint8Array<SharedArrayBuffer> | undefined;
  stopReading: (() => void) | undefined;
  stopTimer: (() => void) | undefined;
}

/** See the head of the file. */
export class Pulls {
  readonly #ports: PullsPorts;
  readonly #pulls = new Map<string, Pull>();
  readonly #byRequest = new Map<RequestId, Pull>();
  /** Those that are located and have no memory yet, in order. */
  readonly #queued = new Set<Pull>();
  readonly #segments = new Map<SegmentId, SharedArrayBuffer>();
  #bytesUnderWay = 0;
  #nextRequestId = 1;

  constructor(ports: PullsPorts) {
    this.#ports = ports;
  }

  /** How many objects are being pulled. */
  get size(): number {
    return this.#pulls.size;
  }

  /** Memory of the store that is set aside for what is being pulled. */
  get bytesUnderWay(): number {
    return this.#bytesUnderWay;
  }

  /** The owners of what is being pulled. */
  *owners(): Generator<WorkerId> {
    for (const { owner } of this.#pulls.values()) yield owner;
  }

  /** Whether the object is being pulled. */
  has(owner: WorkerId, number: number): boolean {
    return this.#pulls.has(objectKey(owner, number));
  }

  /** Waits for the object, if it is being pulled; whether it is. */
  join(opener: PullOpener): boolean {
    const { owner, number } = opener.message;
    const pull = this.#pulls.get(objectKey(owner, number));
    if (pull && !isKnown(pull, opener)) pull.openers.push(opener);
    return pull !== undefined;
  }

  /** Pulls an object that the store has not got, and nobody has wanted yet. */
  begin(opener: PullOpener): void {
    const { owner, number } = opener.message;
    this.#begin(owner, number, true).openers.push(opener);
  }

  /** Pulls an object that no thread waits for, to drop it again or to keep. */
  fetch(owner: WorkerId, number: number, isCopy: boolean): void {
    const pull = this.#pulls.get(objectKey(owner, number));
    if (!pull) this.#begin(owner, number, isCopy);
    else if (!isCopy) pull.isCopy = false;
  }

  #begin(owner: WorkerId, number: number, isCopy: boolean): Pull {
    const key = objectKey(owner, number);
    const pull: Pull = {
      ...{ key, owner, number, openers: [], isCopy },
      ...{ failed: new Set(), state: "locating", tries: 1, sizeBytes: 0 },
      ...{ source: undefined, requestId: undefined, memory: undefined },
      ...{ stopReading: undefined, stopTimer: undefined },
    };
    this.#pulls.set(key, pull);
    this.#ports.locate(owner, number, []);
    return pull;
  }

  // -- What the home says ----------------------------------------------------

  /** Where the object is; without a source there is none. */
  located({ owner, number, source, sizeBytes, isLost }: LocatedObject): void {
    const pull = this.#pulls.get(objectKey(owner, number));
    if (pull?.state !== "locating") return;
    // It may be the answer to what was asked before the last try.
    this.#stopTimer(pull);
    if (source === undefined) {
      return this.#end(pull, isLost ? "lost" : "not_found");
    }
    if (pull.memory && pull.sizeBytes !== sizeBytes) this.#giveMemoryBack(pull);
    pull.source = source;
    pull.sizeBytes = sizeBytes;
    if (pull.memory) return this.#read(pull);
    pull.state = "queued";
    this.#queued.add(pull);
    this.#admit();
  }

  /** The object is freed, or its owner is gone. */
  freed(owner: WorkerId, number: number, reason: DenyReason): void {
    const pull = this.#pulls.get(objectKey(owner, number));
    if (pull) this.#end(pull, reason);
  }

  /** All objects of the owner are gone with it. */
  ownerEnded(owner: WorkerId): void {
    for (const pull of [...this.#pulls.values()]) {
      if (pull.owner === owner) this.#end(pull, "owner_ended");
    }
  }

  /** What these homes were asked may not have arrived. */
  askAgain(isOf: (owner: WorkerId) => boolean): void {
    for (const pull of [...this.#pulls.values()]) {
      const isAsked = pull.state === "locating" && !pull.stopTimer;
      if (isAsked && isOf(pull.owner)) this.#tryAgain(pull, true);
    }
  }

  // -- Memory ----------------------------------------------------------------

  #admit(): void {
    for (const pull of this.#queued) {
      const { owner, number, sizeBytes, isCopy } = pull;
      const bytes = this.#bytesUnderWay + sizeBytes;
      if (this.#bytesUnderWay > 0 && bytes > PULL_BYTES_MAX) return;
      this.#queued.delete(pull);
      if (this.#ports.has(owner, number)) {
        this.#end(pull);
        continue;
      }
      this.#bytesUnderWay = bytes;
      const requestId = this.#nextRequestId++;
      pull.state = "creating";
      pull.requestId = requestId;
      this.#byRequest.set(requestId, pull);
      const type = "object_create";
      const create = { type, requestId, owner, number, sizeBytes } as const;
      this.#ports.create(create, isCopy);
    }
  }

  /** Takes in what the store says; not while the store is being called. */
  fromStore(message: FromStore): void {
    switch (message.type) {
      case "object_created":
        return this.#created(message);
      case "object_denied": {
        const pull = this.#byRequest.get(message.requestId);
        if (!pull) return;
        this.#forgetMemory(pull);
        this.#end(pull, message.reason);
        return;
      }
      case "segment_drop": {
        const { segmentId } = message;
        this.#segments.delete(segmentId);
        this.#ports.toStore({ type: "segment_release", segmentId });
      }
    }
  }

  #created(
    { requestId, segmentId, segment }: Extract<
      FromStore,
      { type: "object_created" }
    >,
  ): void {
    if (segment) this.#segments.set(segmentId, segment);
    const pull = this.#byRequest.get(requestId);
    // Given up on while it waited for room.
    if (!pull) return;
    const memory = this.#segments.get(segmentId);
    if (!memory) throw new InvariantError(`Segment ${segmentId} never came`);
    pull.memory = new Uint8Array(memory, 0, pull.sizeBytes);
    this.#read(pull);
  }

  /** There will be no object in the memory that the pull has asked for. */
  #giveMemoryBack(pull: Pull): void {
    const { requestId } = pull;
    if (requestId === undefined) return;
    this.#forgetMemory(pull);
    this.#ports.toStore({ type: "object_abort", requestId });
  }

  #forgetMemory(pull: Pull): void {
    if (pull.requestId === undefined) return;
    this.#byRequest.delete(pull.requestId);
    this.#bytesUnderWay -= pull.sizeBytes;
    pull.requestId = undefined;
    pull.memory = undefined;
  }

  // -- Reading ---------------------------------------------------------------

  #read(pull: Pull): void {
    const { owner, number, source, sizeBytes, memory } = pull;
    pull.state = "reading";
    pull.stopReading = this.#ports.read(source!, owner, number, {
      target: new ChunkTarget(memory!),
      found: (foundBytes) => {
        if (foundBytes !== sizeBytes) this.#failed(pull, true);
        else if (sizeBytes === 0) this.#whole(pull);
      },
      whole: () => this.#whole(pull),
      denied: () => this.#failed(pull, true),
      broken: () => this.#failed(pull, false),
    });
  }

  /** `isGone`: the source has not got it as it was. */
  #failed(pull: Pull, isGone: boolean): void {
    const { owner, number } = pull;
    const source = pull.source!;
    this.#stopReading(pull);
    if (isGone) this.#ports.gone(owner, number, source);
    const isSecond = pull.failed.has(source);
    pull.failed.add(source);
    pull.state = "locating";
    this.#tryAgain(pull, isSecond);
    this.#ports.told();
  }

  #tryAgain(pull: Pull, isLater: boolean): void {
    if (pull.tries >= PULL_TRIES_MAX) return this.#end(pull, "unreachable");
    const { owner, number, failed } = pull;
    const ask = () => this.#ports.locate(owner, number, [...failed]);
    pull.tries++;
    if (!isLater) return ask();
    const delayMs = PULL_RETRY_MS * 2 ** (pull.tries - 2);
    pull.stopTimer = this.#ports.timers.after(
      Math.min(delayMs, PULL_RETRY_MS_MAX),
      () => {
        pull.stopTimer = undefined;
        ask();
        this.#ports.told();
      },
    );
  }

  #stopTimer(pull: Pull): void {
    pull.stopTimer?.();
    pull.stopTimer = undefined;
  }

  #stopReading(pull: Pull): void {
    pull.stopReading?.();
    pull.stopReading = undefined;
  }

  #whole(pull: Pull): void {
    const requestId = pull.requestId!;
    this.#forgetMemory(pull);
    // Before the seal: nobody may take the memory in between.
    for (const opener of pull.openers.splice(0)) this.#ports.open(opener);
    // From now on the store has it; it tells the home.
    this.#ports.toStore({ type: "object_seal", requestId });
    this.#end(pull);
  }

  /** Somebody of this node has written the object meanwhile. */
  sealedHere(owner: WorkerId, number: number): void {
    const pull = this.#pulls.get(objectKey(owner, number));
    if (pull) this.#end(pull);
  }

  /**
   * The pull is over: whoever has waited for it opens what the store has, or
   * else is refused.
   */
  #end(pull: Pull, reason: DenyReason = "not_found"): void {
    const { owner, number, openers } = pull;
    this.#pulls.delete(pull.key);
    this.#queued.delete(pull);
    this.#stopTimer(pull);
    this.#stopReading(pull);
    this.#giveMemoryBack(pull);
    const isHere = this.#ports.has(owner, number);
    for (const opener of openers) {
      if (isHere) this.#ports.open(opener);
      else this.#ports.refuse(opener, reason);
    }
    if (!isHere) this.#ports.gone(owner, number);
    this.#admit();
    this.#ports.told();
  }
}

function isKnown({ openers }: Pull, { from, message }: PullOpener): boolean {
  return openers.some((each) =>
    each.from === from && each.message.requestId === message.requestId
  );
}

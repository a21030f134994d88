// The object store of a node, on the node's thread: owns the shared memory,
// makes events of the threads' messages, has the index decide and performs
// what it says. It never looks into an object.

import { type Clock, systemClock } from "../base/clock.ts";
import { unreachable } from "../base/errors.ts";
import type { WorkerId } from "../base/ids.ts";
import type { ReturnMemory } from "../platform/platform.ts";
import { type Collector, newCollector } from "./collector.ts";
import { FileLoans } from "./file_loans.ts";
import {
  eventOf,
  type Holder,
  NODE_HOLDER,
  type SpillFileId,
  type SpillPiece,
  type StoreAction,
  type StoreEvent,
} from "./index_events.ts";
import type { MakeLoanFile } from "./loan_folder.ts";
import type {
  DenyReason,
  FromStore,
  RequestId,
  SegmentId,
  StoredObjectEntry,
  StoreStats,
  ToStore,
} from "./messages.ts";
import { ReturnedMemory } from "./returned_memory.ts";
import { SharedSegments } from "./shared_segments.ts";
import type { SpillDisk } from "./spill_disk.ts";
import { StoreIndex } from "./store_index.ts";

/** An object that is whole. */
export type SealedObject = Pick<
  StoredObjectEntry,
  "owner" | "number" | "sizeBytes" | "isCopy"
>;

export interface NodeStoreOptions {
  /** What all segments together may take, pooled ones included. */
  readonly capacityBytes: number;
  /** Sends a message that holds no shared memory; in order. */
  send(workerId: WorkerId, message: FromStore): void;
  /** Sends a message with a SharedArrayBuffer in it; any order. */
  sendShared(workerId: WorkerId, message: FromStore): void;
  /** Collects the garbage of the node's own thread. */
  collectGarbage(): void;
  /** Calls back later; must not keep the process alive. */
  after(delayMs: number, callback: () => void): void;
  /** The store has sent something by itself, not within a call to it. */
  sentByItself(): void;
  /** An object is whole, and in this store. */
  sealed?(object: SealedObject): void;
  /** A copy was dropped for want of memory. */
  dropped?(owner: WorkerId, number: number): void;
  /** Where objects go that find no room; without one they wait for it. */
  readonly disk?: SpillDisk | undefined;
  /** Makes files for child processes, which cannot share memory. */
  readonly makeLoanFile?: MakeLoanFile;
  /** Gives pages back to the system, where the runtime can. */
  readonly returnMemory?: ReturnMemory | undefined;
  /** @default {newCollector()} */
  readonly collector?: Collector;
  /** @default {systemClock} */
  readonly clock?: Clock;
}

/** See the head of the file. */
export class NodeStore {
  readonly #options: NodeStoreOptions;
  readonly #clock: Clock;
  readonly #index: StoreIndex;
  readonly #segments: SharedSegments;
  readonly #returned: ReturnedMemory | undefined;
  readonly #loans: FileLoans | undefined;
  /** What uses the store on the node's own thread. */
  readonly #locals = new Map<WorkerId, (message: FromStore) => void>();
  /** When the store wakes up by itself, if it does. */
  #wakesAtMs = Infinity;
  #isReturning = false;

  constructor(options: NodeStoreOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#segments = new SharedSegments(
      options.collector ?? newCollector(),
      (segmentId) => this.#released(segmentId),
    );
    this.#index = new StoreIndex({
      capacityBytes: options.capacityBytes,
      clock: this.#clock,
      canSpill: options.disk !== undefined,
      returnsMemory: options.returnMemory !== undefined,
    });
    this.#loans = options.makeLoanFile && new FileLoans(options.makeLoanFile);
    this.#returned = options.returnMemory &&
      new ReturnedMemory(options.returnMemory);
  }

  /** Whether `tick` is wanted from time to time. */
  get isWaiting(): boolean {
    return this.#index.isWaiting;
  }

  /**
   * Serves the thread from now on; before its first message. One of another
   * process gets files in place of shared memory.
   */
  workerStarted(workerId: WorkerId, isBorrower = false): void {
    if (isBorrower) this.#loans?.workerStarted(workerId);
    this.#take({ type: "worker_started", workerId });
  }

  /** Serves something on the node's own thread like one of the threads. */
  localStarted(
    workerId: WorkerId,
    receive: (message: FromStore) => void,
  ): void {
    this.#locals.set(workerId, receive);
    this.#take({ type: "worker_started", workerId });
  }

  /** A thread of another node may own objects here, until `workerEnded`. */
  ownerKnown(workerId: WorkerId): void {
    this.#take({ type: "owner_known", workerId });
  }

  /** The thread is gone: frees what it owned and what it had mapped. */
  workerEnded(workerId: WorkerId): void {
    const type = "worker_ended";
    this.#locals.delete(workerId);
    if (!this.#loans?.has(workerId)) return this.#take({ type, workerId });
    this.#loans.workerEnded(workerId)
      .then(() => this.#takeLate({ type, workerId }));
  }

  /** Closes what processes that end with the node had of it. */
  async end(): Promise<void> {
    await this.#loans?.end();
  }

  /** Time has passed. */
  tick(): void {
    this.#take({ type: "clock_ticked" });
  }

  /** Takes a message of a thread in. */
  receive(from: WorkerId, message: ToStore): void {
    if (this.#loans?.has(from)) {
      return this.#receiveOfBorrower(this.#loans, from, message);
    }
    this.#take(eventOf(from, message));
  }

  /** Like `object_create`, of what another node has and keeps. */
  createCopy(
    requester: WorkerId,
    create: Extract<ToStore, { type: "object_create" }>,
  ): void {
    const { requestId, owner, number, sizeBytes } = create;
    const type = "create_requested";
    const facts = { requester, requestId, owner, number, sizeBytes };
    this.#take({ type, ...facts, isCopy: true });
  }

  /** From now on this one is not dropped; others have none of it. */
  keep(owner: WorkerId, number: number): void {
    this.#take({ type: "copy_kept", owner, number });
  }

  /** Denies what a thread has asked for and the store was not told of. */
  refuse(
    requester: WorkerId,
    requestId: RequestId,
    reason: DenyReason,
  ): void {
    this.#take({ type: "open_refused", requester, requestId, reason });
  }

  /** Whether there is such an object, or will be once it is written. */
  has(owner: WorkerId, number: number): boolean {
    return this.#index.has(owner, number);
  }

  find(owner: WorkerId, number: number): StoredObjectEntry | undefined {
    return this.#index.find(owner, number);
  }

  /** How many objects of an owner are here that are no copies. */
  keptOf(owner: WorkerId): number {
    return this.#index.keptOf(owner);
  }

  /** How many objects a thread owns here; undefined if it is not known. */
  countOf(owner: WorkerId): number | undefined {
    return this.#index.countOf(owner);
  }

  /** Whether it is of this node; undefined if it is not known. */
  isServed(workerId: WorkerId): boolean | undefined {
    return this.#index.isServed(workerId);
  }

  /** Those of other nodes that own something here. */
  ownerIds(): Iterable<WorkerId> {
    return this.#index.workerIds(false);
  }

  #receiveOfBorrower(loans: FileLoans, from: WorkerId, message: ToStore): void {
    const event = eventOf(from, message);
    switch (message.type) {
      case "object_seal": {
        const { requestId } = message;
        loans.takeOver(from, requestId).then(
          () => this.#takeLate(event),
          () =>
            this.#takeLate({
              type: "create_aborted",
              requester: from,
              requestId,
            }),
        );
        return;
      }
      case "object_abort":
      case "mapping_close":
        loans.close(from, message.requestId);
    }
    this.#take(event);
  }

  /** Has every thread look for what nobody refers to any more. */
  collectGarbage(): void {
    this.#perform({ type: "collect_garbage" });
    this.#options.sentByItself();
  }

  stats(): StoreStats {
    return this.#index.stats();
  }

  /** The first of its objects, in no order that means anything. */
  list(countMax = Infinity): StoredObjectEntry[] {
    const entries: StoredObjectEntry[] = [];
    for (const entry of this.#index.list()) {
      if (entries.length >= countMax) break;
      entries.push(entry);
    }
    return entries;
  }

  /** Throws if the books do not agree with one another. For tests. */
  validate(): void {
    this.#index.validate();
  }

  #take(event: StoreEvent): void {
    const events = [event];
    for (let next = events.shift(); next; next = events.shift()) {
      for (const action of this.#index.handle(next)) {
        const outcome = this.#perform(action);
        if (outcome) events.push(outcome);
      }
      if (!this.#isReturning) events.push(...this.#returnMemory());
    }
    this.#awaitWake();
  }

  /** Takes an event in that comes by itself, not with a message. */
  #takeLate(event: StoreEvent): void {
    this.#take(event);
    this.#options.sentByItself();
  }

  /** Does what the index wants; allocations have an outcome. */
  #perform(action: StoreAction): StoreEvent | undefined {
    switch (action.type) {
      case "allocate_segment":
        return this.#allocate(action.segmentId, action.sizeBytes);
      case "create_object":
        return this.#reply(action, {
          type: "object_created",
          requestId: action.requestId,
          segmentId: action.segmentId,
          sizeBytes: action.sizeBytes,
          isCurrent: action.isCurrent,
        });
      case "open_object":
        return this.#reply(action, {
          type: "object_opened",
          requestId: action.requestId,
          segmentId: action.segmentId,
          sizeBytes: action.sizeBytes,
        });
      case "deny_request": {
        const { requester, requestId, reason } = action;
        const { capacityBytes } = this.#options;
        const type = "object_denied";
        this.#send(requester, { type, requestId, reason, capacityBytes });
        return undefined;
      }
      case "announce_object":
        this.#options.sealed?.(action);
        return undefined;
      case "announce_dropped":
        this.#options.dropped?.(action.owner, action.number);
        return undefined;
      case "share_segment":
        return this.#share(action.requester, action.segmentId);
      case "drop_segment":
        return this.#drop(action.segmentId, action.holders);
      case "recall_objects": {
        const { owner, objects } = action;
        this.#send(owner, { type: "objects_recall", objects });
        return undefined;
      }
      case "write_spill_file":
        return this.#write(action.fileId, action.pieces);
      case "restore_object":
        return this.#restore(action);
      case "delete_spill_file":
        this.#options.disk!.delete(action.fileId);
        return undefined;
      case "collect_garbage":
        for (const workerId of this.#index.workerIds(true)) {
          if (this.#locals.has(workerId)) continue;
          this.#send(workerId, { type: "garbage_collect" });
        }
        // Its own garbage is dropped segments; most often empty ones.
        if (!this.#returned) this.#options.collectGarbage();
        return undefined;
      default:
        return unreachable(action);
    }
  }

  #allocate(segmentId: SegmentId, sizeBytes: number): StoreEvent {
    try {
      this.#segments.add(segmentId, new SharedArrayBuffer(sizeBytes));
      return { type: "segment_allocated", segmentId };
    } catch {
      // A RangeError: the system, or the runtime's own limit, says no.
      return { type: "segment_allocation_failed", segmentId };
    }
  }

  #reply(
    { requester, isNew }: {
      readonly requester: WorkerId;
      readonly isNew: boolean;
    },
    reply: Extract<FromStore, { type: "object_created" | "object_opened" }>,
  ): undefined {
    const segment = this.#segments.get(reply.segmentId)!;
    if (this.#loans?.has(requester)) {
      return void this.#lend(this.#loans, requester, reply, segment);
    }
    if (isNew) this.#sendShared(requester, { ...reply, segment });
    else this.#send(requester, reply);
  }

  #send(workerId: WorkerId, message: FromStore): void {
    const receive = this.#locals.get(workerId);
    if (receive) receive(message);
    else this.#options.send(workerId, message);
  }

  #sendShared(workerId: WorkerId, message: FromStore): void {
    const receive = this.#locals.get(workerId);
    if (receive) receive(message);
    else this.#options.sendShared(workerId, message);
  }

  /** Has a child process read, or write, the object in a file. */
  async #lend(
    loans: FileLoans,
    requester: WorkerId,
    reply: Extract<FromStore, { type: "object_created" | "object_opened" }>,
    segment: SharedArrayBuffer,
  ): Promise<void> {
    const { requestId, segmentId } = reply;
    const bytes = new Uint8Array(segment, 0, reply.sizeBytes);
    const isRead = reply.type === "object_opened";
    try {
      const file = isRead
        ? await loans.lend(requester, requestId, segmentId, bytes)
        : await loans.draft(requester, requestId, bytes);
      if (file === undefined) return;
      this.#options.send(requester, { ...reply, file });
      this.#options.sentByItself();
    } catch {
      // Neither shared memory nor the session's folder has room.
      loans.close(requester, requestId);
      const { capacityBytes } = this.#options;
      const reason = "allocation_failed";
      const type = "object_denied";
      const denial: FromStore = { type, requestId, reason, capacityBytes };
      this.#options.send(requester, denial);
      const ending = isRead ? "mapping_closed" : "create_aborted";
      this.#takeLate({ type: ending, requester, requestId });
    }
  }

  #share(workerId: WorkerId, segmentId: SegmentId): undefined {
    const segment = this.#segments.get(segmentId);
    if (!segment) return;
    const type = "segment_share";
    this.#sendShared(workerId, { type, segmentId, segment });
  }

  #write(fileId: SpillFileId, pieces: readonly SpillPiece[]): undefined {
    const bytes = pieces.map(({ segmentId, sizeBytes }) =>
      new Uint8Array(this.#segments.get(segmentId)!, 0, sizeBytes)
    );
    this.#options.disk!.write(fileId, bytes, (outcome) =>
      this.#takeLate(
        outcome.type === "advanced"
          ? { ...outcome, type: "spill_advanced", fileId }
          : { ...outcome, type: "spill_failed", fileId },
      ));
  }

  #restore(
    { segmentId, sizeBytes, ...copy }: Extract<
      StoreAction,
      { type: "restore_object" }
    >,
  ): undefined {
    const segment = this.#segments.get(segmentId)!;
    const target = new Uint8Array(segment, 0, sizeBytes);
    this.#options.disk!.read(copy, target).then((isRead) => {
      const type = isRead ? "object_restored" : "restore_failed";
      this.#takeLate({ type, segmentId });
    });
  }

  #drop(segmentId: SegmentId, holders: readonly Holder[]): undefined {
    const segment = this.#segments.get(segmentId);
    if (segment) this.#returned?.add(segmentId, segment);
    this.#segments.drop(segmentId);
    for (const holder of holders) {
      if (holder === NODE_HOLDER) continue;
      this.#send(holder, { type: "segment_drop", segmentId });
    }
  }

  /** Gives some dropped memory back, and the rest a little later. */
  #returnMemory(): StoreEvent[] {
    if (!this.#returned?.isWaiting) return [];
    const done = this.#returned.next();
    this.#isReturning = this.#returned.isWaiting;
    if (this.#isReturning) {
      this.#options.after(0, () => {
        const events = this.#returnMemory();
        for (const event of events) this.#take(event);
        this.#options.sentByItself();
      });
    }
    return done.map((segmentId) => ({ type: "segment_returned", segmentId }));
  }

  #released(segmentId: SegmentId): void {
    const type = "segment_released";
    this.#takeLate({ type, holder: NODE_HOLDER, segmentId });
  }

  /** Wakes up when the index has something to do that time alone leads to. */
  #awaitWake(): void {
    const wakeAtMs = this.#index.nextWakeAtMs;
    if (wakeAtMs === undefined || wakeAtMs >= this.#wakesAtMs) return;
    this.#wakesAtMs = wakeAtMs;
    const delayMs = Math.max(1, wakeAtMs - this.#clock.nowMs());
    this.#options.after(delayMs, () => {
      // An earlier one may have come in between; then this one is needless.
      if (this.#wakesAtMs === wakeAtMs) this.#wakesAtMs = Infinity;
      this.tick();
      this.#options.sentByItself();
    });
  }
}

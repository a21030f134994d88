// The object store's books: a pure state machine that is told what threads
// ask for and answers with what is to be done. It touches no memory, sends
// nothing and reads time from an injected clock only. An object waits for
// room, gets a segment, is written, sealed, read and freed. Its segment returns
// to the pool once no thread has it mapped either: views may outlive all refs.

import type { Clock } from "../base/clock.ts";
import { unreachable } from "../base/errors.ts";
import type { WorkerId } from "../base/ids.ts";
import { CREATES_WAITING_MAX, STORE_OVERTAKE_MS } from "../base/limits.ts";
import { GarbagePace } from "./garbage_pace.ts";
import type {
  Asked,
  CreateRequested,
  OpenRequested,
  StoreAction,
  StoreEvent,
} from "./index_events.ts";
import type {
  DenyReason,
  SegmentId,
  StoredObjectEntry,
  StoreStats,
} from "./messages.ts";
import {
  isSameRequest,
  type Mapping,
  ObjectTable,
  type PlacedObject,
  type StoredObject,
  type WaitingObject,
} from "./object_table.ts";
import { type Segment, SegmentTable } from "./segment_table.ts";
import { segmentBytesFor } from "./size_class.ts";
import { validateBooks } from "./validate_books.ts";

export interface StoreIndexOptions {
  /** What all segments together may take, pooled ones included. */
  readonly capacityBytes: number;
  readonly clock: Clock;
}

/** See the head of the file. */
export class StoreIndex {
  readonly #clock: Clock;
  readonly #segments: SegmentTable;
  readonly #objects = new ObjectTable();
  /**
   * All creates that wait for room, first come first. Each is in the table,
   * but for those whose object is there already, written by somebody else.
   */
  readonly #queue = new Set<WaitingObject>();
  /** The writer of each segment that is being allocated. */
  readonly #allocating = new Map<SegmentId, Mapping>();
  readonly #garbage = new GarbagePace();
  #actions: StoreAction[] = [];

  constructor(options: StoreIndexOptions) {
    this.#clock = options.clock;
    this.#segments = new SegmentTable(options.capacityBytes);
  }

  /** Takes an event in; the actions are to be performed in their order. */
  handle(event: StoreEvent): StoreAction[] {
    this.#actions = [];
    this.#apply(event);
    if (this.#queue.size > 0) this.#placeWaiting();
    this.#askForGarbage();
    return this.#actions;
  }

  stats(): StoreStats {
    return {
      capacityBytes: this.#segments.capacityBytes,
      usedBytes: this.#segments.usedBytes,
      pooledBytes: this.#segments.pooledBytes,
      drainingBytes: this.#segments.drainingBytes,
      objects: this.#objects.size,
      waiting: this.#queue.size,
    };
  }

  *list(): Generator<StoredObjectEntry> {
    for (const object of this.#objects.objects()) {
      const { owner, number, sizeBytes, state } = object;
      const mappings = state === "waiting" ? 0 : object.segment.mappings;
      yield { owner, number, sizeBytes, state, mappings };
    }
  }

  /** The threads that are served. */
  *workerIds(): Generator<WorkerId> {
    for (const [workerId] of this.#objects.workers) yield workerId;
  }

  /** Whether something waits that only the passing of time may help. */
  get isWaiting(): boolean {
    return this.#queue.size > 0 || this.#segments.drainingBytes > 0;
  }

  /** When the pool will have something to give back, if it has anything. */
  get nextIdleAtMs(): number | undefined {
    return this.#segments.nextIdleAtMs;
  }

  /** Throws if the books do not agree with one another. For tests. */
  validate(): void {
    validateBooks({
      segments: this.#segments,
      objects: this.#objects,
      queue: this.#queue,
      allocating: this.#allocating,
    });
  }

  #apply(event: StoreEvent): void {
    switch (event.type) {
      case "worker_started":
        return this.#objects.addWorker(event.workerId);
      case "worker_ended":
        return this.#endWorker(event.workerId);
      case "create_requested":
        return this.#create(event);
      case "open_requested":
        return this.#open(event);
      case "object_sealed":
        return this.#seal(event);
      case "create_aborted":
        return this.#abort(event);
      case "mapping_closed":
        return this.#closeReader(event);
      case "object_freed": {
        const object = this.#objects.get(event.owner, event.number);
        if (object) this.#remove(object, "freed");
        return;
      }
      case "segment_wanted":
        return this.#share(event.requester, event.segmentId);
      case "segment_released":
        return this.#segments.release(event.segmentId, event.holder);
      case "segment_allocated":
        return this.#allocated(event.segmentId);
      case "segment_allocation_failed":
        return this.#allocationFailed(event.segmentId);
      case "clock_ticked":
        return this.#segments.expire(this.#clock.nowMs(), this.#actions);
      default:
        return unreachable(event);
    }
  }

  // -- Creating --------------------------------------------------------------

  #create(event: CreateRequested): void {
    const { requester, requestId, owner, number, sizeBytes } = event;
    const isNew = this.#objects.worker(requester)?.requests.add(requestId);
    if (isNew === undefined) return;
    const mapping = this.#objects.mapping(event);
    if (mapping) return this.#answerWriter(mapping);
    if (!isNew && this.#queued(event)) return;
    const refusal = this.#refusal(event) ?? (isNew ? undefined : "freed");
    if (refusal) return this.#deny(event, refusal);
    const openers = this.#supersede(this.#objects.get(owner, number));
    const object: WaitingObject = {
      state: "waiting",
      owner,
      number,
      sizeBytes,
      writer: { requester, requestId },
      openers: openers ?? [],
      queuedAtMs: this.#clock.nowMs(),
    };
    this.#queue.add(object);
    if (openers) this.#objects.set(object);
  }

  #refusal({ owner, sizeBytes }: CreateRequested): DenyReason | undefined {
    if (!this.#objects.worker(owner)) return "owner_ended";
    if (sizeBytes > this.#segments.capacityBytes) return "too_large";
    if (this.#queue.size >= CREATES_WAITING_MAX) return "queue_full";
    return undefined;
  }

  /**
   * Makes place for a second create of an object, which comes when its task
   * runs again. Returns who waits for the object, or nothing if the first one
   * stays and the second writer writes for nobody: where the first is sealed,
   * or of the owner itself, which opens what it wrote without asking.
   */
  #supersede(present: StoredObject | undefined): Asked[] | undefined {
    if (!present) return [];
    const { state, writer, owner } = present;
    const isFirm = state === "sealed" || writer.requester === owner;
    if (isFirm && this.#objects.worker(writer.requester)) return undefined;
    const openers = present.openers.splice(0);
    this.#remove(present, "freed");
    return openers;
  }

  /** Gives room to waiting creates, first come first served. */
  #placeWaiting(): void {
    const nowMs = this.#clock.nowMs();
    for (const object of this.#queue) {
      if (this.#place(object, nowMs)) {
        this.#garbage.reset();
        continue;
      }
      // One that waits for long must not hold up those that would fit: what
      // it waits for may be held by a task that waits behind it.
      if (nowMs - object.queuedAtMs < STORE_OVERTAKE_MS) return;
    }
  }

  #place(waiting: WaitingObject, nowMs: number): boolean {
    const { writer, sizeBytes, owner, number, openers } = waiting;
    const segment = this.#takeSegment(waiting, nowMs);
    if (!segment) return false;
    this.#queue.delete(waiting);
    const state = segment.allocated ? "writing" : "allocating";
    const object: PlacedObject = {
      ...{ owner, number, sizeBytes, writer, openers },
      state,
      segment,
    };
    const mapping: Mapping = {
      ...writer,
      ...{ segment, sizeBytes, object, writes: true },
    };
    this.#addMapping(mapping);
    if (this.#objects.has(waiting)) {
      segment.occupied = true;
      this.#objects.set(object);
    }
    if (segment.allocated) {
      this.#answerWriter(mapping);
      return true;
    }
    this.#allocating.set(segment.id, mapping);
    this.#actions.push({
      type: "allocate_segment",
      segmentId: segment.id,
      sizeBytes: segment.sizeBytes,
    });
    return true;
  }

  #takeSegment(waiting: WaitingObject, nowMs: number): Segment | undefined {
    const { capacityBytes } = this.#segments;
    const segmentBytes = segmentBytesFor(waiting.sizeBytes, capacityBytes);
    const writerId = waiting.writer.requester;
    const segment = this.#segments.takePooled(segmentBytes, writerId) ??
      this.#segments.takeFresh(segmentBytes) ??
      // Warm memory that is too large beats waiting for memory to drain.
      this.#segments.takeLarger(segmentBytes, writerId);
    if (!segment) {
      this.#segments.makeRoom(segmentBytes, nowMs, this.#actions);
    }
    return segment;
  }

  #allocated(segmentId: SegmentId): void {
    const mapping = this.#allocating.get(segmentId);
    if (!mapping?.object) return;
    const { segment, object } = mapping;
    this.#allocating.delete(segmentId);
    segment.allocated = true;
    object.state = "writing";
    if (this.#isOpen(mapping)) this.#answerWriter(mapping);
    this.#segments.poolIfUnused(segment, this.#clock.nowMs());
  }

  #allocationFailed(segmentId: SegmentId): void {
    const mapping = this.#allocating.get(segmentId);
    if (!mapping?.object) return;
    const { segment, object } = mapping;
    this.#allocating.delete(segmentId);
    if (this.#objects.has(object)) this.#remove(object, "not_found");
    if (this.#isOpen(mapping)) {
      this.#close(mapping);
      this.#deny(mapping, "allocation_failed");
    }
    this.#segments.forget(segment);
  }

  #seal(event: Asked): void {
    const mapping = this.#objects.mapping(event);
    const object = mapping?.object;
    if (!mapping || object?.state !== "writing") return;
    object.state = "sealed";
    if (this.#objects.has(object)) {
      for (const opener of object.openers.splice(0)) {
        this.#grant(object, opener);
      }
    }
    this.#close(mapping);
  }

  #abort(event: Asked): void {
    const mapping = this.#objects.mapping(event);
    if (mapping?.object) {
      if (this.#objects.has(mapping.object)) {
        this.#remove(mapping.object, "not_found");
      }
      return this.#close(mapping);
    }
    const waiting = this.#queued(event);
    if (waiting) this.#dequeue(waiting, "not_found");
  }

  #queued(asked: Asked): WaitingObject | undefined {
    for (const object of this.#queue) {
      if (isSameRequest(object.writer, asked)) return object;
    }
    return undefined;
  }

  // -- Reading ---------------------------------------------------------------

  #open(event: OpenRequested): void {
    const { requester, requestId, owner, number } = event;
    const isNew = this.#objects.worker(requester)?.requests.add(requestId);
    if (isNew === undefined) return;
    const mapping = this.#objects.mapping(event);
    if (mapping) return this.#answerReader(mapping);
    const object = this.#objects.get(owner, number);
    if (object?.openers.some((each) => isSameRequest(each, event))) return;
    if (!object || !isNew) {
      const isOwned = this.#objects.worker(owner) !== undefined;
      return this.#deny(event, isOwned ? "not_found" : "owner_ended");
    }
    if (object.state === "sealed") return this.#grant(object, event);
    object.openers.push({ requester, requestId });
  }

  #grant(object: PlacedObject, { requester, requestId }: Asked): void {
    const { segment, sizeBytes } = object;
    const mapping = { requester, requestId, segment, sizeBytes, writes: false };
    this.#addMapping(mapping);
    this.#answerReader(mapping);
  }

  #share(requester: WorkerId, segmentId: SegmentId): void {
    const entry = this.#objects.worker(requester);
    const segment = this.#segments.get(segmentId);
    if (!entry || !segment?.holders.has(requester)) return;
    this.#actions.push({ type: "share_segment", requester, segmentId });
  }

  // -- Ending ----------------------------------------------------------------

  /** Takes the object out; whoever waits for it is told. */
  #remove(object: StoredObject, reason: DenyReason): void {
    if (object.state === "waiting") {
      this.#dequeue(object, reason);
      return this.#deny(object.writer, reason);
    }
    this.#objects.delete(object);
    this.#denyOpeners(object, reason);
    object.segment.occupied = false;
    this.#segments.poolIfUnused(object.segment, this.#clock.nowMs());
  }

  #dequeue(object: WaitingObject, reason: DenyReason): void {
    this.#queue.delete(object);
    if (this.#objects.has(object)) this.#objects.delete(object);
    this.#denyOpeners(object, reason);
  }

  #denyOpeners(object: StoredObject, reason: DenyReason): void {
    const isOwned = reason !== "owner_ended";
    for (const opener of object.openers.splice(0)) {
      this.#deny(opener, isOwned ? "not_found" : reason);
    }
  }

  #closeReader(event: Asked): void {
    const mapping = this.#objects.mapping(event);
    if (mapping && !mapping.writes) this.#close(mapping);
  }

  #close(mapping: Mapping): void {
    const entry = this.#objects.worker(mapping.requester);
    entry?.mappings.delete(mapping.requestId);
    mapping.segment.mappings--;
    this.#segments.poolIfUnused(mapping.segment, this.#clock.nowMs());
  }

  #endWorker(workerId: WorkerId): void {
    const entry = this.#objects.worker(workerId);
    if (!entry) return;
    for (const object of [...entry.objects.values()]) {
      this.#remove(object, "owner_ended");
    }
    for (const waiting of [...this.#queue]) {
      if (waiting.writer.requester === workerId) {
        this.#dequeue(waiting, "not_found");
      }
    }
    for (const mapping of [...entry.mappings.values()]) this.#abort(mapping);
    for (const mapping of [...entry.mappings.values()]) this.#close(mapping);
    for (const object of this.#objects.objects()) {
      const { openers } = object;
      for (let at = openers.length - 1; at >= 0; at--) {
        if (openers[at]!.requester === workerId) openers.splice(at, 1);
      }
    }
    this.#objects.removeWorker(workerId);
    this.#segments.releaseAll(workerId);
    const isOfWorker = (action: StoreAction) =>
      "requester" in action && action.requester === workerId;
    this.#actions = this.#actions.filter((action) => !isOfWorker(action));
  }

  // -- Answers ---------------------------------------------------------------

  #addMapping(mapping: Mapping): void {
    const entry = this.#objects.worker(mapping.requester)!;
    entry.mappings.set(mapping.requestId, mapping);
    mapping.segment.mappings++;
  }

  #isOpen(mapping: Mapping): boolean {
    return this.#objects.mapping(mapping) === mapping;
  }

  #answerWriter(mapping: Mapping): void {
    const { requester, requestId, segment, sizeBytes, object } = mapping;
    if (!object || !segment.allocated) return;
    this.#actions.push({
      type: "create_object",
      ...{ requester, requestId, segmentId: segment.id, sizeBytes },
      isCurrent: this.#objects.has(object),
      isNew: introduce(segment, requester),
    });
  }

  #answerReader(mapping: Mapping): void {
    const { requester, requestId, segment, sizeBytes } = mapping;
    this.#actions.push({
      type: "open_object",
      ...{ requester, requestId, segmentId: segment.id, sizeBytes },
      isNew: introduce(segment, requester),
    });
  }

  #deny({ requester, requestId }: Asked, reason: DenyReason): void {
    this.#actions.push({ type: "deny_request", requester, requestId, reason });
  }

  #askForGarbage(): void {
    const { orphanedBytes, capacityBytes } = this.#segments;
    const isNeeded = this.#queue.size > 0 ||
      this.#garbage.isWorth(orphanedBytes, capacityBytes) ||
      this.#actions.some((action) => action.type === "drop_segment");
    if (!isNeeded || !this.#garbage.isDue(this.#clock.nowMs())) return;
    this.#garbage.asked(orphanedBytes);
    this.#actions.push({ type: "collect_garbage" });
  }
}

/** Notes that the thread gets the segment; whether it is the first time. */
function introduce(segment: Segment, requester: WorkerId): boolean {
  const isNew = !segment.holders.has(requester);
  segment.holders.add(requester);
  return isNew;
}

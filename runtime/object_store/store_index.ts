// The object store's books: a pure state machine that is told what threads
// ask for and answers with what is to be done. It touches no memory, sends
// nothing and reads time from an injected clock only. An object waits for
// room, gets a segment, is written, sealed, read and freed; meanwhile it may go
// to disk and come back. Its segment returns to the pool once no thread has it
// mapped either: views may outlive all refs.

import type { Clock } from "../base/clock.ts";
import { unreachable } from "../base/errors.ts";
import type { WorkerId } from "../base/ids.ts";
import { CREATES_WAITING_MAX } from "../base/limits.ts";
import { Answers, reasonForReaders } from "./answers.ts";
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
  entryOf,
  isSameRequest,
  type Mapping,
  ObjectTable,
  type PlacedObject,
  type QueuedObject,
  type StoredObject,
  type WaitingObject,
} from "./object_table.ts";
import { Placing } from "./placing.ts";
import { mayBeReadAgain, Restoring } from "./restoring.ts";
import { SegmentTable } from "./segment_table.ts";
import { Shortage } from "./shortage.ts";
import { Spilling } from "./spilling.ts";
import { validateBooks } from "./validate_books.ts";

export interface StoreIndexOptions {
  /** What all segments together may take, pooled ones included. */
  readonly capacityBytes: number;
  readonly clock: Clock;
  /** Whether there is a disk to spill to. @default {false} */
  readonly canSpill?: boolean;
  /**
   * Whether memory that is dropped goes back to the system at once, and not
   * only when all threads have collected it. @default {false}
   */
  readonly returnsMemory?: boolean;
}

/** See the head of the file. */
export class StoreIndex {
  readonly #clock: Clock;
  readonly #segments: SegmentTable;
  readonly #objects = new ObjectTable();
  readonly #spilling: Spilling;
  readonly #restoring: Restoring;
  readonly #answers: Answers;
  readonly #placing: Placing;
  readonly #shortage: Shortage;

  constructor(options: StoreIndexOptions) {
    this.#clock = options.clock;
    this.#segments = new SegmentTable(options.capacityBytes);
    this.#spilling = new Spilling({
      segments: this.#segments,
      objects: this.#objects,
      isEnabled: options.canSpill ?? false,
    });
    this.#restoring = new Restoring(this.#segments, this.#objects);
    this.#answers = new Answers(this.#objects);
    this.#placing = new Placing({
      segments: this.#segments,
      objects: this.#objects,
      spilling: this.#spilling,
      restoring: this.#restoring,
      answers: this.#answers,
    });
    this.#shortage = new Shortage({
      segments: this.#segments,
      spilling: this.#spilling,
      restoring: this.#restoring,
      placing: this.#placing,
      answers: this.#answers,
      returnsMemory: options.returnsMemory ?? false,
    });
  }

  /** Takes an event in; the actions are to be performed in their order. */
  handle(event: StoreEvent): StoreAction[] {
    this.#answers.actions = [];
    this.#apply(event);
    const nowMs = this.#clock.nowMs();
    const isPlaced = this.#placing.placeWaiting(nowMs);
    this.#shortage.relieve(event, isPlaced, nowMs);
    return this.#answers.actions;
  }

  stats(): StoreStats {
    return {
      capacityBytes: this.#segments.capacityBytes,
      usedBytes: this.#segments.usedBytes,
      pooledBytes: this.#segments.pooledBytes,
      drainingBytes: this.#segments.drainingBytes,
      objects: this.#objects.size,
      waiting: this.#placing.queue.size,
      spilledBytes: this.#spilling.spilledBytes,
    };
  }

  list(): Generator<StoredObjectEntry> {
    return this.#objects.list();
  }

  /** The threads that are served, or those that only own something. */
  *workerIds(isServed: boolean): Generator<WorkerId> {
    for (const [workerId, entry] of this.#objects.workers) {
      if (entry.isServed === isServed) yield workerId;
    }
  }

  /** Whether there is such an object, or will be once it is written. */
  has(owner: WorkerId, number: number): boolean {
    return this.#objects.get(owner, number) !== undefined;
  }

  find(owner: WorkerId, number: number): StoredObjectEntry | undefined {
    const object = this.#objects.get(owner, number);
    return object && entryOf(object);
  }

  /** How many objects of an owner are here that are no copies. */
  keptOf(owner: WorkerId): number {
    let count = 0;
    for (
      const { isCopy } of this.#objects.worker(owner)?.objects.values() ?? []
    ) {
      if (!isCopy) count++;
    }
    return count;
  }

  /** How many objects a thread owns; undefined if it is not known. */
  countOf(owner: WorkerId): number | undefined {
    return this.#objects.worker(owner)?.objects.size;
  }

  /** Whether a thread speaks with the store; else it only owns objects. */
  isServed(workerId: WorkerId): boolean | undefined {
    return this.#objects.worker(workerId)?.isServed;
  }

  /** Whether something waits that only the passing of time may help. */
  get isWaiting(): boolean {
    return this.#placing.queue.size > 0 || this.#segments.drainingBytes > 0;
  }

  /** When something is to be done that nothing but time leads to. */
  get nextWakeAtMs(): number | undefined {
    return this.#shortage.nextWakeAtMs(this.#clock.nowMs()) ??
      this.#segments.nextIdleAtMs;
  }

  /** Throws if the books do not agree with one another. For tests. */
  validate(): void {
    validateBooks({
      segments: this.#segments,
      objects: this.#objects,
      queue: this.#placing.queue,
      allocating: this.#placing.allocating,
      spilling: this.#spilling,
      restoring: this.#restoring,
    });
  }

  #apply(event: StoreEvent): void {
    switch (event.type) {
      case "worker_started":
        return this.#objects.addWorker(event.workerId, true);
      case "owner_known":
        return this.#objects.addWorker(event.workerId, false);
      case "worker_ended":
        return this.#endWorker(event.workerId);
      case "create_requested":
        return this.#create(event);
      case "open_requested":
        return this.#open(event);
      case "open_refused":
        return this.#refuse(event, event.reason);
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
      case "copy_kept":
        return this.#keep(event.owner, event.number);
      case "segment_wanted":
        return this.#share(event.requester, event.segmentId);
      case "segment_released":
        return this.#segments.release(event.segmentId, event.holder);
      case "segment_allocated":
        return this.#placing.allocated(event.segmentId, this.#clock.nowMs());
      case "segment_allocation_failed":
        return this.#allocationFailed(event.segmentId);
      case "segment_returned":
        return this.#segments.returned(event.segmentId);
      case "object_restored":
        return this.#restored(event.segmentId);
      case "restore_failed":
        return this.#restoreFailed(event.segmentId);
      case "objects_recalled":
        return this.#spilling.recalled(event.owner, event.objects);
      case "spill_advanced":
      case "spill_failed":
        return this.#spilling.heard(
          event,
          this.#clock.nowMs(),
          this.#answers.actions,
        );
      case "clock_ticked":
        return this.#tick();
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
    if (mapping) return this.#answers.create(mapping);
    if (!isNew && this.#placing.queued(event)) return;
    const refusal = this.#refusal(event) ?? (isNew ? undefined : "freed");
    if (refusal) return this.#answers.deny(event, refusal);
    const openers = this.#supersede(this.#objects.get(owner, number));
    const object: WaitingObject = {
      state: "waiting",
      owner,
      number,
      sizeBytes,
      writer: { requester, requestId },
      isCopy: event.isCopy ?? false,
      openers: openers ?? [],
      queuedAtMs: this.#clock.nowMs(),
    };
    this.#placing.queue.add(object);
    if (openers) this.#objects.set(object);
  }

  #refusal({ owner, sizeBytes }: CreateRequested): DenyReason | undefined {
    if (!this.#objects.worker(owner)) return "owner_ended";
    if (sizeBytes > this.#segments.capacityBytes) return "too_large";
    if (this.#placing.queue.size >= CREATES_WAITING_MAX) return "queue_full";
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
    const isWritten = state === "sealed" || state === "spilled" ||
      state === "restoring";
    const isFirm = isWritten || writer.requester === owner;
    if (isFirm && this.#objects.worker(writer.requester)) return undefined;
    const openers = present.openers.splice(0);
    this.#remove(present, "freed");
    return openers;
  }

  #allocationFailed(segmentId: SegmentId): void {
    const object = this.#placing.allocating.get(segmentId);
    if (!object) return;
    this.#placing.allocating.delete(segmentId);
    if (object.state === "restoring") {
      const spilled = this.#restoring.fail(segmentId, this.#clock.nowMs());
      if (spilled) this.#denyOpeners(spilled, "allocation_failed");
    } else {
      if (this.#objects.has(object)) this.#remove(object, "not_found");
      const mapping = this.#objects.mapping(object.writer);
      if (mapping?.object === object) {
        this.#close(mapping);
        this.#answers.deny(mapping, "allocation_failed");
      }
    }
    this.#segments.forget(object.segment);
  }

  #seal(event: Asked): void {
    const mapping = this.#objects.mapping(event);
    if (!mapping?.writes || mapping.object.state !== "writing") return;
    const { object } = mapping;
    object.state = "sealed";
    if (this.#objects.has(object)) {
      for (const opener of object.openers.splice(0)) {
        this.#grant(object, opener);
      }
      this.#answers.announce(object);
    }
    this.#close(mapping);
  }

  #keep(owner: WorkerId, number: number): void {
    const object = this.#objects.get(owner, number);
    if (!object?.isCopy) return;
    object.isCopy = false;
    if ("segment" in object) this.#spilling.kept(object);
  }

  #abort(event: Asked): void {
    const mapping = this.#objects.mapping(event);
    if (mapping?.writes) {
      if (this.#objects.has(mapping.object)) {
        this.#remove(mapping.object, "not_found");
      }
      return this.#close(mapping);
    }
    const waiting = this.#placing.queued(event);
    if (waiting) this.#dequeue(waiting, "not_found");
  }

  // -- Reading ---------------------------------------------------------------

  #open(event: OpenRequested): void {
    const { requester, requestId, owner, number } = event;
    const isNew = this.#objects.worker(requester)?.requests.add(requestId);
    if (isNew === undefined) return;
    const mapping = this.#objects.mapping(event);
    if (mapping) return this.#answers.open(mapping);
    const object = this.#objects.get(owner, number);
    if (object?.openers.some((each) => isSameRequest(each, event))) return;
    if (!object || !isNew) {
      const isOwned = this.#objects.worker(owner) !== undefined;
      return this.#answers.deny(event, isOwned ? "not_found" : "owner_ended");
    }
    if (object.state === "sealed") return this.#grant(object, event);
    object.openers.push({ requester, requestId });
    if (object.state !== "spilled" || this.#placing.queue.has(object)) return;
    object.queuedAtMs = this.#clock.nowMs();
    this.#placing.queue.add(object);
  }

  /** An open that the store was not asked for is denied. */
  #refuse(asked: Asked, reason: DenyReason): void {
    const entry = this.#objects.worker(asked.requester);
    entry?.requests.add(asked.requestId);
    if (entry) this.#answers.deny(asked, reason);
  }

  #grant(object: PlacedObject, { requester, requestId }: Asked): void {
    const { segment, sizeBytes } = object;
    this.#spilling.wake(object);
    const mapping: Mapping = {
      ...{ requester, requestId, segment, sizeBytes, object, writes: false },
    };
    this.#answers.addMapping(mapping);
    this.#answers.open(mapping);
  }

  #restored(segmentId: SegmentId): void {
    const object = this.#restoring.end(segmentId, this.#clock.nowMs());
    if (!object) return;
    const openers = object.openers.splice(0);
    for (const opener of openers) this.#grant(object, opener);
    if (openers.length === 0) this.#spilling.rest(object);
  }

  #restoreFailed(segmentId: SegmentId): void {
    const spilled = this.#restoring.fail(segmentId, this.#clock.nowMs());
    if (!spilled || spilled.openers.length === 0) return;
    if (mayBeReadAgain(spilled)) this.#placing.queue.add(spilled);
    else this.#denyOpeners(spilled, "unreadable");
  }

  #share(requester: WorkerId, segmentId: SegmentId): void {
    const entry = this.#objects.worker(requester);
    const segment = this.#segments.get(segmentId);
    if (!entry || !segment?.holders.has(requester)) return;
    this.#answers.share(requester, segmentId);
  }

  // -- Ending ----------------------------------------------------------------

  /** Takes the object out; whoever waits for it is told. */
  #remove(object: StoredObject, reason: DenyReason): void {
    if (object.state === "waiting") {
      this.#dequeue(object, reason);
      return this.#answers.deny(object.writer, reason);
    }
    if (object.state === "spilled") this.#dequeue(object, reason);
    else {
      this.#spilling.wake(object);
      this.#objects.delete(object);
      this.#denyOpeners(object, reasonForReaders(reason));
      object.segment.occupied = false;
      this.#segments.poolIfUnused(object.segment, this.#clock.nowMs());
    }
    this.#spilling.forget(object, this.#answers.actions);
  }

  #dequeue(object: QueuedObject, reason: DenyReason): void {
    this.#placing.queue.delete(object);
    if (this.#objects.has(object)) this.#objects.delete(object);
    this.#denyOpeners(object, reasonForReaders(reason));
  }

  #denyOpeners(object: StoredObject, reason: DenyReason): void {
    for (const opener of object.openers.splice(0)) {
      this.#answers.deny(opener, reason);
    }
  }

  #closeReader(event: Asked): void {
    const mapping = this.#objects.mapping(event);
    if (mapping && !mapping.writes) this.#close(mapping);
  }

  #close(mapping: Mapping): void {
    const entry = this.#objects.worker(mapping.requester);
    entry?.mappings.delete(mapping.requestId);
    const { segment, object } = mapping;
    segment.mappings--;
    if (!mapping.writes) this.#shortage.found(segment.sizeBytes);
    this.#segments.poolIfUnused(segment, this.#clock.nowMs());
    const rests = segment.mappings === 0 && !segment.pinned &&
      object.state === "sealed" && this.#objects.has(object);
    if (rests) this.#spilling.rest(object);
  }

  #endWorker(workerId: WorkerId): void {
    const entry = this.#objects.worker(workerId);
    if (!entry) return;
    for (const object of [...entry.objects.values()]) {
      this.#remove(object, "owner_ended");
    }
    for (const waiting of [...this.#placing.queue]) {
      const isWriting = waiting.state === "waiting" &&
        waiting.writer.requester === workerId;
      if (isWriting) this.#dequeue(waiting, "not_found");
    }
    for (const mapping of [...entry.mappings.values()]) this.#abort(mapping);
    for (const mapping of [...entry.mappings.values()]) this.#close(mapping);
    for (const object of this.#objects.withdraw(workerId)) {
      if (object.state === "spilled") this.#placing.queue.delete(object);
    }
    this.#objects.removeWorker(workerId);
    this.#segments.releaseAll(workerId);
    this.#answers.withdraw(workerId);
  }

  #tick(): void {
    const nowMs = this.#clock.nowMs();
    this.#shortage.expire(nowMs);
    for (const [object, reason] of this.#shortage.stuck(nowMs)) {
      if (object.state === "waiting") this.#remove(object, reason);
      else {
        this.#placing.queue.delete(object);
        this.#denyOpeners(object, reason);
      }
    }
  }
}

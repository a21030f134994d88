// The objects that a store knows, by owner and the owner's number, and what
// each thread has mapped. A part of the index; it decides nothing.

import type { WorkerId } from "../base/ids.ts";
import type { Asked, SpillCopy } from "./index_events.ts";
import type { RequestId, StoredObjectEntry } from "./messages.ts";
import { RequestLog } from "./request_log.ts";
import type { Segment } from "./segment_table.ts";

interface ObjectFacts {
  readonly owner: WorkerId;
  readonly number: number;
  readonly sizeBytes: number;
  /** The create that the object came from. */
  readonly writer: Asked;
  /** Pulled from another node, which has it too: may go when memory is short. */
  isCopy: boolean;
  /** Opens that wait for the seal, or for the bytes to be read back. */
  readonly openers: Asked[];
}

/** A create that waits for room; all of these are in the queue. */
export interface WaitingObject extends ObjectFacts {
  readonly state: "waiting";
  readonly queuedAtMs: number;
}

/** An object with memory; its segment is `occupied` by it. */
export interface PlacedObject extends ObjectFacts {
  state: "allocating" | "writing" | "sealed" | "restoring";
  readonly segment: Segment;
  /** The same bytes on disk; always there while it is being restored. */
  copy: SpillCopy | undefined;
  /**
   * Whether the owner, which has written it, opens it without asking. It must
   * be told before the segment is used for anything else.
   */
  isDirect: boolean;
}

/** An object on disk alone; in the queue if and only if somebody opens it. */
export interface SpilledObject extends ObjectFacts {
  readonly state: "spilled";
  readonly copy: SpillCopy;
  /** When the first of its openers came. */
  queuedAtMs: number;
  /** How often reading it back has failed since then. */
  failures: number;
}

export type StoredObject = WaitingObject | PlacedObject | SpilledObject;

/** What can wait for room. */
export type QueuedObject = WaitingObject | SpilledObject;

/** A thread's hold on a segment; counted in `segment.mappings`. */
export interface Mapping extends Asked {
  readonly segment: Segment;
  readonly sizeBytes: number;
  /** A writer's mapping ends with the seal; a reader's with its views. */
  readonly writes: boolean;
  /** What is written or read; it may be gone from the table already. */
  readonly object: PlacedObject;
}

/** What a live thread owns and has mapped. */
export interface WorkerEntry {
  /** Whether it speaks with the store; else it only owns objects in it. */
  readonly isServed: boolean;
  readonly objects: Map<number, StoredObject>;
  readonly mappings: Map<RequestId, Mapping>;
  readonly requests: RequestLog;
}

/** See the head of the file. */
export class ObjectTable {
  readonly #workers = new Map<WorkerId, WorkerEntry>();
  #size = 0;

  /** How many objects there are, waiting ones included. */
  get size(): number {
    return this.#size;
  }

  get workers(): IterableIterator<[WorkerId, WorkerEntry]> {
    return this.#workers.entries();
  }

  addWorker(workerId: WorkerId, isServed: boolean): void {
    if (this.#workers.has(workerId)) return;
    this.#workers.set(workerId, {
      isServed,
      objects: new Map(),
      mappings: new Map(),
      requests: new RequestLog(),
    });
  }

  /** Only for a thread that has neither objects nor mappings left. */
  removeWorker(workerId: WorkerId): void {
    this.#workers.delete(workerId);
  }

  worker(workerId: WorkerId): WorkerEntry | undefined {
    return this.#workers.get(workerId);
  }

  get(owner: WorkerId, number: number): StoredObject | undefined {
    return this.#workers.get(owner)?.objects.get(number);
  }

  /** Adds an object of a live owner, or gives a new shape to one. */
  set(object: StoredObject): void {
    const objects = this.#workers.get(object.owner)!.objects;
    if (!objects.has(object.number)) this.#size++;
    objects.set(object.number, object);
  }

  /** Whether the table has this very object, not one that replaced it. */
  has(object: StoredObject): boolean {
    return this.get(object.owner, object.number) === object;
  }

  delete(object: StoredObject): void {
    const objects = this.#workers.get(object.owner)?.objects;
    if (objects?.delete(object.number)) this.#size--;
  }

  mapping(asked: Asked): Mapping | undefined {
    return this.#workers.get(asked.requester)?.mappings.get(asked.requestId);
  }

  /** Takes back what the thread waits for; gives what nobody waits for now. */
  withdraw(workerId: WorkerId): StoredObject[] {
    if (!this.#workers.get(workerId)?.isServed) return [];
    const unwanted: StoredObject[] = [];
    for (const object of this.objects()) {
      const { openers } = object;
      for (let at = openers.length - 1; at >= 0; at--) {
        if (openers[at]!.requester === workerId) openers.splice(at, 1);
      }
      if (openers.length === 0) unwanted.push(object);
    }
    return unwanted;
  }

  *list(): Generator<StoredObjectEntry> {
    for (const object of this.objects()) yield entryOf(object);
  }

  *objects(): Generator<StoredObject> {
    for (const entry of this.#workers.values()) yield* entry.objects.values();
  }
}

export function entryOf(object: StoredObject): StoredObjectEntry {
  const { owner, number, sizeBytes, state, isCopy } = object;
  const mappings = "segment" in object ? object.segment.mappings : 0;
  return { owner, number, sizeBytes, state, isCopy, mappings };
}

/** Whether both are the same request of the same thread. */
export function isSameRequest(a: Asked, b: Asked): boolean {
  return a.requestId === b.requestId && a.requester === b.requester;
}

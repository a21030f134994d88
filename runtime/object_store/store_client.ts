// A thread's access to its node's object store: asks for memory to write
// objects into and for objects to read, keeps what it was given in reach and
// tells the store when nothing uses it any more. It never blocks.

import { unreachable } from "../base/errors.ts";
import { objectKey, type WorkerId } from "../base/ids.ts";
import { type Collector, newCollector } from "./collector.ts";
import { denialError, oversizeError, type StoreUser } from "./denial_error.ts";
import type {
  FromStore,
  RecalledObject,
  RequestId,
  SegmentId,
  ToStore,
} from "./messages.ts";
import type { OpenSharedFile, SharedFile } from "../platform/shared_file.ts";
import { ReaderMappings } from "./reader_mappings.ts";
import { SharedSegments } from "./shared_segments.ts";
import { WritableObject } from "./writable_object.ts";

export interface StoreClientOptions {
  /** The thread: objects of its own are read back directly. */
  readonly identity: StoreUser;
  /** Sends a message to the store, in order; called at any time. */
  send(message: ToStore): void;
  /** Opens the files that a child process gets objects in. */
  readonly openSharedFile?: OpenSharedFile;
  /** Collects this thread's garbage, now or soon. */
  collectGarbage(): void;
  /** @default {newCollector()} */
  readonly collector?: Collector;
}

type Reply = Extract<FromStore, { type: "object_created" | "object_opened" }>;
type Request = Extract<ToStore, { type: "object_create" | "object_open" }>;

/** Where the bytes of an object are. */
type Memory = SharedArrayBuffer | SharedFile;

/** A request that has no answer yet. */
interface PendingRequest {
  readonly message: Request;
  /** Called with the reply and its memory. */
  resolve(reply: Reply, memory: Memory): void;
  reject(error: unknown): void;
}

interface OpenedObject {
  readonly segment: ArrayBufferLike;
  readonly sizeBytes: number;
}

/** What this thread writes, or has written. */
interface Written {
  readonly requestId: RequestId;
  readonly sizeBytes: number;
  /**
   * Known once the store has granted it, if what is written counts, until the
   * store recalls it: then it may move.
   */
  segmentId?: SegmentId | undefined;
  isSealed: boolean;
}

/** See the head of the file. */
export class StoreClient {
  readonly #options: StoreClientOptions;
  readonly #segments: SharedSegments;
  readonly #mappings: ReaderMappings;
  readonly #pending = new Map<RequestId, PendingRequest>();
  /** Replies whose segment has not come yet. */
  readonly #parked = new Map<SegmentId, Reply[]>();
  /** Opens under way, so that each object is asked for once. */
  readonly #opening = new Map<string, Promise<OpenedObject>>();
  /**
   * All and only the unfreed objects that this thread owns and writes itself.
   * Nobody else frees them, so that the sealed ones are opened without asking.
   */
  readonly #own = new Map<string, Written>();
  #nextRequestId = 1;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: StoreClientOptions) {
    this.#options = options;
    const collector = options.collector ?? newCollector();
    this.#segments = new SharedSegments(
      collector,
      (segmentId) => this.#send({ type: "segment_release", segmentId }),
    );
    this.#mappings = new ReaderMappings(
      collector,
      (requestId) => this.#send({ type: "mapping_close", requestId }),
    );
  }

  /**
   * Memory for a new object; waits while the store has no room. `onGranted`
   * is called within the turn in which the store's answer is taken in.
   */
  create(
    owner: WorkerId,
    number: number,
    sizeBytes: number,
    onGranted?: (writable: WritableObject) => void,
  ): Promise<WritableObject> {
    const oversize = oversizeError(sizeBytes);
    if (oversize) return Promise.reject(oversize);
    const requestId = this.#nextRequestId++;
    const type = "object_create";
    const written: Written = { requestId, sizeBytes, isSealed: false };
    const key = objectKey(owner, number);
    // Noted before the answer comes, so that `free` always finds it. Of two
    // creates of one object the first one counts, here as in the store.
    const isOwn = owner === this.#options.identity.workerId;
    if (isOwn && !this.#own.has(key)) this.#own.set(key, written);
    const granted = this.#request(
      { type, requestId, owner, number, sizeBytes },
      (reply, memory) => {
        const isFile = "release" in memory;
        // A file is given up when it is written.
        const isKept = !isFile && reply.type === "object_created";
        if (isKept && reply.isCurrent) written.segmentId = reply.segmentId;
        const bytes = isFile
          ? memory.bytes
          : new Uint8Array(memory, 0, sizeBytes);
        const writable = new WritableObject(bytes, (isComplete) => {
          written.isSealed = isComplete;
          if (!isComplete) this.#disown(key, written);
          if (isFile && isComplete) memory.save();
          if (isFile) memory.release();
          const type = isComplete ? "object_seal" : "object_abort";
          this.#send({ type, requestId });
        });
        onGranted?.(writable);
        return writable;
      },
    );
    granted.catch(() => this.#disown(key, written));
    return granted;
  }

  /** The bytes of a sealed object, to be read only; shared, not copied. */
  async open(owner: WorkerId, number: number): Promise<Uint8Array> {
    const key = objectKey(owner, number);
    const view = this.#mappings.view(key) ?? this.#openOwn(key, owner, number);
    if (view) return view;
    let opening = this.#opening.get(key);
    if (!opening) {
      opening = this.#ask(key, owner, number);
      this.#opening.set(key, opening);
    }
    const { segment, sizeBytes } = await opening;
    return new Uint8Array(segment, 0, sizeBytes);
  }

  /** Whether `open` has the object without asking. */
  isOpen(owner: WorkerId, number: number): boolean {
    return this.#mappings.view(objectKey(owner, number)) !== undefined;
  }

  /** The owner says that the object is not needed any more. */
  free(owner: WorkerId, number: number): void {
    this.#own.delete(objectKey(owner, number));
    this.#send({ type: "object_free", owner, number });
  }

  /** Takes a message of the store in. */
  receive(message: FromStore): void {
    switch (message.type) {
      case "object_created":
      case "object_opened":
        return this.#replied(message);
      case "object_denied":
        return this.#denied(message);
      case "segment_share":
        return this.#shared(message.segmentId, message.segment);
      case "segment_drop":
        return this.#segments.drop(message.segmentId);
      case "objects_recall":
        return this.#recall(message.objects);
      case "garbage_collect":
        return this.#options.collectGarbage();
      default:
        return unreachable(message);
    }
  }

  /** Asks again for all that has no answer; for links that lose messages. */
  retry(): void {
    for (const { message } of this.#pending.values()) this.#send(message);
    for (const segmentId of this.#parked.keys()) {
      this.#send({ type: "segment_want", segmentId });
    }
  }

  /** The node is gone: whatever waits fails, now and later. */
  failAll(error: unknown): void {
    if (this.#failure) return;
    this.#failure = { error };
    const pending = [...this.#pending.values()];
    this.#pending.clear();
    this.#parked.clear();
    this.#own.clear();
    this.#segments.clear();
    for (const request of pending) request.reject(error);
  }

  /** What this thread has of the store; for tests. */
  counts(): { readonly pending: number; readonly mappings: number } {
    return { pending: this.#pending.size, mappings: this.#mappings.size };
  }

  #send(message: ToStore): void {
    if (!this.#failure) this.#options.send(message);
  }

  /** From now on the store is asked for these, as for all others. */
  #recall(objects: readonly RecalledObject[]): void {
    for (const [number, requestId] of objects) {
      const own = this.#own.get(
        objectKey(this.#options.identity.workerId, number),
      );
      if (own?.requestId === requestId) own.segmentId = undefined;
    }
    this.#send({ type: "objects_recalled", objects });
  }

  #disown(key: string, written: Written): void {
    if (this.#own.get(key) === written) this.#own.delete(key);
  }

  #request<T>(
    message: Request,
    take: (reply: Reply, memory: Memory) => T,
  ): Promise<T> {
    const failure = this.#failure;
    if (failure) return Promise.reject(failure.error);
    return new Promise<T>((resolve, reject) => {
      this.#pending.set(message.requestId, {
        message,
        resolve: (reply, memory) => resolve(take(reply, memory)),
        reject,
      });
      this.#send(message);
    });
  }

  /** Opens an object that cannot go away before this thread frees it. */
  #openOwn(
    key: string,
    owner: WorkerId,
    number: number,
  ): Uint8Array | undefined {
    const own = this.#own.get(key);
    if (!own?.isSealed || own.segmentId === undefined) return undefined;
    const segment = this.#segments.get(own.segmentId);
    if (!segment) return undefined;
    const requestId = this.#nextRequestId++;
    const view = this.#mappings.add(key, requestId, segment, own.sizeBytes);
    this.#send({ type: "object_open", requestId, owner, number });
    return view;
  }

  async #ask(
    key: string,
    owner: WorkerId,
    number: number,
  ): Promise<OpenedObject> {
    const requestId = this.#nextRequestId++;
    try {
      return await this.#request(
        { type: "object_open", requestId, owner, number },
        (reply, memory) => {
          const { sizeBytes } = reply;
          const view = "release" in memory
            ? this.#mappings.addFile(key, requestId, memory)
            : this.#mappings.add(key, requestId, memory, sizeBytes);
          return { segment: view.buffer, sizeBytes };
        },
      );
    } finally {
      this.#opening.delete(key);
    }
  }

  #replied(reply: Reply): void {
    const { requestId, segmentId } = reply;
    const request = this.#pending.get(requestId);
    // A reply that came twice; the store grants each request only once.
    if (!request) return;
    if (reply.file !== undefined) return this.#repliedByFile(request, reply);
    const segment = reply.segment
      ? this.#segments.add(segmentId, reply.segment)
      : this.#segments.get(segmentId);
    if (!segment) return this.#park(reply);
    this.#pending.delete(requestId);
    request.resolve(reply, segment);
    if (reply.segment) this.#unpark(segmentId);
  }

  #repliedByFile(request: PendingRequest, reply: Reply): void {
    const { requestId, sizeBytes } = reply;
    const isWritten = reply.type === "object_created";
    this.#pending.delete(requestId);
    try {
      const access = isWritten ? "write" : "read";
      const open = this.#options.openSharedFile!;
      request.resolve(reply, open(reply.file!, sizeBytes, access));
    } catch (error) {
      const type = isWritten ? "object_abort" : "mapping_close";
      this.#send({ type, requestId });
      request.reject(error);
    }
  }

  /** The reply has overtaken the one that brings the segment. */
  #park(reply: Reply): void {
    const { segmentId } = reply;
    const parked = this.#parked.get(segmentId);
    if (parked) parked.push(reply);
    else this.#parked.set(segmentId, [reply]);
    this.#send({ type: "segment_want", segmentId });
  }

  #unpark(segmentId: SegmentId): void {
    const parked = this.#parked.get(segmentId);
    this.#parked.delete(segmentId);
    for (const reply of parked ?? []) this.#replied(reply);
  }

  #shared(segmentId: SegmentId, segment: SharedArrayBuffer): void {
    // Kept only if it is waited for: a late one may be of a dropped segment.
    if (!this.#parked.has(segmentId)) return;
    this.#segments.add(segmentId, segment);
    this.#unpark(segmentId);
  }

  #denied(message: Extract<FromStore, { type: "object_denied" }>): void {
    const request = this.#pending.get(message.requestId);
    this.#pending.delete(message.requestId);
    if (!request) return;
    const { reason, capacityBytes } = message;
    const store = { ...this.#options.identity, capacityBytes };
    request.reject(denialError(request.message, reason, store));
  }
}

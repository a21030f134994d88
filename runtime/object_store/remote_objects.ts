// Stands in for a driver in another process at its node's object store: what
// the store grants in the driver's name, it fills with the chunks that come,
// or sends in chunks as the driver takes them. It trusts nothing that the
// driver says, and never waits for it. What the driver leaves behind, the store
// frees when it is told of the driver's end.

import type { Timers } from "../base/clock.ts";
import { InvariantError, ProtocolError } from "../base/errors.ts";
import type { WorkerId } from "../base/ids.ts";
import { REMOTE_TRANSFERS_MAX } from "../base/limits.ts";
import {
  type FromRemoteStore,
  type ObjectChunk,
  type PlacedChunk,
  readToRemoteStore,
  requireOwner,
  type ToRemoteStore,
} from "./chunk_messages.ts";
import { ChunkPort, type NearPeer } from "./chunk_port.ts";
import { ChunkTarget } from "./chunk_target.ts";
import type { FromStore, RequestId, SegmentId, ToStore } from "./messages.ts";

export interface RemoteObjectsOptions {
  /** The driver's id. */
  readonly workerId: WorkerId;
  /** Its process, if it may be of this machine. */
  readonly near?: NearPeer;
  /** Gives the store a message of the driver. */
  toStore(message: ToStore): void;
  /** The store was told something outside of the driver's messages. */
  toldStore(): void;
  /** Queues a message for the driver; in order. */
  send(message: FromRemoteStore): void;
  /** Sends what is queued. */
  flush(): void;
  /** @default {systemTimers} */
  readonly timers?: Timers;
}

/** What the driver writes. */
interface Write {
  readonly type: "write";
  /** In the store's books; the driver has numbers of its own. */
  readonly storeRequestId: RequestId;
  readonly requestId: RequestId;
  /** Once there is room. */
  target?: ChunkTarget;
}

/** What the driver reads. */
interface Read {
  readonly type: "read";
  readonly storeRequestId: RequestId;
  readonly requestId: RequestId;
  /** The store has found it. */
  isFound?: true;
}

type Request = Write | Read;
type Reply = Extract<FromStore, { type: "object_created" | "object_opened" }>;
type Asked = Extract<ToRemoteStore, { type: "object_create" | "object_open" }>;

/** See the head of the file. */
export class RemoteObjects {
  readonly #options: RemoteObjectsOptions;
  readonly #segments = new Map<SegmentId, SharedArrayBuffer>();
  /** By the driver's number: what it has asked for and is not through. */
  readonly #requests = new Map<RequestId, Request>();
  /** The same, and what is stopped and not out of the store yet. */
  readonly #byStoreRequest = new Map<RequestId, Request>();
  /** What is sent has the numbers of the store. */
  readonly #chunks: ChunkPort;
  readonly #counts = { read: 0, write: 0 };
  #nextStoreRequestId = 1;
  /** Said to the store while it was speaking; it hears it afterwards. */
  #held: ToStore[] = [];
  #storeSpeaks = false;
  #isOver = false;

  constructor(options: RemoteObjectsOptions) {
    this.#options = options;
    this.#chunks = new ChunkPort({
      ...(options.near ? { near: options.near } : {}),
      send: (message) => options.send(message),
      flush: () => options.flush(),
      ...(options.timers ? { timers: options.timers } : {}),
      through: ({ key }) => this.#through(key),
    });
  }

  /** What the driver has under way; for tests. */
  counts(): { readonly reads: number; readonly writes: number } {
    return { reads: this.#counts.read, writes: this.#counts.write };
  }

  /** The driver is gone; the store is told by who knows. */
  end(): void {
    this.#isOver = true;
    this.#segments.clear();
    this.#requests.clear();
    this.#byStoreRequest.clear();
    this.#chunks.end();
    this.#held = [];
  }

  // -- What the driver says --------------------------------------------------

  /**
   * Takes a message of the driver in, if it is for the store; whether it was.
   * Throws a `ProtocolError` at what no driver says.
   */
  receive(message: { readonly type: string }): boolean {
    const known = readToRemoteStore(message);
    if (!known) return false;
    if (this.#isOver) return true;
    this.#lead(known);
    this.#chunks.pump();
    this.#options.flush();
    return true;
  }

  #lead(message: ToRemoteStore): void {
    switch (message.type) {
      case "object_create": {
        requireOwner(message, this.#options.workerId);
        return this.#ask("write", message);
      }
      case "object_open":
        return this.#ask("read", message);
      case "object_chunk":
      case "chunk_placed":
        return this.#write(message);
      case "object_seal":
        return this.#seal(message.requestId);
      case "object_abort":
        return this.#abort(message.requestId);
      case "object_close":
        return this.#close(message.requestId);
      case "object_free": {
        requireOwner(message, this.#options.workerId);
        const { owner, number } = message;
        return this.#toStore({ type: "object_free", owner, number });
      }
      default:
        return this.#chunks.receive(message);
    }
  }

  #ask(type: Request["type"], message: Asked): void {
    const { requestId } = message;
    if (this.#requests.has(requestId)) {
      throw broken(requestId, "it is under way already");
    }
    if (this.#counts[type] >= REMOTE_TRANSFERS_MAX) {
      throw broken(requestId, `${REMOTE_TRANSFERS_MAX} are under way already`);
    }
    this.#counts[type]++;
    const storeRequestId = this.#nextStoreRequestId++;
    const request: Request = { type, requestId, storeRequestId };
    this.#requests.set(requestId, request);
    this.#byStoreRequest.set(storeRequestId, request);
    this.#toStore({ ...message, requestId: storeRequestId });
  }

  #write(message: ObjectChunk | PlacedChunk): void {
    const { requestId } = message;
    const { target } = this.#writeOf(requestId);
    if (!target) throw broken(requestId, "it has no room yet");
    this.#chunks.take(message, target);
  }

  #seal(requestId: RequestId): void {
    const write = this.#writeOf(requestId);
    if (!write.target?.isWhole) throw broken(requestId, "it is not complete");
    this.#forget(write);
    this.#toStore({ type: "object_seal", requestId: write.storeRequestId });
  }

  #abort(requestId: RequestId): void {
    // The store may have refused it on the way to here.
    if (!this.#requests.has(requestId)) return;
    const write = this.#writeOf(requestId);
    this.#forget(write);
    this.#toStore({ type: "object_abort", requestId: write.storeRequestId });
  }

  #close(requestId: RequestId): void {
    const read = this.#requests.get(requestId);
    if (read?.type !== "read" || !read.isFound) {
      throw broken(requestId, "it is not being read");
    }
    this.#requests.delete(requestId);
    this.#counts.read--;
    this.#chunks.stop(read.storeRequestId);
  }

  /** All of it has been taken, or what was left of it when it was closed. */
  #through(storeRequestId: RequestId): void {
    const read = this.#byStoreRequest.get(storeRequestId)!;
    if (this.#requests.get(read.requestId) === read) {
      this.#requests.delete(read.requestId);
      this.#counts.read--;
    }
    this.#unmap(storeRequestId);
  }

  #unmap(requestId: RequestId): void {
    this.#byStoreRequest.delete(requestId);
    this.#toStore({ type: "mapping_close", requestId });
  }

  #writeOf(requestId: RequestId): Write {
    const request = this.#requests.get(requestId);
    if (request?.type === "write") return request;
    throw broken(requestId, "it is not being written");
  }

  #forget({ type, requestId, storeRequestId }: Request): void {
    this.#requests.delete(requestId);
    this.#byStoreRequest.delete(storeRequestId);
    this.#counts[type]--;
  }

  // -- What the store says ---------------------------------------------------

  /** Takes in what the store says to the driver, with shared memory or not. */
  fromStore(message: FromStore): void {
    if (this.#isOver) return;
    this.#storeSpeaks = true;
    try {
      this.#hear(message);
    } finally {
      this.#storeSpeaks = false;
    }
    this.#chunks.pump();
    this.#options.flush();
  }

  #hear(message: FromStore): void {
    switch (message.type) {
      case "object_created":
      case "object_opened":
        return this.#replied(message);
      case "object_denied": {
        const request = this.#byStoreRequest.get(message.requestId);
        if (!request) return;
        this.#forget(request);
        const { requestId } = request;
        return this.#options.send({ ...message, requestId });
      }
      case "segment_share":
        return;
      case "segment_drop": {
        // The store itself watches the memory that this thread has.
        const { segmentId } = message;
        this.#segments.delete(segmentId);
        return this.#toStore({ type: "segment_release", segmentId });
      }
      case "objects_recall": {
        // A driver asks before it opens whatever it has written.
        const { objects } = message;
        return this.#toStore({ type: "objects_recalled", objects });
      }
      case "garbage_collect":
        return this.#options.send(message);
    }
  }

  #replied({ requestId: storeRequestId, ...reply }: Reply): void {
    if (reply.segment) this.#segments.set(reply.segmentId, reply.segment);
    const request = this.#byStoreRequest.get(storeRequestId);
    if (!request) return;
    const segment = this.#segments.get(reply.segmentId);
    if (!segment) {
      throw new InvariantError(`Segment ${reply.segmentId} was never shared`);
    }
    const { requestId } = request;
    const { sizeBytes } = reply;
    if (request.type === "write") {
      request.target = new ChunkTarget(new Uint8Array(segment, 0, sizeBytes));
      return this.#options.send({ type: "object_granted", requestId });
    }
    request.isFound = true;
    this.#options.send({ type: "object_found", requestId, sizeBytes });
    if (sizeBytes === 0) return this.#through(storeRequestId);
    const key = storeRequestId;
    this.#chunks.add({ key, requestId, memory: segment, sizeBytes });
  }

  /** The store hears one thing after another, and nothing while it speaks. */
  #toStore(message: ToStore): void {
    if (!this.#storeSpeaks && this.#held.length === 0) {
      return this.#options.toStore(message);
    }
    if (this.#held.length === 0) queueMicrotask(() => this.#tellHeld());
    this.#held.push(message);
  }

  #tellHeld(): void {
    for (;;) {
      const message = this.#held[0];
      if (!message) break;
      this.#options.toStore(message);
      this.#held.shift();
    }
    this.#options.toldStore();
  }
}

function broken(requestId: RequestId, why: string): ProtocolError {
  return new ProtocolError(`Cannot serve request ${requestId}: ${why}`);
}

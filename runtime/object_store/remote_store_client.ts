// A driver's access to the object store of a node in another process: what it
// writes is taken over at once and sent in chunks when the store has room; what
// it opens comes in chunks into memory of this process, which all who open it
// share while somebody has it. It never blocks.

import { systemTimers, type Timers } from "../base/clock.ts";
import { Deque } from "../base/deque.ts";
import type { MantaError } from "../base/errors.ts";
import { objectKey, type WorkerId } from "../base/ids.ts";
import {
  CREATES_WAITING_MAX,
  REMOTE_TRANSFERS_MAX,
  REMOTE_WRITE_BYTES_MAX,
} from "../base/limits.ts";
import type { ReturnMemory } from "../platform/platform.ts";
import type {
  FromRemoteStore,
  ObjectChunk,
  PlacedChunk,
  ToRemoteStore,
} from "./chunk_messages.ts";
import { ChunkPort, type NearPeer } from "./chunk_port.ts";
import { ChunkTarget } from "./chunk_target.ts";
import { type Collector, newCollector } from "./collector.ts";
import {
  denialError,
  type DeniedObject,
  oversizeError,
  type StoreUser,
} from "./denial_error.ts";
import type { DenyReason, RequestId } from "./messages.ts";
import { LocalCopies } from "./local_copies.ts";
import { LocalMemory } from "./local_memory.ts";
import type { StoreAccess } from "./store_access.ts";
import { WritableObject } from "./writable_object.ts";

export interface RemoteStoreClientOptions {
  readonly identity: StoreUser;
  /** The node's process, if it may be of this machine. */
  readonly near?: NearPeer;
  readonly returnMemory?: ReturnMemory | undefined;
  /** Queues a message for the node, in order; called at any time. */
  send(message: ToRemoteStore): void;
  /** Sends what is queued, as a frame of its own. */
  flush(): void;
  /** Collects this process's garbage, now or soon. */
  collectGarbage(): void;
  /** @default {newCollector()} */
  readonly collector?: Collector;
  /** @default {systemTimers} */
  readonly timers?: Timers;
}

interface Named {
  readonly key: string;
  readonly owner: WorkerId;
  readonly number: number;
  readonly requestId: RequestId;
  reject(error: unknown): void;
}

/** An object that is written, until it is sent or given up. */
interface Write extends Named {
  readonly memory: SharedArrayBuffer;
  readonly sizeBytes: number;
  readonly writable: WritableObject;
  /** `queued`: the store is not asked yet; `granted`: it has room. */
  state: "queued" | "asked" | "granted" | "over";
  isSealed: boolean;
  resolve(writable: WritableObject): void;
}

interface LocalCopy {
  readonly memory: SharedArrayBuffer;
  readonly sizeBytes: number;
}

/** An object that is fetched. */
interface Read extends Named {
  /** Where it goes, once it is found. */
  copy?: LocalCopy & { readonly target: ChunkTarget };
  resolve(copy: LocalCopy): void;
}

/** See the head of the file. */
export class RemoteStoreClient implements StoreAccess {
  readonly #options: RemoteStoreClientOptions;
  readonly #memory: LocalMemory;
  readonly #copies: LocalCopies;
  /** Writes by request, those included that the store is not asked for yet. */
  readonly #writes = new Map<RequestId, Write>();
  readonly #writesByKey = new Map<string, Write>();
  readonly #queuedWrites = new Deque<Write>();
  /** Reads that the node is asked for. */
  readonly #reads = new Map<RequestId, Read>();
  readonly #queuedReads = new Deque<Read>();
  /** Reads by object, so that each is fetched once. */
  readonly #opening = new Map<string, Promise<LocalCopy>>();
  readonly #chunks: ChunkPort;
  #askedWrites = 0;
  #askedBytes = 0;
  #nextRequestId = 1;
  #failure: { readonly error: unknown } | undefined;

  constructor(options: RemoteStoreClientOptions) {
    this.#options = options;
    const { timers = systemTimers } = options;
    this.#memory = new LocalMemory(timers, options.returnMemory);
    this.#chunks = new ChunkPort({
      ...(options.near ? { near: options.near } : {}),
      send: (message) => this.#send(message),
      flush: () => options.flush(),
      sent: ({ requestId }) => this.#complete(requestId),
      through: ({ memory }) =>
        this.#memory.giveBack(memory as SharedArrayBuffer),
      timers,
    });
    this.#copies = new LocalCopies({
      memory: this.#memory,
      collector: options.collector ?? newCollector(),
      collectGarbage: () => options.collectGarbage(),
      timers,
    });
  }

  /**
   * `onGranted` is called within this call: the object is written into memory
   * of this process and crosses once the store has room.
   */
  create(
    owner: WorkerId,
    number: number,
    sizeBytes: number,
    onGranted?: (writable: WritableObject) => void,
  ): Promise<WritableObject> {
    const refusal = this.#refusal(owner, number, sizeBytes);
    if (refusal) return Promise.reject(refusal.error);
    const { promise, resolve, reject } = Promise.withResolvers<
      WritableObject
    >();
    // Whoever writes may have given up by then.
    promise.catch(() => {});
    const requestId = this.#nextRequestId++;
    const memory = this.#memory.take(sizeBytes);
    const writable = new WritableObject(
      new Uint8Array(memory, 0, sizeBytes),
      (isComplete) => isComplete ? this.#sealed(write) : this.#aborted(write),
    );
    const write: Write = {
      key: objectKey(owner, number),
      ...{ owner, number, requestId, memory, sizeBytes, writable },
      ...{ state: "queued", isSealed: false, resolve, reject },
    };
    this.#writes.set(requestId, write);
    this.#writesByKey.set(write.key, write);
    this.#queuedWrites.push(write);
    this.#askForRoom();
    onGranted?.(writable);
    return promise;
  }

  async open(owner: WorkerId, number: number): Promise<Uint8Array> {
    const key = objectKey(owner, number);
    const view = this.#copies.view(key);
    if (view) return view;
    let opening = this.#opening.get(key);
    if (!opening) {
      opening = this.#fetch(key, owner, number);
      this.#opening.set(key, opening);
    }
    const { memory, sizeBytes } = await opening;
    return new Uint8Array(memory, 0, sizeBytes);
  }

  isOpen(owner: WorkerId, number: number): boolean {
    return this.#copies.view(objectKey(owner, number)) !== undefined;
  }

  /** What is being written of the object need not cross any more. */
  free(owner: WorkerId, number: number): void {
    const write = this.#writesByKey.get(objectKey(owner, number));
    if (write?.state === "granted") this.#abandon(write);
    else if (write?.state === "asked") this.#writesByKey.delete(write.key);
    else if (write?.state === "queued") {
      this.#queuedWrites.remove(write);
      this.#endWrite(write);
      write.reject(this.#denial(write, "freed", 0));
    }
    this.#send({ type: "object_free", owner, number });
  }

  receive(message: FromRemoteStore): void {
    if (this.#failure) return;
    switch (message.type) {
      case "object_granted":
        return this.#granted(message.requestId);
      case "object_found":
        return this.#found(message.requestId, message.sizeBytes);
      case "object_chunk":
      case "chunk_placed":
        return this.#chunk(message);
      case "object_denied":
        return this.#denied(message);
      case "garbage_collect":
        return this.#options.collectGarbage();
      default:
        return this.#chunks.receive(message);
    }
  }

  failAll(error: unknown): void {
    if (this.#failure) return;
    this.#failure = { error };
    const waiting = [
      ...this.#writes.values(),
      ...this.#reads.values(),
      ...this.#queuedReads,
    ];
    for (const write of this.#writes.values()) write.state = "over";
    this.#writes.clear();
    this.#writesByKey.clear();
    this.#queuedWrites.clear();
    this.#reads.clear();
    this.#queuedReads.clear();
    this.#chunks.end();
    this.#copies.clear();
    this.#memory.clear();
    for (const { reject } of waiting) reject(error);
  }

  /** What is under way; for tests. */
  counts(): { readonly pending: number; readonly mappings: number } {
    const pending = this.#writes.size + this.#reads.size +
      this.#queuedReads.length;
    return { pending, mappings: this.#copies.count };
  }

  #send(message: ToRemoteStore): void {
    if (!this.#failure) this.#options.send(message);
  }

  // -- Writing ---------------------------------------------------------------

  #refusal(
    owner: WorkerId,
    number: number,
    sizeBytes: number,
  ): { readonly error: unknown } | undefined {
    if (this.#failure) return this.#failure;
    const oversize = oversizeError(sizeBytes);
    if (oversize) return { error: oversize };
    if (this.#queuedWrites.length >= CREATES_WAITING_MAX) {
      const object = { owner, number, sizeBytes };
      return { error: this.#denial(object, "queue_full", 0) };
    }
    return undefined;
  }

  /** Asks for room for as many as may be under way; a large one goes alone. */
  #askForRoom(): void {
    for (;;) {
      const write = this.#queuedWrites.peek();
      const mayGo = write && (this.#askedWrites === 0 ||
        (this.#askedWrites < REMOTE_TRANSFERS_MAX &&
          this.#askedBytes + write.sizeBytes <= REMOTE_WRITE_BYTES_MAX));
      if (!mayGo) return;
      this.#queuedWrites.shift();
      this.#askedWrites++;
      this.#askedBytes += write.sizeBytes;
      write.state = "asked";
      const { requestId, owner, number, sizeBytes } = write;
      const type = "object_create";
      this.#send({ type, requestId, owner, number, sizeBytes });
    }
  }

  #granted(requestId: RequestId): void {
    const write = this.#writes.get(requestId);
    // Given up on while the store was asked.
    if (!write) return;
    write.state = "granted";
    write.resolve(write.writable);
    if (this.#writesByKey.get(write.key) !== write) this.#abandon(write);
    else if (write.isSealed) this.#sendObject(write);
  }

  #sealed(write: Write): void {
    write.isSealed = true;
    if (write.state === "granted") this.#sendObject(write);
  }

  #aborted(write: Write): void {
    if (write.state === "over") return;
    if (write.state === "queued") {
      this.#queuedWrites.remove(write);
      this.#endWrite(write);
    } else this.#abandon(write);
    write.resolve(write.writable);
  }

  #sendObject({ requestId, memory, sizeBytes }: Write): void {
    if (sizeBytes > 0) {
      this.#chunks.add({ key: requestId, requestId, memory, sizeBytes });
      this.#chunks.pump();
    } else {
      this.#complete(requestId);
      this.#memory.giveBack(memory);
    }
  }

  #complete(requestId: RequestId): void {
    this.#send({ type: "object_seal", requestId });
    this.#endWrite(this.#writes.get(requestId)!);
  }

  /** The store has been asked for it, and nobody wants it any more. */
  #abandon(write: Write): void {
    const { requestId } = write;
    this.#chunks.stop(requestId);
    this.#send({ type: "object_abort", requestId });
    this.#endWrite(write);
  }

  #endWrite(write: Write): void {
    if (write.state !== "queued") {
      this.#askedWrites--;
      this.#askedBytes -= write.sizeBytes;
    }
    write.state = "over";
    this.#writes.delete(write.requestId);
    if (this.#writesByKey.get(write.key) === write) {
      this.#writesByKey.delete(write.key);
    }
    this.#askForRoom();
  }

  // -- Reading ---------------------------------------------------------------

  async #fetch(
    key: string,
    owner: WorkerId,
    number: number,
  ): Promise<LocalCopy> {
    try {
      if (this.#failure) throw this.#failure.error;
      return await new Promise<LocalCopy>((resolve, reject) => {
        const requestId = this.#nextRequestId++;
        const read: Read = { key, owner, number, requestId, resolve, reject };
        this.#queuedReads.push(read);
        this.#askForObjects();
      });
    } finally {
      this.#opening.delete(key);
    }
  }

  #askForObjects(): void {
    while (this.#reads.size < REMOTE_TRANSFERS_MAX) {
      const read = this.#queuedReads.shift();
      if (!read) return;
      const { requestId, owner, number } = read;
      this.#reads.set(requestId, read);
      this.#send({ type: "object_open", requestId, owner, number });
    }
  }

  #found(requestId: RequestId, sizeBytes: number): void {
    const read = this.#reads.get(requestId)!;
    try {
      const memory = this.#copies.take(sizeBytes);
      const target = new ChunkTarget(new Uint8Array(memory, 0, sizeBytes));
      read.copy = { memory, sizeBytes, target };
    } catch {
      // A RangeError: the system, or the runtime's own limit, says no.
      this.#send({ type: "object_close", requestId });
      this.#endRead(read);
      return read.reject(this.#denial(read, "allocation_failed", sizeBytes));
    }
    if (sizeBytes === 0) this.#fetched(read);
  }

  #chunk(message: ObjectChunk | PlacedChunk): void {
    const read = this.#reads.get(message.requestId);
    // One that was closed has chunks under way that count as well.
    this.#chunks.take(message, read?.copy?.target);
    if (read?.copy?.target.isWhole) this.#fetched(read);
  }

  #fetched(read: Read): void {
    const { memory, sizeBytes } = read.copy!;
    const { key, requestId } = read;
    const view = this.#copies.add(key, requestId, memory, sizeBytes);
    this.#endRead(read);
    read.resolve({ memory: view.buffer, sizeBytes });
  }

  #endRead({ requestId }: Read): void {
    this.#reads.delete(requestId);
    this.#askForObjects();
  }

  // -- Refusals --------------------------------------------------------------

  #denied(
    message: Extract<FromRemoteStore, { type: "object_denied" }>,
  ): void {
    const { requestId, reason, capacityBytes } = message;
    const write = this.#writes.get(requestId);
    if (write) this.#endWrite(write);
    const read = this.#reads.get(requestId);
    if (read) this.#endRead(read);
    const refused = write ?? read;
    refused?.reject(this.#denial(refused, reason, capacityBytes));
  }

  #denial(
    object: DeniedObject,
    reason: DenyReason,
    capacityBytes: number,
  ): MantaError {
    return denialError(object, reason, {
      ...this.#options.identity,
      capacityBytes,
    });
  }
}

// Objects between this node and one other, over a stream of their own: serves
// what the other node reads here, and reads what is there, in chunks. Those that
// cross a network are checked by their sums. When the stream is over, what was
// under way is over; nothing is tried again here.

import { crc32 } from "node:zlib";
import { Deque } from "../base/deque.ts";
import type { NodeId, WorkerId } from "../base/ids.ts";
import { REMOTE_TRANSFERS_MAX } from "../base/limits.ts";
import type { Link, LinkMessage } from "../transport/link.ts";
import {
  type CheckedChunk,
  FROM_OTHER_NODE,
  type FromOtherNode,
  type FromRemoteStore,
  type PlacedChunk,
  type ToRemoteStore,
} from "./chunk_messages.ts";
import { ChunkPort, type NearPeer } from "./chunk_port.ts";
import type { ChunkTarget } from "./chunk_target.ts";
import type { DenyReason, RequestId } from "./messages.ts";
import type { NodeStore } from "./node_store.ts";
import { RemoteObjects } from "./remote_objects.ts";

/** The stream to another node that objects go over, and nothing else. */
export type ObjectLink = Pick<Link, "start" | "send" | "flush">;

/** Who reads an object of another node. */
export interface ObjectReader {
  /** Where the object goes. */
  readonly target: ChunkTarget;
  /** It is there, and comes now; an empty one has come. */
  found(sizeBytes: number): void;
  /** All of it has come. */
  whole(): void;
  /** The other node has not got it. */
  denied(reason: DenyReason): void;
  /** What came was damaged, or nothing comes any more. */
  broken(): void;
}

export interface PeerObjectsOptions {
  /** The other node. */
  readonly nodeId: NodeId;
  readonly store: NodeStore;
  /** The stream is wanted: `linked` comes, or `unlinked`. */
  wantLink(nodeId: NodeId): void;
  /** The store was told something outside of calls of the wiring's. */
  told(): void;
}

interface Read {
  readonly requestId: RequestId;
  readonly owner: WorkerId;
  readonly number: number;
  /** Taken away when nobody wants the object any more. */
  reader: ObjectReader | undefined;
  /** Known once it is found. */
  sizeBytes: number | undefined;
  takenBytes: number;
}

/** See the head of the file. */
export class PeerObjects {
  readonly #options: PeerObjectsOptions;
  /** As whom the other node uses the store. */
  readonly #readerId: WorkerId;
  #link: ObjectLink | undefined;
  #source: RemoteObjects | undefined;
  /** Takes the chunks of what this node reads. */
  #chunks: ChunkPort | undefined;
  /** What the other node is asked for, by its request. */
  readonly #reads = new Map<RequestId, Read>();
  readonly #queued = new Deque<Read>();
  /** Whether the message at hand has led to something at the store. */
  #isTold = false;
  #nextRequestId = 1;

  constructor(options: PeerObjectsOptions) {
    this.#options = options;
    this.#readerId = `w-reader-${options.nodeId}` as WorkerId;
  }

  /** What is under way in both directions; for tests. */
  counts(): { readonly reads: number; readonly served: number } {
    const reads = this.#reads.size + this.#queued.length;
    return { reads, served: this.#source?.counts().reads ?? 0 };
  }

  /** `near` if the other node may be of this machine. */
  linked(link: ObjectLink, near?: NearPeer): void {
    if (this.#link) this.unlinked();
    this.#link = link;
    const { store, told } = this.#options;
    const readerId = this.#readerId;
    this.#chunks = new ChunkPort({
      ...(near ? { near } : {}),
      send: (message) => link.send(message),
      flush: () => link.flush(),
      through: () => {},
    });
    const source = new RemoteObjects({
      workerId: readerId,
      ...(near ? { near } : {}),
      toStore: (message) => {
        this.#isTold = true;
        store.receive(readerId, message);
      },
      toldStore: told,
      send: (message) => link.send(withChecksum(message)),
      flush: () => link.flush(),
    });
    this.#source = source;
    store.localStarted(readerId, (message) => source.fromStore(message));
    link.start({
      receive: (message) => {
        if (this.#link === link) this.#receive(source, message);
      },
      // The wiring knows whether it comes back, and says `unlinked`.
      closed: () => {},
    });
    this.#ask();
  }

  /** The stream is over: so is what was under way. */
  unlinked(): void {
    this.#link = undefined;
    this.#chunks?.end();
    this.#chunks = undefined;
    if (this.#source) {
      this.#source.end();
      this.#source = undefined;
      this.#options.store.workerEnded(this.#readerId);
    }
    const waiting = [...this.#reads.values(), ...this.#queued];
    this.#reads.clear();
    this.#queued.clear();
    for (const { reader } of waiting) reader?.broken();
  }

  /** Reads an object that is there; gives what ends it before it is whole. */
  read(owner: WorkerId, number: number, reader: ObjectReader): () => void {
    const requestId = this.#nextRequestId++;
    const read: Read = {
      ...{ requestId, owner, number, reader },
      ...{ sizeBytes: undefined, takenBytes: 0 },
    };
    this.#queued.push(read);
    if (this.#link) this.#ask();
    else this.#options.wantLink(this.#options.nodeId);
    return () => this.#stop(read);
  }

  #ask(): void {
    while (this.#link && this.#reads.size < REMOTE_TRANSFERS_MAX) {
      const read = this.#queued.shift();
      if (!read) break;
      const { requestId, owner, number } = read;
      this.#reads.set(requestId, read);
      this.#send({ type: "object_open", requestId, owner, number });
    }
    this.#link?.flush();
  }

  #send(message: ToRemoteStore): void {
    this.#link?.send(message);
  }

  #stop(read: Read): void {
    read.reader = undefined;
    if (this.#queued.remove(read)) return;
    // One that is not found yet is closed when it is.
    if (read.sizeBytes !== undefined) this.#close(read);
  }

  #close(read: Read): void {
    const { requestId, sizeBytes, takenBytes } = read;
    if (!this.#reads.delete(requestId)) return;
    if (takenBytes < sizeBytes!) {
      this.#send({ type: "object_close", requestId });
    }
    this.#ask();
  }

  // -- What comes ------------------------------------------------------------

  #receive(source: RemoteObjects, message: LinkMessage): void {
    switch (message.type) {
      case "object_open":
      case "object_close":
      case "chunks_taken":
      case "chunk_file_answered":
        this.#isTold = false;
        source.receive(message);
        if (this.#isTold) this.#options.told();
        return;
      default:
        return this.#hear(FROM_OTHER_NODE.read(message));
    }
  }

  #hear(message: FromOtherNode): void {
    switch (message.type) {
      case "object_found":
        return this.#found(message.requestId, message.sizeBytes);
      case "object_chunk":
      case "chunk_placed":
        return this.#chunk(message);
      case "chunk_file_offered":
      case "chunk_file_closed":
        return this.#chunks!.receive(message);
      case "object_denied": {
        const read = this.#reads.get(message.requestId);
        this.#reads.delete(message.requestId);
        this.#ask();
        return read?.reader?.denied(message.reason);
      }
    }
  }

  #found(requestId: RequestId, sizeBytes: number): void {
    const read = this.#reads.get(requestId);
    if (!read) return;
    read.sizeBytes = sizeBytes;
    if (!read.reader) return this.#close(read);
    const { reader } = read;
    if (sizeBytes === 0) this.#close(read);
    reader.found(sizeBytes);
  }

  #chunk(message: CheckedChunk | PlacedChunk): void {
    const read = this.#reads.get(message.requestId);
    const isSound = message.type === "chunk_placed" ||
      crc32(message.bytes) === message.checksum;
    // One that was closed has chunks under way that count as well.
    const reader = isSound ? read?.reader : undefined;
    this.#chunks!.take(message, reader?.target);
    this.#link?.flush();
    if (!read) return;
    read.takenBytes += message.type === "chunk_placed"
      ? message.length
      : message.bytes.length;
    if (read.takenBytes === read.sizeBytes) this.#close(read);
    if (!isSound) this.#damaged(read);
    else if (reader?.target.isWhole) reader.whole();
  }

  #damaged(read: Read): void {
    const { reader } = read;
    this.#stop(read);
    reader?.broken();
  }
}

function withChecksum(
  message: FromRemoteStore,
): FromRemoteStore | CheckedChunk {
  if (message.type !== "object_chunk") return message;
  return { ...message, checksum: crc32(message.bytes) };
}

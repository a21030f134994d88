// One side's end for the chunks of objects, in both directions: by the link, or
// for processes of one machine through a file that both have open. When which
// chunk is sent, `ChunkSender` says; where one goes, `ChunkTarget`. It knows no
// driver and no store: any two processes with a link may use it.

import { systemTimers, type Timers } from "../base/clock.ts";
import { ProtocolError } from "../base/errors.ts";
import {
  CHUNK_FILE_IDLE_MS,
  CHUNK_FILE_OBJECT_BYTES_MIN,
  OBJECT_CHUNKS_MAX,
} from "../base/limits.ts";
import type { Platform } from "../platform/platform.ts";
import { isNear, type ProcessName } from "../platform/process_life.ts";
import { attachedPart } from "../protocol/attached_bytes.ts";
import {
  IncomingChunkFile,
  makeChunkFile,
  type OutgoingChunkFile,
} from "./chunk_file.ts";
import type {
  ChunkFileOffered,
  ChunkMessage,
  ObjectChunk,
  PlacedChunk,
} from "./chunk_messages.ts";
import { ChunkSender } from "./chunk_sender.ts";
import type { ChunkTarget } from "./chunk_target.ts";
import type { RequestId } from "./messages.ts";

/** What is sent; its memory stays as it is until it is through. */
export interface OutgoingObject {
  /** Tells it from all others under way. */
  readonly key: RequestId;
  /** What the peer calls it. */
  readonly requestId: RequestId;
  readonly memory: ArrayBufferLike;
  readonly sizeBytes: number;
}

/** What it needs of the platform. */
export type ChunkPlatform = Pick<Platform, "makeMemoryFile">;

/** A peer that may be of this machine. */
export interface NearPeer {
  readonly platform: ChunkPlatform;
  /** The peer's process, as it says; undefined as long as it is not known. */
  process(): ProcessName | undefined;
}

export interface ChunkPortOptions {
  /** Without, all chunks go by the link. */
  readonly near?: NearPeer;
  /** Queues a message for the peer; in order. */
  send(message: ChunkMessage): void;
  /** Sends what is queued, as a frame of its own. */
  flush(): void;
  /** The last chunk of the object was queued. */
  sent?(object: OutgoingObject): void;
  /** The peer has taken all of it that was sent: its memory is free. */
  through(object: OutgoingObject): void;
  /** @default {systemTimers} */
  readonly timers?: Timers;
}

/** Whether chunks go through a file; while it is offered they wait. */
type FileState = "none" | "offered" | "open" | "impossible";

/** See the head of the file. */
export class ChunkPort {
  readonly #options: ChunkPortOptions;
  readonly #timers: Timers;
  readonly #sender = new ChunkSender();
  readonly #objects = new Map<RequestId, OutgoingObject>();
  #outgoing: OutgoingChunkFile | undefined;
  #fileState: FileState = "none";
  #placedCount = 0;
  /** Whether something was sent since the timer was set. */
  #isUsed = false;
  #cancelTimer = () => {};
  /** The peer's file. */
  #incoming: IncomingChunkFile | undefined;
  #isOver = false;

  constructor(options: ChunkPortOptions) {
    this.#options = options;
    this.#timers = options.timers ?? systemTimers;
  }

  /** Sends the object, which is not empty, from now on; see `pump`. */
  add(object: OutgoingObject): void {
    const { key, sizeBytes } = object;
    this.#offerFile(sizeBytes);
    this.#objects.set(key, object);
    this.#sender.add(key, sizeBytes);
  }

  /** Sends nothing more of the object; `through` is called in any case. */
  stop(key: RequestId): void {
    if (this.#sender.stop(key)) this.#through(key);
  }

  /** Each chunk is a frame of its own: the next is made while one travels. */
  pump(): void {
    while (this.#fileState !== "offered") {
      const chunk = this.#sender.next();
      if (!chunk) return;
      const object = this.#objects.get(chunk.requestId)!;
      const { requestId, memory } = object;
      const { offset, length } = chunk;
      const bytes = attachedPart(memory, offset, length);
      const slot = this.#place(bytes);
      this.#options.send(
        slot === undefined
          ? { type: "object_chunk", requestId, offset, bytes }
          : { type: "chunk_placed", requestId, offset, length, slot },
      );
      if (chunk.isLast) this.#options.sent?.(object);
      this.#options.flush();
    }
  }

  /** Takes a chunk in; without a target, nobody wants its bytes any more. */
  take(message: ObjectChunk | PlacedChunk, target?: ChunkTarget): void {
    if (message.type === "object_chunk") {
      target?.take(message.offset, message.bytes);
    } else {
      const { offset, length, slot } = message;
      target?.fill(offset, length, (bytes) => this.#read(slot, bytes));
    }
    this.#options.send({ type: "chunks_taken", count: 1 });
  }

  /** Takes in what the peer says of chunks, but for the chunks themselves. */
  receive(message: Exclude<ChunkMessage, ObjectChunk | PlacedChunk>): void {
    if (this.#isOver) return;
    switch (message.type) {
      case "chunks_taken":
        for (const key of this.#sender.taken(message.count)) {
          this.#through(key);
        }
        return this.pump();
      case "chunk_file_offered":
        return this.#openFile(message);
      case "chunk_file_answered":
        return this.#fileAnswered(message.isOpen);
      case "chunk_file_closed":
        this.#incoming?.close();
        this.#incoming = undefined;
    }
  }

  /** The connection is over: nothing is sent any more, and no file is open. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#cancelTimer();
    this.#sender.clear();
    this.#objects.clear();
    this.#outgoing?.close();
    this.#incoming?.close();
    this.#outgoing = this.#incoming = undefined;
    this.#fileState = "impossible";
  }

  #through(key: RequestId): void {
    const object = this.#objects.get(key);
    this.#objects.delete(key);
    if (object) this.#options.through(object);
  }

  // -- The file for what is sent ---------------------------------------------

  #offerFile(sizeBytes: number): void {
    if (this.#fileState !== "none" || sizeBytes < CHUNK_FILE_OBJECT_BYTES_MIN) {
      return;
    }
    const { near } = this.#options;
    const peer = near?.process();
    if (!near || !peer) return;
    const { makeMemoryFile } = near.platform;
    this.#outgoing = isNear(peer) ? makeChunkFile(makeMemoryFile) : undefined;
    this.#fileState = this.#outgoing ? "offered" : "impossible";
    if (!this.#outgoing) return;
    const { fd, proof } = this.#outgoing.name;
    this.#options.send({ type: "chunk_file_offered", fd, proof });
  }

  #fileAnswered(isOpen: boolean): void {
    if (this.#fileState !== "offered") {
      throw new ProtocolError("Cannot use a file for chunks: none was offered");
    }
    this.#fileState = isOpen ? "open" : "impossible";
    if (isOpen) this.#closeFileLater();
    else this.#closeFile();
    this.pump();
  }

  /** No more are under way than there are slots: the next one was read. */
  #place(bytes: Uint8Array): number | undefined {
    this.#isUsed = true;
    if (this.#fileState !== "open") return undefined;
    const slot = this.#placedCount % OBJECT_CHUNKS_MAX;
    if (!this.#outgoing!.write(slot, bytes)) {
      // The system has no room. What lies there already will be read yet.
      this.#fileState = "impossible";
      return undefined;
    }
    this.#placedCount++;
    return slot;
  }

  #closeFileLater(): void {
    this.#isUsed = false;
    this.#cancelTimer = this.#timers.after(CHUNK_FILE_IDLE_MS, () => {
      if (this.#isUsed || this.#objects.size > 0) {
        return this.#closeFileLater();
      }
      this.#closeFile();
      this.#options.send({ type: "chunk_file_closed" });
      this.#options.flush();
    });
  }

  #closeFile(): void {
    this.#outgoing?.close();
    this.#outgoing = undefined;
    if (this.#fileState === "open") this.#fileState = "none";
  }

  // -- The peer's file -------------------------------------------------------

  #openFile(name: ChunkFileOffered): void {
    const peer = this.#options.near?.process();
    this.#incoming?.close();
    this.#incoming = peer && isNear(peer)
      ? IncomingChunkFile.open(peer.pid, name)
      : undefined;
    const isOpen = this.#incoming !== undefined;
    this.#options.send({ type: "chunk_file_answered", isOpen });
    this.#options.flush();
  }

  #read(slot: number, target: Uint8Array): void {
    if (this.#incoming?.read(slot, target)) return;
    throw new ProtocolError(`Cannot read a chunk: slot ${slot} has none`);
  }
}

// A file that carries the chunks of objects from one process to another of the
// same machine: written and read again in the same few slots, it is memory that
// stays warm, and several times faster than a socket. It has no name, so that
// nothing is left of processes that are killed. A peer's file is read and never
// mapped: one that is cut off hurts nobody.

import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { OBJECT_CHUNK_BYTES_MAX, OBJECT_CHUNKS_MAX } from "../base/limits.ts";
import type { MakeMemoryFile, MemoryFile } from "../platform/memory_file.ts";

const SHARED_MEMORY = "/dev/shm";
const PRIVATE = 0o600;
/** In front of the slots: a page with the proof that it is this file. */
const SLOTS_AT = 4096;
/** Nothing that blocks is opened, whatever a peer names. */
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) |
  (constants.O_NOCTTY ?? 0);

/** How the peer finds the file, and knows that it is this one. */
export interface ChunkFileName {
  /** Of the process that has made it. */
  readonly fd: number;
  readonly proof: string;
}

/** A file that this process writes. */
export interface OutgoingChunkFile {
  readonly name: ChunkFileName;
  /** Whether there is room; a slot is free once its chunk was taken. */
  write(slot: number, bytes: Uint8Array): boolean;
  close(): void;
}

/**
 * A file for chunks that go out; undefined where a system has no shared memory
 * that is opened by number. Writing by a mapping is twice as fast.
 */
export function makeChunkFile(
  makeMemoryFile: MakeMemoryFile,
): OutgoingChunkFile | undefined {
  try {
    if (!existsSync(`/proc/${process.pid}/fd`)) return undefined;
    const file = makeMemoryFile(slotAt(OBJECT_CHUNKS_MAX));
    return file ? MappedChunkFile.over(file) : PlainChunkFile.make();
  } catch {
    return undefined;
  }
}

class MappedChunkFile implements OutgoingChunkFile {
  readonly name: ChunkFileName;
  readonly #file: MemoryFile;
  #reservedSlots = 0;

  private constructor(file: MemoryFile, proof: string) {
    this.#file = file;
    this.name = { fd: file.fd, proof };
  }

  static over(file: MemoryFile): MappedChunkFile | undefined {
    const proof = randomUUID();
    if (!file.reserve(SLOTS_AT)) {
      file.close();
      return undefined;
    }
    file.bytes.set(new TextEncoder().encode(proof));
    return new MappedChunkFile(file, proof);
  }

  write(slot: number, bytes: Uint8Array): boolean {
    if (slot >= this.#reservedSlots) {
      // Without room, writing there would kill the process.
      if (!this.#file.reserve(slotAt(slot + 1))) return false;
      this.#reservedSlots = slot + 1;
    }
    this.#file.bytes.set(bytes, slotAt(slot));
    return true;
  }

  close(): void {
    this.#file.close();
  }
}

/** Where the C library cannot be called. */
class PlainChunkFile implements OutgoingChunkFile {
  readonly name: ChunkFileName;
  readonly #fd: number;

  private constructor(fd: number, proof: string) {
    this.#fd = fd;
    this.name = { fd, proof };
  }

  static make(): PlainChunkFile {
    const path = join(SHARED_MEMORY, `manta-${randomUUID()}`);
    const fd = openSync(path, "wx+", PRIVATE);
    const proof = randomUUID();
    try {
      unlinkSync(path);
      writeAll(fd, new TextEncoder().encode(proof), 0);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return new PlainChunkFile(fd, proof);
  }

  write(slot: number, bytes: Uint8Array): boolean {
    try {
      writeAll(this.#fd, bytes, slotAt(slot));
      return true;
    } catch {
      return false;
    }
  }

  close(): void {
    closeSync(this.#fd);
  }
}

/** A file that a peer writes. */
export class IncomingChunkFile {
  readonly #fd: number;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Undefined unless it is the peer's file: it may be of another machine. */
  static open(
    pid: number,
    { fd: peerFd, proof }: ChunkFileName,
  ): IncomingChunkFile | undefined {
    let fd: number | undefined;
    try {
      fd = openSync(`/proc/${pid}/fd/${peerFd}`, READ);
      const bytes = new Uint8Array(proof.length);
      const isFound = fstatSync(fd).isFile() && readAll(fd, bytes, 0) &&
        new TextDecoder().decode(bytes) === proof;
      if (isFound) return new IncomingChunkFile(fd);
    } catch {
      // Another user's, or another machine's: chunks come by the link.
    }
    if (fd !== undefined) closeSync(fd);
    return undefined;
  }

  /** Fills the target; false when the peer has cut the file off. */
  read(slot: number, target: Uint8Array): boolean {
    return readAll(this.#fd, target, slotAt(slot));
  }

  close(): void {
    closeSync(this.#fd);
  }
}

function slotAt(slot: number): number {
  return SLOTS_AT + slot * OBJECT_CHUNK_BYTES_MAX;
}

function writeAll(fd: number, bytes: Uint8Array, position: number): void {
  const { length } = bytes;
  for (let at = 0; at < length;) {
    at += writeSync(fd, bytes, at, length - at, position + at);
  }
}

function readAll(fd: number, target: Uint8Array, position: number): boolean {
  const { length } = target;
  for (let at = 0; at < length;) {
    const count = readSync(fd, target, at, length - at, position + at);
    if (count === 0) return false;
    at += count;
  }
  return true;
}

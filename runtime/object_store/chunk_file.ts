// A file that carries the chunks of objects from one process to another of the
// same machine: written and read again in the same few slots, it is memory that
// stays warm, and several times faster than a socket. It has no name, so that
// nothing is left of processes that are killed. It is read and written, never
// mapped: a peer that cuts it off hurts nobody.

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
import { OBJECT_CHUNK_BYTES_MAX } from "../base/limits.ts";

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
export class OutgoingChunkFile {
  readonly name: ChunkFileName;
  readonly #fd: number;

  private constructor(fd: number, proof: string) {
    this.#fd = fd;
    this.name = { fd, proof };
  }

  /** Undefined where a system has no shared memory to be opened by number. */
  static make(): OutgoingChunkFile | undefined {
    let fd: number | undefined;
    try {
      if (!existsSync(`/proc/${process.pid}/fd`)) return undefined;
      const path = join(SHARED_MEMORY, `manta-${randomUUID()}`);
      fd = openSync(path, "wx+", PRIVATE);
      unlinkSync(path);
      const proof = randomUUID();
      writeAll(fd, new TextEncoder().encode(proof), 0);
      return new OutgoingChunkFile(fd, proof);
    } catch {
      if (fd !== undefined) closeSync(fd);
      return undefined;
    }
  }

  /** Whether there is room; a slot is free once its chunk was taken. */
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

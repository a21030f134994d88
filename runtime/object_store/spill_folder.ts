// A folder of the file system as a store's spill disk. All of its calls to the
// system are asynchronous: the node's thread only sums up the bytes, which is
// many times faster than any disk. It neither makes nor removes the folder.

import { type FileHandle, open, statfs, unlink } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import {
  SPILL_DISK_USE_MAX,
  SPILL_FILES_OPEN_MAX,
  SPILL_IO_BYTES_MAX,
  SPILL_READ_BYTES_MAX,
  SPILL_READS_MAX,
} from "../base/limits.ts";
import type { SpillCopy, SpillFailure, SpillFileId } from "./index_events.ts";
import type { SpillDisk, WriteOutcome } from "./spill_disk.ts";

/** A file that is open, or being opened. */
interface OpenFile {
  readonly handle: Promise<FileHandle>;
  /** Reads and writes under way; it stays open for them. */
  userCount: number;
  /** Nobody will use it any more: the last user closes it. */
  isOver: boolean;
}

/** Pieces, or a part of a large one, that one call writes. */
interface Portion {
  readonly chunks: Uint8Array[];
  sizeBytes: number;
  /** Of the pieces that end in it. */
  readonly checksums: number[];
}

export interface SpillFolderOptions {
  readonly path: string;
  /** Hears why a write or a read has failed: once until a write succeeds. */
  warn(text: string): void;
}

/** See the head of the file. */
export class SpillFolder implements SpillDisk, AsyncDisposable {
  readonly #options: SpillFolderOptions;
  /** The least recently used first. */
  readonly #open = new Map<SpillFileId, OpenFile>();
  readonly #readers: (() => void)[] = [];
  readonly #closing = new Set<Promise<void>>();
  /** What failed and how, since a write last succeeded. */
  readonly #told = new Set<string>();
  #readCount = 0;

  constructor(options: SpillFolderOptions) {
    this.#options = options;
  }

  write(
    fileId: SpillFileId,
    pieces: readonly Uint8Array[],
    hear: (outcome: WriteOutcome) => void,
  ): void {
    this.#write(fileId, pieces, hear).catch((error: unknown) => {
      this.#warn("Cannot spill objects to disk", error);
      hear({ type: "failed", reason: failureOf(error) });
    });
  }

  async read(copy: SpillCopy, target: Uint8Array): Promise<boolean> {
    if (this.#readCount >= SPILL_READS_MAX) {
      await new Promise<void>((resolve) => this.#readers.push(resolve));
    }
    this.#readCount++;
    try {
      return await this.#read(copy, target);
    } catch (error) {
      // Files of objects that were freed meanwhile are gone.
      if (codeOf(error) !== "ENOENT") {
        this.#warn("Cannot read spilled objects", error);
      }
      return false;
    } finally {
      this.#readCount--;
      this.#readers.shift()?.();
    }
  }

  delete(fileId: SpillFileId): void {
    this.#closeSoon(fileId);
    unlink(this.#path(fileId)).catch((error: unknown) => {
      if (codeOf(error) === "ENOENT") return;
      this.#warn("Cannot delete a spill file", error);
    });
  }

  /** Closes what is open, once it is not used any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const fileId of [...this.#open.keys()]) this.#closeSoon(fileId);
    await Promise.all(this.#closing);
  }

  async #write(
    fileId: SpillFileId,
    pieces: readonly Uint8Array[],
    hear: (outcome: WriteOutcome) => void,
  ): Promise<void> {
    let fileBytes = 0;
    for (const piece of pieces) fileBytes += piece.length;
    await this.#requireRoom(fileBytes);
    const file = this.#use(fileId, "wx+");
    try {
      const handle = await file.handle;
      let position = 0;
      let written = Promise.resolve();
      let checksums: readonly number[] = [];
      for (const portion of portionsOf(pieces)) {
        // Summed up while the one before is being written.
        await written;
        if (checksums.length > 0) hear({ type: "advanced", checksums });
        written = writeAll(handle, portion.chunks, position);
        position += portion.sizeBytes;
        checksums = portion.checksums;
      }
      await written;
      this.#told.clear();
      hear({ type: "advanced", checksums });
    } finally {
      this.#leave(fileId, file);
    }
  }

  #warn(what: string, error: unknown): void {
    const failure = `${what}: ${codeOf(error) ?? textOf(error)}`;
    if (this.#told.has(failure)) return;
    this.#told.add(failure);
    this.#options.warn(`${what}: ${textOf(error)}`);
  }

  async #requireRoom(sizeBytes: number): Promise<void> {
    const { blocks, bfree, bavail, bsize } = await statfs(this.#options.path);
    const usedBytes = (blocks - bfree) * bsize;
    const usableBytes = usedBytes + bavail * bsize;
    if (usedBytes + sizeBytes <= usableBytes * SPILL_DISK_USE_MAX) return;
    const percent = Math.round(SPILL_DISK_USE_MAX * 100);
    throw Object.assign(
      new Error(`${this.#options.path} is over ${percent} % full`),
      { code: "ENOSPC" },
    );
  }

  async #read(copy: SpillCopy, target: Uint8Array): Promise<boolean> {
    const { fileId, offset, checksum } = copy;
    const file = this.#use(fileId, "r");
    try {
      const handle = await file.handle;
      let sum = 0;
      let fresh = target.subarray(0, 0);
      for (let at = 0; at < target.length;) {
        const wanted = Math.min(target.length - at, SPILL_READ_BYTES_MAX);
        const reading = handle.read(target, at, wanted, offset + at);
        // Summed up while the next part is being read.
        sum = crc32(fresh, sum);
        const { bytesRead } = await reading;
        if (bytesRead === 0) throw new Error("A spill file is too short");
        fresh = target.subarray(at, at + bytesRead);
        at += bytesRead;
      }
      sum = crc32(fresh, sum);
      if (sum !== checksum) throw new Error("Its bytes have changed");
      return true;
    } finally {
      this.#leave(fileId, file);
    }
  }

  #use(fileId: SpillFileId, flags: "wx+" | "r"): OpenFile {
    const file = this.#open.get(fileId) ?? {
      handle: open(this.#path(fileId), flags, 0o600),
      userCount: 0,
      isOver: false,
    };
    file.userCount++;
    this.#open.delete(fileId);
    this.#open.set(fileId, file);
    // A rejection is for who awaits it.
    file.handle.catch(() => this.#open.delete(fileId));
    return file;
  }

  #leave(fileId: SpillFileId, file: OpenFile): void {
    file.userCount--;
    if (file.isOver && file.userCount === 0) this.#close(fileId, file);
    if (this.#open.size <= SPILL_FILES_OPEN_MAX) return;
    for (const [coldId, cold] of this.#open) {
      if (cold.userCount > 0) continue;
      return this.#close(coldId, cold);
    }
  }

  #closeSoon(fileId: SpillFileId): void {
    const file = this.#open.get(fileId);
    if (!file) return;
    file.isOver = true;
    if (file.userCount === 0) this.#close(fileId, file);
  }

  #close(fileId: SpillFileId, file: OpenFile): void {
    if (this.#open.get(fileId) === file) this.#open.delete(fileId);
    const closing = file.handle.then((handle) => handle.close())
      .catch(() => {})
      .finally(() => this.#closing.delete(closing));
    this.#closing.add(closing);
  }

  #path(fileId: SpillFileId): string {
    return join(this.#options.path, `${fileId}.objects`);
  }
}

/** The pieces in portions, each with what the pieces that end there sum to. */
function* portionsOf(pieces: readonly Uint8Array[]): Generator<Portion> {
  let portion = newPortion();
  for (const piece of pieces) {
    let sum = 0;
    let at = 0;
    do {
      const room = SPILL_IO_BYTES_MAX - portion.sizeBytes;
      const chunk = piece.subarray(at, at + room);
      sum = crc32(chunk, sum);
      portion.chunks.push(chunk);
      portion.sizeBytes += chunk.length;
      at += chunk.length;
      if (at === piece.length) portion.checksums.push(sum);
      if (portion.sizeBytes < SPILL_IO_BYTES_MAX) continue;
      yield portion;
      portion = newPortion();
    } while (at < piece.length);
  }
  if (portion.sizeBytes > 0) yield portion;
}

function newPortion(): Portion {
  return { chunks: [], sizeBytes: 0, checksums: [] };
}

async function writeAll(
  handle: FileHandle,
  chunks: readonly Uint8Array[],
  position: number,
): Promise<void> {
  const { bytesWritten } = await handle.writev(chunks, position);
  let skippedBytes = bytesWritten;
  let at = position;
  for (const chunk of chunks) {
    // What a short write has left is written piece by piece.
    let written = Math.min(chunk.length, skippedBytes);
    skippedBytes -= written;
    while (written < chunk.length) {
      const rest = chunk.length - written;
      const part = await handle.write(chunk, written, rest, at + written);
      written += part.bytesWritten;
    }
    at += chunk.length;
  }
}

function failureOf(error: unknown): SpillFailure {
  const isFull = FULL_DISK_CODES.has(codeOf(error) ?? "");
  return isFull ? "out_of_disk" : "disk_failed";
}

const FULL_DISK_CODES = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

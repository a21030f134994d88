// Files that a node's store lends to child processes: in the system's folder
// for shared memory while that has room, else among the session's files. On
// Linux a file has no name: it is gone with the processes that have it open.

import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { type FileHandle, open, statfs, unlink } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";

import { LOAN_IO_BYTES_MAX } from "../base/limits.ts";

/** A file that this process and others share. */
export interface LoanFile {
  /** Where others open it, as long as it is not closed. */
  readonly path: string;
  /** Writes the whole file. */
  write(bytes: Uint8Array): Promise<void>;
  /** Reads the whole file. */
  read(target: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Makes a file of so many bytes; rejects when there is no room for it. */
export type MakeLoanFile = (sizeBytes: number) => Promise<LoanFile>;

const SHARED_MEMORY = "/dev/shm";
const PRIVATE = 0o600;

/** Makes files in shared memory, or in a folder of the user's alone. */
export function loanFolder(folder: string): MakeLoanFile {
  const mayUnlink = canOpenByNumber();
  return async (sizeBytes) => {
    // A file with a name would outlive a node that is killed.
    const isShared = mayUnlink && await hasRoom(SHARED_MEMORY, sizeBytes);
    const parent = isShared ? SHARED_MEMORY : folder;
    const name = join(parent, `manta-${randomUUID()}`);
    const handle = await open(name, "wx+", PRIVATE);
    if (mayUnlink) await unlink(name);
    await handle.truncate(sizeBytes);
    return mayUnlink
      ? new OpenFile(handle, `/proc/${process.pid}/fd/${handle.fd}`, undefined)
      : new OpenFile(handle, name, name);
  };
}

/** Whether files without a name can be opened; Deno may forbid it. */
function canOpenByNumber(): boolean {
  try {
    return existsSync(`/proc/${process.pid}/fd`);
  } catch {
    return false;
  }
}

async function hasRoom(folder: string, sizeBytes: number): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize > sizeBytes;
  } catch {
    return false;
  }
}

class OpenFile implements LoanFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #name: string | undefined;

  constructor(handle: FileHandle, path: string, name: string | undefined) {
    this.#handle = handle;
    this.path = path;
    this.#name = name;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const length = Math.min(bytes.length - at, LOAN_IO_BYTES_MAX);
      at += (await this.#handle.write(bytes, at, length, at)).bytesWritten;
    }
  }

  async read(target: Uint8Array): Promise<void> {
    for (let at = 0; at < target.length;) {
      const length = Math.min(target.length - at, LOAN_IO_BYTES_MAX);
      const { bytesRead } = await this.#handle.read(target, at, length, at);
      if (bytesRead === 0) throw new Error(`${this.path} is cut off`);
      at += bytesRead;
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
    if (this.#name) await unlink(this.#name);
  }
}

// A file whose bytes two processes share: mapped into memory where the runtime
// can call the C library, else read or written as a whole. The file itself is
// made, and its name taken away, by who lends it.

import { closeSync, openSync, readSync, writeSync } from "node:fs";
import process from "node:process";

/** The bytes of a shared file. */
export interface SharedFile {
  /** Exactly as long as was asked for. Not to be transferred. */
  readonly bytes: Uint8Array<ArrayBuffer | SharedArrayBuffer>;
  /** Who reads the file from now on finds what was written here. */
  readonly save: () => void;
  /** Gives the memory back; nobody may touch `bytes` from now on. */
  readonly release: () => void;
}

/** Only what is opened to write changes the file. */
export type FileAccess = "read" | "write";

/** Opens a file of the given length; throws what the system says. */
export type OpenSharedFile = (
  path: string,
  sizeBytes: number,
  access: FileAccess,
) => SharedFile;

/** The part of the C library that is called. */
export interface MapCalls {
  map(
    lengthBytes: number,
    protection: number,
    flags: number,
    fd: number,
  ): bigint;
  unmap(address: bigint, lengthBytes: number): void;
  /** Has the system set room for the file aside; 0 when it has. */
  allocate(fd: number, lengthBytes: number): number;
  /** The memory at an address, as JavaScript's; it is not freed with it. */
  bufferAt(address: bigint, lengthBytes: number): ArrayBuffer;
}

/** The functions of the C library behind it. */
export interface MapLibrary {
  mmap(
    address: bigint,
    length: bigint,
    protection: number,
    flags: number,
    fd: number,
    offset: bigint,
  ): bigint;
  munmap(address: bigint, length: bigint): number;
  posix_fallocate(fd: number, offset: bigint, length: bigint): number;
}

/** The calls by a library that a runtime has opened. */
export function mapCallsOf(
  library: MapLibrary,
  bufferAt: MapCalls["bufferAt"],
): MapCalls {
  return {
    map: (length, protection, flags, fd) =>
      library.mmap(0n, BigInt(length), protection, flags, fd, 0n),
    unmap: (address, length) => void library.munmap(address, BigInt(length)),
    allocate: (fd, length) => library.posix_fallocate(fd, 0n, BigInt(length)),
    bufferAt,
  };
}

/** Not made anew: a function's scope would hold the memory. */
function nothing(): void {}

const READ_AND_WRITE = 3;
const MAP_SHARED = 1;
/** What the process writes there is its own, and the file stays as it is. */
const MAP_PRIVATE = 2;
const MAP_FAILED = 0xffff_ffff_ffff_ffffn;

/** Maps files with the calls, if they can be had, or copies them. */
export function newOpenSharedFile(openCalls: () => MapCalls): OpenSharedFile {
  let calls: MapCalls | null | undefined;
  return (path, sizeBytes, access) => {
    if (calls === undefined) calls = callsOrNull(openCalls);
    const fd = openSync(path, access === "read" ? "r" : "r+");
    try {
      return calls && sizeBytes > 0
        ? mapped(calls, fd, sizeBytes, access)
        : copied(path, fd, sizeBytes, access);
    } finally {
      closeSync(fd);
    }
  };
}

function callsOrNull(openCalls: () => MapCalls): MapCalls | null {
  // The numbers of the flags above are Linux's.
  if (process.platform !== "linux") return null;
  try {
    return openCalls();
  } catch {
    return null;
  }
}

function mapped(
  calls: MapCalls,
  fd: number,
  sizeBytes: number,
  access: FileAccess,
): SharedFile {
  // Without room, writing into the memory would kill the process.
  if (access === "write" && calls.allocate(fd, sizeBytes) !== 0) {
    throw new Error(`Cannot make room for ${sizeBytes} bytes in shared memory`);
  }
  const flags = access === "read" ? MAP_PRIVATE : MAP_SHARED;
  const address = mapFile(calls, sizeBytes, flags, fd);
  if (address === undefined) {
    throw new Error(`Cannot map ${sizeBytes} bytes of shared memory`);
  }
  return {
    bytes: new Uint8Array(calls.bufferAt(address, sizeBytes)),
    save: nothing,
    release: releaseOf(calls, address, sizeBytes),
  };
}

/** Where the file is in memory, for reading and writing it. */
export function mapShared(
  calls: MapCalls,
  sizeBytes: number,
  fd: number,
): bigint | undefined {
  return mapFile(calls, sizeBytes, MAP_SHARED, fd);
}

function mapFile(
  calls: MapCalls,
  sizeBytes: number,
  flags: number,
  fd: number,
): bigint | undefined {
  const address = calls.map(sizeBytes, READ_AND_WRITE, flags, fd);
  return BigInt.asUintN(64, address) === MAP_FAILED ? undefined : address;
}

/** Apart, so that the function's scope does not hold the memory. */
function releaseOf(
  calls: MapCalls,
  address: bigint,
  sizeBytes: number,
): () => void {
  return () => calls.unmap(address, sizeBytes);
}

function copied(
  path: string,
  fd: number,
  sizeBytes: number,
  access: FileAccess,
): SharedFile {
  const bytes = new Uint8Array(new SharedArrayBuffer(sizeBytes));
  if (access === "read") {
    for (let at = 0; at < sizeBytes;) {
      const count = readSync(fd, bytes, at, sizeBytes - at, at);
      if (count === 0) throw new Error(`Cannot read ${path}: it is cut off`);
      at += count;
    }
    return { bytes, save: nothing, release: nothing };
  }
  return { bytes, save: () => saveAt(path, bytes), release: nothing };
}

function saveAt(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, "r+");
  try {
    for (let at = 0; at < bytes.length;) {
      at += writeSync(fd, bytes, at, bytes.length - at, at);
    }
  } finally {
    closeSync(fd);
  }
}

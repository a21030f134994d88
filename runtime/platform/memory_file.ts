// Memory of this process that another one of the same user can read as a file,
// at `/proc/<pid>/fd/<fd>`. It has no name and is gone with its processes. It
// cannot be made shorter: whoever has it open, touching the memory is safe.

import { randomUUID } from "node:crypto";
import process from "node:process";
import { type MapCalls, mapShared } from "./shared_file.ts";

export interface MemoryFile {
  readonly fd: number;
  /** All of it. Only what is reserved may be touched. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Has the system set its first bytes aside; whether there is room. */
  reserve(lengthBytes: number): boolean;
  /** Nobody may touch `bytes` from now on. */
  close(): void;
}

/** Undefined where it cannot be had. */
export type MakeMemoryFile = (sizeBytes: number) => MemoryFile | undefined;

/** The part of the C library that is called beside mapping. */
export interface MemoryFileCalls extends MapCalls {
  /** Makes a file of no length; its number, or less than 0. */
  create(name: Uint8Array, flags: number): number;
  truncate(fd: number, lengthBytes: number): number;
  seal(fd: number, seals: number): number;
  close(fd: number): void;
}

/** The functions of the C library behind it. */
export interface MemoryFileLibrary {
  memfd_create(name: Uint8Array, flags: number): number;
  ftruncate(fd: number, length: bigint): number;
  fcntl(fd: number, command: number, argument: number): number;
  close(fd: number): number;
}

/** The numbers are Linux's. */
const CLOSE_ON_EXEC = 1;
const ALLOW_SEALS = 2;
const ADD_SEALS = 1033;
const NEVER_SHORTER = 2;

/** The calls by a library that a runtime has opened. */
export function memoryFileCallsOf(
  library: MemoryFileLibrary,
  mapCalls: MapCalls,
): MemoryFileCalls {
  return {
    ...mapCalls,
    create: (name, flags) => library.memfd_create(name, flags),
    truncate: (fd, length) => library.ftruncate(fd, BigInt(length)),
    seal: (fd, seals) => library.fcntl(fd, ADD_SEALS, seals),
    close: (fd) => void library.close(fd),
  };
}

/** Makes files with the calls, if they can be had. */
export function newMakeMemoryFile(
  openCalls: () => MemoryFileCalls,
): MakeMemoryFile {
  let calls: MemoryFileCalls | null | undefined;
  return (sizeBytes) => {
    if (calls === undefined) calls = callsOrNull(openCalls);
    return calls ? make(calls, sizeBytes) : undefined;
  };
}

function callsOrNull(openCalls: () => MemoryFileCalls): MemoryFileCalls | null {
  if (process.platform !== "linux") return null;
  try {
    return openCalls();
  } catch {
    return null;
  }
}

function make(
  calls: MemoryFileCalls,
  sizeBytes: number,
): MemoryFile | undefined {
  const name = new TextEncoder().encode(`manta-${randomUUID()}\0`);
  const fd = calls.create(name, CLOSE_ON_EXEC | ALLOW_SEALS);
  if (fd < 0) return undefined;
  const isMade = calls.truncate(fd, sizeBytes) === 0 &&
    calls.seal(fd, NEVER_SHORTER) === 0;
  const address = isMade ? mapShared(calls, sizeBytes, fd) : undefined;
  if (address === undefined) {
    calls.close(fd);
    return undefined;
  }
  return {
    fd,
    bytes: new Uint8Array(calls.bufferAt(address, sizeBytes)),
    reserve: (length) => calls.allocate(fd, length) === 0,
    close() {
      calls.unmap(address, sizeBytes);
      calls.close(fd);
    },
  };
}

// Gives memory back to Linux while JavaScript still holds it: neither runtime
// has a call for this, but both can call the C library. Only whole pages of the
// range go; Deno's shared memory does not begin at a page's start.

import process from "node:process";
import type { ReturnMemory } from "./platform.ts";

/** The part of the C library that is called, and where bytes lie. */
export interface MemoryCalls {
  readonly pageBytes: number;
  addressOf(bytes: Uint8Array): bigint;
  /** The address and the length are multiples of a page. */
  advise(address: bigint, length: bigint, advice: number): void;
}

/** The functions of the C library behind it. */
export interface MemoryLibrary {
  madvise(address: bigint, length: bigint, advice: number): number;
  getpagesize(): number;
}

/** The calls by a library that a runtime has opened. */
export function memoryCallsOf(
  library: MemoryLibrary,
  addressOf: MemoryCalls["addressOf"],
): MemoryCalls {
  return {
    pageBytes: library.getpagesize(),
    addressOf,
    advise: (address, length, advice) =>
      void library.madvise(address, length, advice),
  };
}

/** Where glibc and musl have the C library. */
const C_LIBRARIES = [
  "libc.so.6",
  "libc.musl-x86_64.so.1",
  "libc.musl-aarch64.so.1",
];

const MADV_DONTNEED = 4;

/** Undefined where it cannot be done. */
export function newReturnMemory(
  openCalls: () => MemoryCalls,
): ReturnMemory | undefined {
  if (process.platform !== "linux") return undefined;
  let calls: MemoryCalls | null | undefined;
  return (memory, from, to) => {
    if (calls === undefined) calls = openOrNull(openCalls);
    // Then memory comes back when it is collected.
    if (calls === null) return;
    const bytes = new Uint8Array(memory, from, to - from);
    const start = calls.addressOf(bytes);
    const pageBytes = BigInt(calls.pageBytes);
    const first = (start + pageBytes - 1n) / pageBytes * pageBytes;
    const end = (start + BigInt(to - from)) / pageBytes * pageBytes;
    if (end > first) calls.advise(first, end - first, MADV_DONTNEED);
  };
}

function openOrNull(openCalls: () => MemoryCalls): MemoryCalls | null {
  try {
    return openCalls();
  } catch {
    return null;
  }
}

/** The first of the libraries that opens. */
export function openFirst<T>(open: (library: string) => T): T {
  let failure: unknown;
  for (const library of C_LIBRARIES) {
    try {
      return open(library);
    } catch (error) {
      failure ??= error;
    }
  }
  throw failure;
}

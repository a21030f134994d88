// Gives memory back to Linux while JavaScript still holds it: neither runtime
// has a call for this, but both can call the C library. Only whole pages of the
// range go; Deno's shared memory does not begin at a page's start.

import process from "node:process";
import { openOnce } from "./c_library.ts";
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

const MADV_DONTNEED = 4;

/** Undefined where it cannot be done. */
export function newReturnMemory(
  openCalls: () => MemoryCalls,
): ReturnMemory | undefined {
  if (process.platform !== "linux") return undefined;
  const openedCalls = openOnce(openCalls);
  return (memory, from, to) => {
    const calls = openedCalls();
    // Then memory comes back when it is collected.
    if (!calls) return;
    const bytes = new Uint8Array(memory, from, to - from);
    const start = calls.addressOf(bytes);
    const pageBytes = BigInt(calls.pageBytes);
    const first = (start + pageBytes - 1n) / pageBytes * pageBytes;
    const end = (start + BigInt(to - from)) / pageBytes * pageBytes;
    if (end > first) calls.advise(first, end - first, MADV_DONTNEED);
  };
}

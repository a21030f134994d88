// Lets other threads run in the middle of a busy wait. Without it, Linux lets a
// thread that spins keep its processor for milliseconds, although others wait
// for it that were woken meanwhile: the very ones whose answer it spins for.

import process from "node:process";
import { openOnce } from "./c_library.ts";

/** The function of the C library behind it. */
export interface YieldLibrary {
  sched_yield(): number;
}

/** Undefined where it cannot be done. */
export function newProcessorYield(
  openLibrary: () => YieldLibrary,
): (() => void) | undefined {
  if (process.platform !== "linux") return undefined;
  const library = openOnce(openLibrary);
  return () => void library()?.sched_yield();
}

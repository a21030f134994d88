// Memory of a driver's own process for objects that it writes or has fetched.
// Memory that was written before is kept for a while for the next object: the
// system takes many times longer to give fresh memory than a copy takes.

import type { Timers } from "../base/clock.ts";
import {
  LOCAL_MEMORY_IDLE_MS,
  LOCAL_MEMORY_KEPT_BYTES_MAX,
} from "../base/limits.ts";
import { segmentBytesFor } from "./size_class.ts";

/** See the head of the file. */
export class LocalMemory {
  readonly #timers: Timers;
  /** Nobody uses these; the one used last comes first. */
  #kept: SharedArrayBuffer[] = [];
  #keptBytes = 0;
  /** Whether the pool was used since the timer was set. */
  #isUsed = false;
  #isTimed = false;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** Memory with room for so many bytes, with anything in them. */
  take(sizeBytes: number): SharedArrayBuffer {
    const segmentBytes = segmentBytesFor(sizeBytes, Infinity);
    const at = this.#kept.findIndex((each) => each.byteLength === segmentBytes);
    if (at < 0) return new SharedArrayBuffer(segmentBytes);
    this.#isUsed = true;
    this.#keptBytes -= segmentBytes;
    return this.#kept.splice(at, 1)[0]!;
  }

  /** Nobody has a view on this memory any more. */
  giveBack(memory: SharedArrayBuffer): void {
    if (memory.byteLength > LOCAL_MEMORY_KEPT_BYTES_MAX) return;
    this.#isUsed = true;
    this.#kept.unshift(memory);
    this.#keptBytes += memory.byteLength;
    while (this.#keptBytes > LOCAL_MEMORY_KEPT_BYTES_MAX) {
      this.#keptBytes -= this.#kept.pop()!.byteLength;
    }
    this.#expireLater();
  }

  /** Gives all back to the system. */
  clear(): void {
    this.#kept = [];
    this.#keptBytes = 0;
  }

  #expireLater(): void {
    if (this.#isTimed) return;
    this.#isTimed = true;
    this.#isUsed = false;
    this.#timers.after(LOCAL_MEMORY_IDLE_MS, () => {
      this.#isTimed = false;
      if (this.#isUsed) this.#expireLater();
      else this.clear();
    });
  }
}

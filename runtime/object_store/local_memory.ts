// Memory of a driver's own process for objects that it writes or has fetched.
// Memory that was written before is kept for a while for the next object: the
// system takes many times longer to give fresh memory than a copy takes.

import type { Timers } from "../base/clock.ts";
import {
  LOCAL_MEMORY_IDLE_MS,
  LOCAL_MEMORY_KEPT_BYTES_MAX,
} from "../base/limits.ts";
import type { ReturnMemory } from "../platform/platform.ts";
import { ReturnedMemory } from "./returned_memory.ts";
import { segmentBytesFor } from "./size_class.ts";

/** How long the event loop has between two parts that are returned. */
const RETURN_PAUSE_MS = 1;

interface KeptMemory {
  readonly memory: SharedArrayBuffer;
  /** Nobody has needed it since the last look. */
  isOld: boolean;
}

/** See the head of the file. */
export class LocalMemory {
  readonly #timers: Timers;
  readonly #returned: ReturnedMemory | undefined;
  /** Nobody uses these; the one used last comes first. */
  #kept: KeptMemory[] = [];
  #keptBytes = 0;
  #isTimed = false;
  #returnedCount = 0;

  /** Without `returnMemory`, the system gets it back when it is collected. */
  constructor(timers: Timers, returnMemory?: ReturnMemory) {
    this.#timers = timers;
    this.#returned = returnMemory && new ReturnedMemory(returnMemory);
  }

  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** Memory with room for so many bytes, with anything in them. */
  take(sizeBytes: number): SharedArrayBuffer {
    return this.takeKept(sizeBytes) ??
      new SharedArrayBuffer(segmentBytesFor(sizeBytes, Infinity));
  }

  /** The same, if there is some that was used before. */
  takeKept(sizeBytes: number): SharedArrayBuffer | undefined {
    const segmentBytes = segmentBytesFor(sizeBytes, Infinity);
    const at = this.#kept.findIndex(({ memory }) =>
      memory.byteLength === segmentBytes
    );
    if (at < 0) return undefined;
    this.#keptBytes -= segmentBytes;
    return this.#kept.splice(at, 1)[0]!.memory;
  }

  /** Nobody has a view on this memory any more. */
  giveBack(memory: SharedArrayBuffer): void {
    this.#kept.unshift({ memory, isOld: false });
    this.#keptBytes += memory.byteLength;
    while (this.#keptBytes > LOCAL_MEMORY_KEPT_BYTES_MAX) this.#drop();
    this.#expireLater();
  }

  /** Gives all back to the system. */
  clear(): void {
    while (this.#kept.length > 0) this.#drop();
  }

  /** Drops the memory that was not needed for the longest time. */
  #drop(): void {
    const { memory } = this.#kept.pop()!;
    this.#keptBytes -= memory.byteLength;
    if (!this.#returned) return;
    if (!this.#returned.isWaiting) this.#returnLater();
    this.#returned.add(this.#returnedCount++, memory);
  }

  #returnLater(): void {
    this.#timers.after(RETURN_PAUSE_MS, () => {
      this.#returned!.next();
      if (this.#returned!.isWaiting) this.#returnLater();
    });
  }

  #expireLater(): void {
    if (this.#isTimed) return;
    this.#isTimed = true;
    this.#timers.after(LOCAL_MEMORY_IDLE_MS, () => {
      this.#isTimed = false;
      while (this.#kept.at(-1)?.isOld) this.#drop();
      for (const kept of this.#kept) kept.isOld = true;
      if (this.#kept.length > 0) this.#expireLater();
    });
  }
}

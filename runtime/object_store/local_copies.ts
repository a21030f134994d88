// What a driver has fetched into memory of its own process: all who open an
// object share one copy while somebody has it. Before more memory is taken, and
// now and then, it looks for copies that are garbage: nothing else would tell,
// since to the engine they are small. Memory that was used before is far cheaper.

import type { Timers } from "../base/clock.ts";
import {
  IDLE_GARBAGE_MS_MAX,
  LOCAL_GARBAGE_BYTES_MIN,
  LOCAL_GARBAGE_MS,
} from "../base/limits.ts";
import type { Collector } from "./collector.ts";
import type { LocalMemory } from "./local_memory.ts";
import type { RequestId } from "./messages.ts";
import { ReaderMappings } from "./reader_mappings.ts";

export interface LocalCopiesOptions {
  readonly memory: LocalMemory;
  readonly collector: Collector;
  /** Collects this process's garbage, at once where it can. */
  collectGarbage(): void;
  readonly timers: Timers;
}

/** See the head of the file. */
export class LocalCopies {
  readonly #options: LocalCopiesOptions;
  readonly #mappings: ReaderMappings;
  /** What somebody may have a view on. */
  readonly #memory = new Map<RequestId, SharedArrayBuffer>();
  #bytes = 0;
  /** Collecting was in vain with half as much: it costs CPU. */
  #collectFromBytes = 0;
  #isTimed = false;
  #delayMs = LOCAL_GARBAGE_MS;
  /** What there was at the last look. */
  #seenBytes = 0;

  constructor(options: LocalCopiesOptions) {
    this.#options = options;
    this.#mappings = new ReaderMappings(
      options.collector,
      (requestId) => this.#unused(requestId),
    );
  }

  /** How many copies somebody may have a view on. */
  get count(): number {
    return this.#mappings.size;
  }

  /** A view on the object if there is a copy. */
  view(key: string): Uint8Array | undefined {
    return this.#mappings.view(key);
  }

  /** Memory to fetch an object into. */
  take(sizeBytes: number): SharedArrayBuffer {
    const { memory } = this.#options;
    const kept = memory.takeKept(sizeBytes);
    if (kept) return kept;
    if (this.#mayBeGarbage(sizeBytes)) this.#collect();
    return memory.take(sizeBytes);
  }

  /** The object was fetched into this memory; gives a view on it. */
  add(
    key: string,
    requestId: RequestId,
    memory: SharedArrayBuffer,
    sizeBytes: number,
  ): Uint8Array<SharedArrayBuffer> {
    this.#memory.set(requestId, memory);
    this.#bytes += memory.byteLength;
    this.#lookLater();
    return this.#mappings.add(key, requestId, memory, sizeBytes);
  }

  /** Nothing is fetched any more; views stay what they are. */
  clear(): void {
    this.#memory.clear();
    this.#bytes = 0;
  }

  #mayBeGarbage(sizeBytes: number): boolean {
    return sizeBytes >= LOCAL_GARBAGE_BYTES_MIN && this.#bytes >= sizeBytes &&
      this.#bytes >= this.#collectFromBytes;
  }

  #lookLater(): void {
    if (this.#isTimed || this.#bytes < LOCAL_GARBAGE_BYTES_MIN) return;
    this.#isTimed = true;
    this.#options.timers.after(this.#delayMs, () => {
      this.#isTimed = false;
      this.#look();
    });
  }

  /** Ever less often while it is in vain, or somebody has it all. */
  #look(): void {
    this.#delayMs = this.#bytes < this.#seenBytes
      ? LOCAL_GARBAGE_MS
      : Math.min(this.#delayMs * 2, IDLE_GARBAGE_MS_MAX);
    this.#seenBytes = this.#bytes;
    if (this.#bytes >= LOCAL_GARBAGE_BYTES_MIN) this.#collect();
    this.#lookLater();
  }

  #collect(): void {
    const beforeBytes = this.#bytes;
    this.#options.collectGarbage();
    this.#mappings.closeCollected();
    this.#collectFromBytes = this.#bytes < beforeBytes ? 0 : beforeBytes * 2;
  }

  /** No view is left on what this request has fetched. */
  #unused(requestId: RequestId): void {
    const memory = this.#memory.get(requestId);
    if (!memory) return;
    this.#memory.delete(requestId);
    this.#bytes -= memory.byteLength;
    this.#options.memory.giveBack(memory);
  }
}

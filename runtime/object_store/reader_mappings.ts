// What a thread has open for reading: per object one clone of its segment,
// held weakly. Its collection means that no view is left, and only then does
// the store get the memory back.

import type { SharedFile } from "../platform/shared_file.ts";
import type { Collector, Weak } from "./collector.ts";
import type { RequestId } from "./messages.ts";

interface ReaderMapping {
  readonly requestId: RequestId;
  readonly segment: Weak<ArrayBuffer | SharedArrayBuffer>;
  readonly sizeBytes: number;
}

interface OpenMapping {
  readonly segment: Weak<ArrayBuffer | SharedArrayBuffer>;
  readonly close: () => void;
}

/** See the head of the file. */
export class ReaderMappings {
  /** The latest mapping of each object; its segment may be collected. */
  readonly #byKey = new Map<string, ReaderMapping>();
  /** All and only the mappings that `close` was not called for. */
  readonly #open = new Map<RequestId, OpenMapping>();
  readonly #collector: Collector;
  readonly #close: (requestId: RequestId) => void;

  /** `close` is called when no view is left on what an open gave. */
  constructor(collector: Collector, close: (requestId: RequestId) => void) {
    this.#collector = collector;
    this.#close = close;
  }

  /** How many mappings views may live on. */
  get size(): number {
    return this.#open.size;
  }

  /** A view on the object if the thread has it open. */
  view(key: string): Uint8Array | undefined {
    const mapping = this.#byKey.get(key);
    const segment = mapping?.segment.deref();
    return segment && new Uint8Array(segment, 0, mapping!.sizeBytes);
  }

  /**
   * Opens an object and returns a view on it. The view has the object's exact
   * length. Its `buffer` is the whole segment, stale bytes of other objects
   * included: that is no leak, as all threads of a node are of one session.
   */
  add(
    key: string,
    requestId: RequestId,
    segment: SharedArrayBuffer,
    sizeBytes: number,
  ): Uint8Array<SharedArrayBuffer> {
    const clone = structuredClone(segment);
    this.#watch(clone, { key, requestId, sizeBytes });
    return new Uint8Array(clone, 0, sizeBytes);
  }

  /** Opens an object that lies in a file of its own. */
  addFile(
    key: string,
    requestId: RequestId,
    { bytes, release }: SharedFile,
  ): Uint8Array {
    const sizeBytes = bytes.length;
    this.#watch(bytes.buffer, { key, requestId, sizeBytes }, release);
    return bytes;
  }

  /** Closes at once what was collected and would be closed later. */
  closeCollected(): void {
    for (const { segment, close } of [...this.#open.values()]) {
      if (!segment.deref()) close();
    }
  }

  #watch(
    buffer: ArrayBuffer | SharedArrayBuffer,
    { key, requestId, sizeBytes }: {
      readonly key: string;
      readonly requestId: RequestId;
      readonly sizeBytes: number;
    },
    release?: () => void,
  ): void {
    const close = this.#closer(key, requestId, release);
    const segment = this.#collector.watch(buffer, close);
    this.#open.set(requestId, { segment, close });
    this.#byKey.set(key, { requestId, segment, sizeBytes });
  }

  /** Apart, so that the callback's scope does not hold the clone. */
  #closer(
    key: string,
    requestId: RequestId,
    release?: () => void,
  ): () => void {
    return () => {
      if (!this.#open.delete(requestId)) return;
      release?.();
      const latest = this.#byKey.get(key);
      if (latest?.requestId === requestId) this.#byKey.delete(key);
      this.#close(requestId);
    };
  }
}

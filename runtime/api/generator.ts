// The stream of refs that a remote generator gives: hands items out in order,
// whatever the order they come in, and tells how many have been taken.

import type { ObjectRefGenerator } from "./ref_types.ts";

/** What a stream needs of its session. */
export interface StreamSource {
  /** The ref that settles with the whole task. */
  readonly whole: unknown;
  /** Tells the executor how many items have been taken. */
  consumed(count: number): void;
  /** Drops what was not read and cancels the task. */
  drop(): void;
  /**
   * Keeps the process alive while somebody waits for the next item; calls
   * `giveUp` with why if that one is cancelled.
   */
  wait<T>(work: Promise<T>, giveUp: (reason: unknown) => void): Promise<T>;
}

/** How a stream is fed; the session's side of it. */
export interface StreamFeed {
  yielded(index: number, ref: unknown): void;
  ended(count: number): void;
  /** `ref` is one that rejects with why the task failed. */
  failed(ref: unknown): void;
  restarted(): void;
}

type Result = IteratorResult<unknown, undefined>;

const END: Result = { done: true, value: undefined };

/** See the head of the file; `api/ref_types.ts` has what users see. */
export class RefStream {
  readonly #source: StreamSource;
  /** Items that came and were not read, by index. */
  readonly #items = new Map<number, unknown>();
  #readers: PromiseWithResolvers<Result>[] = [];
  #next = 0;
  /** Index after the last item, once it is known. */
  #count: number | undefined;
  #closed = false;

  constructor(source: StreamSource) {
    this.#source = source;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    const reader = Promise.withResolvers<Result>();
    this.#readers.push(reader);
    this.#serve();
    if (!this.#readers.includes(reader)) return reader.promise;
    return this.#source.wait(reader.promise, (reason) => {
      // The item that it waited for is the next reader's.
      this.#readers = this.#readers.filter((other) => other !== reader);
      reader.reject(reason);
    });
  }

  return(): Promise<Result> {
    this[Symbol.dispose]();
    return Promise.resolve(END);
  }

  completed(): unknown {
    return this.#source.whole;
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#items.clear();
    if (this.#count === undefined) this.#source.drop();
    this.#serve();
  }

  /** The session's side. */
  static feed(stream: RefStream): StreamFeed {
    return {
      yielded: (index, ref) => {
        // A task that runs again yields the items it has yielded before.
        if (stream.#closed || index < stream.#next) return;
        stream.#items.set(index, ref);
        stream.#serve();
      },
      ended: (count) => {
        stream.#count = count;
        stream.#serve();
      },
      failed: (ref) => {
        let index = stream.#next;
        while (stream.#items.has(index)) index++;
        if (!stream.#closed) stream.#items.set(index, ref);
        stream.#count = index + 1;
        stream.#serve();
      },
      restarted: () => stream.#source.consumed(stream.#next),
    };
  }

  static whole(stream: RefStream): unknown {
    return stream.#source.whole;
  }

  #serve(): void {
    while (this.#readers.length > 0) {
      const item = this.#items.get(this.#next);
      if (item !== undefined) {
        this.#items.delete(this.#next);
        this.#next++;
        this.#source.consumed(this.#next);
        this.#readers.shift()!.resolve({ done: false, value: item });
      } else if (this.#closed || this.#isRead()) {
        this.#readers.shift()!.resolve(END);
      } else {
        return;
      }
    }
  }

  #isRead(): boolean {
    return this.#count !== undefined && this.#next >= this.#count;
  }
}

/** Whether a value is the stream of a remote generator. */
export function isGenerator(value: unknown): value is RefStream {
  return value instanceof RefStream;
}

/** The ref that stands for the task of a stream. */
export function taskRefOf(stream: RefStream): unknown {
  return RefStream.whole(stream);
}

/** Makes a stream and the means to feed it. */
export function makeStream(
  source: StreamSource,
): { stream: ObjectRefGenerator<unknown>; feed: StreamFeed } {
  const stream = new RefStream(source);
  return {
    stream: stream as unknown as ObjectRefGenerator<unknown>,
    feed: RefStream.feed(stream),
  };
}

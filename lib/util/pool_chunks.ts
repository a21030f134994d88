// The items of a pool's call, cut into chunks, and their results read back in
// order or as they come. Starts nothing: the pool does.

import { checkKeys } from "./time_limit.ts";

/** Options of the calls that go over many items. */
export interface MapOptions {
  /**
   * How many items are started together and count as one of the pool's
   * processes. Tasks cost little, so that only very short ones gain from it.
   *
   * @default {1}
   */
  readonly chunkSize?: number | undefined;
}

/** The arguments of one call. */
export type ArgumentList = readonly unknown[];

/** Items under way or waiting to be read, per process, in `imap`. */
export const READ_AHEAD = 2;

/** The results of one chunk, with the promise that gave them. */
export interface Chunk {
  readonly values: readonly unknown[];
  readonly self: Promise<Chunk>;
}

/** The results of chunks, which `fill` starts as they are read. */
export async function* readChunks<R>(
  started: Set<Promise<Chunk>>,
  sized: Promise<number>,
  fill: (size: number) => void,
  order: "ordered" | "unordered",
  chunks: Iterator<readonly ArgumentList[]>,
): AsyncGenerator<R, void, void> {
  try {
    const size = await sized;
    while (started.size > 0) {
      const [first] = started;
      const chunk =
        await (order === "ordered" ? first! : Promise.race(started));
      started.delete(chunk.self);
      fill(size);
      yield* chunk.values as R[];
    }
  } finally {
    chunks.return?.();
  }
}

/** Lists of one argument each. */
export function* singles(items: Iterable<unknown>): Generator<ArgumentList> {
  for (const item of items) yield [item];
}

/** Lists of arguments, so many at a time. */
export function* chunked(
  argumentLists: Iterable<ArgumentList>,
  size: number,
): Generator<readonly ArgumentList[]> {
  let chunk: ArgumentList[] = [];
  for (const args of argumentLists) {
    chunk.push(args);
    if (chunk.length < size) continue;
    yield chunk;
    chunk = [];
  }
  if (chunk.length > 0) yield chunk;
}

/** The chunk size of the options; throws unless they are good. */
export function chunkSizeOf(options: MapOptions): number {
  checkKeys(options, ["chunkSize"]);
  const { chunkSize = 1 } = options;
  checkCount(chunkSize, 'Option "chunkSize"');
  return chunkSize;
}

/** Throws unless the value is a whole number from 1 on. */
export function checkCount(value: unknown, what: string): void {
  if (typeof value !== "number") {
    throw new TypeError(`${what} must be a number, got ${typeof value}`);
  }
  if (!Number.isSafeInteger(value) || value < 1) {
    throw new RangeError(
      `${what} must be a whole number from 1 on, got ${value}`,
    );
  }
}

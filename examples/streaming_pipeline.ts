// Compresses a large file through a pipeline of streaming generators: one task
// reads blocks, one compresses them, the driver writes them. Each stage runs
// while the others do, and back-pressure keeps each at most a few blocks ahead
// of the next, so that a file of any size takes the same small memory.
//
//   manta run examples/streaming_pipeline.ts [FILE]

import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import process from "node:process";
import { gunzipSync, gzipSync } from "node:zlib";
import { get, remote } from "manta";
import { digitsFile } from "./support/digits.ts";

const BLOCK_BYTES = 256 * 1024;
const BLOCKS_AHEAD = 4;

/** First stage: the blocks of a file. */
const readBlocks = remote(
  { backpressure: BLOCKS_AHEAD },
  function* readBlocks(path: string) {
    const file = fs.openSync(path, "r");
    try {
      while (true) {
        const block = new Uint8Array(BLOCK_BYTES);
        const sizeBytes = fs.readSync(file, block);
        if (sizeBytes === 0) return;
        yield block.subarray(0, sizeBytes);
      }
    } finally {
      fs.closeSync(file);
    }
  },
);

/** Second stage: starts the first, and compresses what comes. */
const compressBlocks = remote(
  { backpressure: BLOCKS_AHEAD },
  async function* compressBlocks(path: string) {
    for await (const block of readBlocks.remote(path)) {
      yield gzipSync(await get(block));
    }
  },
);

const source = process.argv[2] ?? digitsFile("t10k-images-idx3-ubyte");
const folder = fs.mkdtempSync(join(tmpdir(), "manta-pipeline-"));
const target = join(folder, `${basename(source)}.gz`);

// Third stage. A gzip file may have several parts: here, one for each block.
const file = fs.openSync(target, "w");
let blocks = 0;
for await (const block of compressBlocks.remote(source)) {
  fs.writeSync(file, await get(block));
  blocks++;
}
fs.closeSync(file);

const original = fs.readFileSync(source);
const packed = fs.readFileSync(target);
const isWhole = hashOf(gunzipSync(packed)) === hashOf(original);
fs.rmSync(folder, { recursive: true });

const share = Math.round(100 * packed.length / original.length);
console.log(`${basename(source)}: ${blocks} blocks, ${original.length} bytes`);
console.log(`compressed to ${share}% of that`);
console.log(isWhole ? "unpacked again: the same" : "unpacked again: DIFFERENT");

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

// 20 GB through a store of 1 GB, read back in random order: whether every byte
// is as it was, how much was read from disk, how large the process became, and
// how fast it went against a plain file of the same size in the same run.
// `bun bench/spill_large.ts [folder] [GiB]`, or with `deno run -A`.

import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { Buffer } from "node:buffer";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { get, init, type ObjectRef, put, shutdown } from "../mod.ts";

const MIB = 1024 * 1024;
const STORE_BYTES = 1024 * MIB;
const VALUE_BYTES = 16 * MIB;
/** One word in so many tells values apart. */
const TAG_EVERY = 1_024;
const READ_AT_ONCE = 4;

const totalBytes = Number(process.argv[3] ?? 20) * 1024 * MIB;
const count = totalBytes / VALUE_BYTES;
const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "manta-bench-"));
/** What all values have in common, and the one at hand. */
const words = new Int32Array(VALUE_BYTES / 4);
for (let at = 0, word = 1; at < words.length; at++) {
  words[at] = word = Math.imul(word, 1_664_525) + 1_013_904_223;
}
let mostBytes = 0;

try {
  console.log(`load ${loadavg()[0]!.toFixed(1)}`);
  const plain = plainFile();
  console.log("plain file", shown(plain));
  await init({ objectStoreMemory: STORE_BYTES, spillDirectory: folder });
  const startBytes = process.memoryUsage.rss();
  const spilled = await throughStore();
  console.log("store", shown(spilled));
  console.log(
    `ratios: spill ${(spilled.write / plain.write).toFixed(2)}, ` +
      `restore ${(spilled.read / plain.read).toFixed(2)}`,
  );
  console.log(`most memory ${gib(mostBytes)}, at first ${gib(startBytes)}`);
  console.log(`load ${loadavg()[0]!.toFixed(1)}`);
} finally {
  await shutdown();
  rmSync(folder, { recursive: true, force: true });
}

/** Bytes per second. */
interface Rates {
  readonly write: number;
  readonly read: number;
}

function shown({ write, read }: Rates): string {
  return `write ${gib(write)}/s, read ${gib(read)}/s`;
}

function gib(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(2)} GiB`;
}

function plainFile(): Rates {
  const path = join(folder, "plain");
  const file = openSync(path, "w+");
  const startMs = performance.now();
  for (let at = 0; at < count; at++) writeSync(file, words);
  const writtenMs = performance.now();
  const into = new Uint8Array(VALUE_BYTES);
  for (let at = 0; at < count; at++) {
    readSync(file, into, 0, VALUE_BYTES, at * VALUE_BYTES);
  }
  const readMs = performance.now();
  closeSync(file);
  rmSync(path);
  return {
    write: totalBytes / (writtenMs - startMs) * 1_000,
    read: totalBytes / (readMs - writtenMs) * 1_000,
  };
}

async function throughStore(): Promise<Rates> {
  const refs: ObjectRef<Int32Array>[] = [];
  const startMs = performance.now();
  for (let seed = 0; seed < count; seed++) {
    refs.push(await put(tagged(seed)));
    noteMemory();
  }
  const writtenMs = performance.now();

  const readBefore = bytesRead();
  const order = shuffled(count);
  let comparingMs = 0;
  for (let at = 0; at < count; at += READ_AT_ONCE) {
    const seeds = order.slice(at, at + READ_AT_ONCE);
    const values = await get(seeds.map((seed) => refs[seed]!));
    const gotMs = performance.now();
    values.forEach((value, index) => compare(value, seeds[index]!));
    comparingMs += performance.now() - gotMs;
    noteMemory();
  }
  const readMs = performance.now() - comparingMs;
  const ratio = (bytesRead() - readBefore) / totalBytes;
  console.log(`${count} values agree; ${ratio.toFixed(2)} × that was read`);
  return {
    write: totalBytes / (writtenMs - startMs) * 1_000,
    read: totalBytes / (readMs - writtenMs) * 1_000,
  };
}

function tagged(seed: number): Int32Array {
  for (let at = 0; at < words.length; at += TAG_EVERY) words[at] = seed ^ at;
  return words;
}

function compare(value: Int32Array, seed: number): void {
  const [is, wanted] = [value, tagged(seed)].map(({ buffer, byteOffset }) =>
    Buffer.from(buffer as ArrayBuffer, byteOffset, VALUE_BYTES)
  );
  if (!is!.equals(wanted!)) throw new Error(`Value ${seed} is another`);
}

function shuffled(length: number): number[] {
  const order = Array.from({ length }, (_, index) => index);
  for (let at = length - 1; at > 0; at--) {
    const other = Math.floor(Math.random() * (at + 1));
    [order[at], order[other]] = [order[other]!, order[at]!];
  }
  return order;
}

function noteMemory(): void {
  mostBytes = Math.max(mostBytes, process.memoryUsage.rss());
}

/** What the process has read so far, from disk or the system's cache. */
function bytesRead(): number {
  const text = readFileSync("/proc/self/io", "utf8");
  return Number(/^rchar: (\d+)$/m.exec(text)![1]);
}

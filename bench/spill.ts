// Spilling against plain files: writes and reads back more than the store
// holds, and the same bytes sequentially right before and after. Run it alone:
// `bun bench/spill.ts [folder]` or `deno run -A bench/spill.ts [folder]`.

import {
  closeSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { get, init, nodes, type ObjectRef, put, shutdown } from "../mod.ts";

const MIB = 1024 * 1024;
const STORE_BYTES = 1024 * MIB;
const TOTAL_BYTES = 3 * STORE_BYTES;
const CHUNK_BYTES = 16 * MIB;
/** Values that one `get` waits for. */
const READ_AT_ONCE = 4;

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "manta-bench-"));
try {
  for (const sizeBytes of [MIB, 16 * MIB]) await measure(sizeBytes);
} finally {
  await shutdown();
  rmSync(folder, { recursive: true, force: true });
}

async function measure(sizeBytes: number): Promise<void> {
  const before = plain(sizeBytes);
  const spilled = await spill(sizeBytes);
  const after = plain(sizeBytes);
  const mean = (name: keyof PlainRates) => (before[name] + after[name]) / 2;
  console.log(`values of ${sizeBytes / MIB} MiB`);
  report("spill", spilled.write, "a plain write", mean("write"));
  report("restore", spilled.read, "a plain read", mean("read"));
  report("restore", spilled.read, "one that keeps it", mean("keep"));
}

function report(
  what: string,
  rate: number,
  plainWhat: string,
  plainRate: number,
): void {
  const mibPerSecond = Math.round(rate / MIB);
  const plainMib = Math.round(plainRate / MIB);
  const ratio = (rate / plainRate).toFixed(2);
  console.log(
    `  ${what} ${mibPerSecond} MiB/s, ${ratio} of ${plainWhat} (${plainMib})`,
  );
}

/** Bytes per second. */
interface Rates {
  readonly write: number;
  readonly read: number;
}

interface PlainRates extends Rates {
  /** Read into memory of its own, of which a store's worth is kept. */
  readonly keep: number;
}

function plain(sizeBytes: number): PlainRates {
  const path = join(folder, "plain");
  const chunk = new Uint8Array(CHUNK_BYTES).fill(1);
  const file = openSync(path, "w+");
  const write = rateOf(TOTAL_BYTES, () => {
    for (let at = 0; at < TOTAL_BYTES; at += CHUNK_BYTES) {
      writeSync(file, chunk);
    }
  });
  const read = rateOf(TOTAL_BYTES, () => {
    for (let at = 0; at < TOTAL_BYTES; at += CHUNK_BYTES) {
      readSync(file, chunk, 0, CHUNK_BYTES, at);
    }
  });
  const kept: Uint8Array[] = [];
  const keptMax = STORE_BYTES / sizeBytes;
  const keep = rateOf(TOTAL_BYTES, () => {
    for (let at = 0, n = 0; at < TOTAL_BYTES; at += sizeBytes, n++) {
      const value = new Uint8Array(sizeBytes);
      readSync(file, value, 0, sizeBytes, at);
      kept[n % keptMax] = value;
    }
  });
  closeSync(file);
  rmSync(path);
  return { write, read, keep };
}

function rateOf(bytes: number, work: () => void): number {
  const startMs = performance.now();
  work();
  return bytes / (performance.now() - startMs) * 1_000;
}

async function spill(sizeBytes: number): Promise<Rates> {
  await init({ objectStoreMemory: STORE_BYTES, spillDirectory: folder });
  const value = new Uint8Array(sizeBytes).fill(1);
  const refs: ObjectRef<Uint8Array>[] = [];
  const fill = async (bytes: number) => {
    for (let at = 0; at < bytes; at += sizeBytes) refs.push(await put(value));
  };
  await fill(STORE_BYTES);
  const presentBytes = await spilledBytes();
  const startMs = performance.now();
  await fill(TOTAL_BYTES - STORE_BYTES);
  const writeMs = performance.now() - startMs;
  const writtenBytes = await spilledBytes() - presentBytes;

  // From the oldest on, none of which is in memory any more.
  const onDisk = refs.slice(0, Math.floor(writtenBytes / sizeBytes));
  const readStartMs = performance.now();
  for (let at = 0; at < onDisk.length; at += READ_AT_ONCE) {
    await get(onDisk.slice(at, at + READ_AT_ONCE));
  }
  const readMs = performance.now() - readStartMs;
  for (const ref of refs) ref[Symbol.dispose]();
  await shutdown();
  return {
    write: writtenBytes / writeMs * 1_000,
    read: onDisk.length * sizeBytes / readMs * 1_000,
  };
}

async function spilledBytes(): Promise<number> {
  return (await nodes())[0]!.objectStore.spilledBytes;
}

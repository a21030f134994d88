// How much memory is used where this process runs: of the machine, or of the
// control group around the process that is nearest to its limit. Reads only;
// what follows from it is decided elsewhere.

import { freemem, totalmem } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { cgroupFolders, type ReadText, readText } from "./machine.ts";

/** What is used, of what there is. */
export interface MemoryUse {
  readonly usedBytes: number;
  readonly limitBytes: number;
}

/** What this process alone holds, shared memory of its threads included. */
export function residentBytes(): number {
  return process.memoryUsage.rss();
}

/** The use of whatever is nearest to being full; page cache counts as free. */
export function readMemoryUse(
  read: ReadText = readText,
  host: () => MemoryUse = () => hostUse(read),
): MemoryUse {
  const uses = cgroupFolders("memory", read).map((folder) =>
    groupUse(folder, read)
  );
  return [host(), ...uses].reduce((fullest, use) =>
    use && use.usedBytes / use.limitBytes >
        fullest!.usedBytes / fullest!.limitBytes
      ? use
      : fullest
  )!;
}

function hostUse(read: ReadText): MemoryUse {
  const text = read("/proc/meminfo") ?? "";
  const totalBytes = kibField(text, "MemTotal");
  const availableBytes = kibField(text, "MemAvailable");
  if (totalBytes !== undefined && availableBytes !== undefined) {
    return { usedBytes: totalBytes - availableBytes, limitBytes: totalBytes };
  }
  // Elsewhere what is free leaves out what the system could free: what this
  // process holds is all that can be told for sure.
  const limitBytes = totalmem();
  const usedBytes = Math.min(limitBytes - freemem(), residentBytes());
  return { usedBytes, limitBytes };
}

function kibField(text: string, name: string): number | undefined {
  const kib = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(text)?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

/** Of either version of control groups; nothing for one without a limit. */
function groupUse(folder: string, read: ReadText): MemoryUse | undefined {
  const isUnified = read(join(folder, "memory.max")) !== undefined;
  const [limit, current] = isUnified
    ? ["memory.max", "memory.current"]
    : ["memory.limit_in_bytes", "memory.usage_in_bytes"];
  const limitBytes = numberIn(join(folder, limit!), read);
  const currentBytes = numberIn(join(folder, current!), read);
  // Version 1 says "no limit" with a number that no machine has.
  if (!(limitBytes > 0 && limitBytes < 2 ** 60)) return undefined;
  if (Number.isNaN(currentBytes)) return undefined;
  const stat = read(join(folder, "memory.stat")) ?? "";
  const prefix = isUnified ? "" : "total_";
  const cacheBytes = ["inactive_file", "active_file"].reduce(
    (sum, name) => sum + statField(stat, prefix + name),
    0,
  );
  return { usedBytes: Math.max(0, currentBytes - cacheBytes), limitBytes };
}

function numberIn(path: string, read: ReadText): number {
  return Number(read(path)?.trim() || NaN);
}

function statField(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
}

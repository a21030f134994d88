// What this machine, or the container around this process, has: CPUs and
// memory. Reads only; what a node offers of it is decided elsewhere.

import { readFileSync } from "node:fs";
import { availableParallelism, totalmem } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";

/** Gives a text file's content, or nothing where it cannot be read. */
export type ReadText = (path: string) => string | undefined;

const CGROUP_ROOT = "/sys/fs/cgroup";

/** CPUs that this process may use, at least 1; a part of one counts whole. */
export function cpuCount(
  hostCpus: number = availableParallelism(),
  read: ReadText = readText,
): number {
  const quotas = cgroupFolders("cpu", read).map((folder) =>
    cpuQuota(folder, read)
  );
  return Math.max(1, Math.ceil(Math.min(hostCpus, ...quotas)));
}

/** Memory that this process may use, in bytes. */
export function memoryBytes(
  hostBytes: number = totalmem(),
  read: ReadText = readText,
): number {
  const limits = cgroupFolders("memory", read).map((folder) =>
    memoryLimit(folder, read)
  );
  return Math.min(hostBytes, ...limits);
}

/** The memory of this process that it shares with nobody, in bytes. */
export function ownMemoryBytes(read: ReadText = readText): number {
  return memoryBytesOf("self", read) ?? process.memoryUsage().rss;
}

/** The same of any process; undefined if it is gone, or nobody can tell. */
export function memoryBytesOf(
  pid: number | "self",
  read: ReadText = readText,
): number | undefined {
  const [, kibibytes] = /^RssAnon:\s+(\d+) kB$/m
    .exec(read(`/proc/${pid}/status`) ?? "") ?? [];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/**
 * The control group of this process and all above it, each of which may set a
 * limit. Inside a container the root itself is the container's group.
 */
export function cgroupFolders(controller: string, read: ReadText): string[] {
  const folders: string[] = [];
  for (const line of (read("/proc/self/cgroup") ?? "").split("\n")) {
    const [, controllers, path] = line.split(/:(.*?):/);
    if (path === undefined || controllers === undefined) continue;
    const isUnified = controllers === "";
    if (!isUnified && !controllers.split(",").includes(controller)) continue;
    const root = isUnified ? CGROUP_ROOT : join(CGROUP_ROOT, controller);
    let folder = join("/", path);
    while (folder !== "/") {
      folders.push(join(root, folder));
      folder = dirname(folder);
    }
    folders.push(root);
  }
  return folders;
}

function cpuQuota(folder: string, read: ReadText): number {
  // Version 2: "200000 100000" or "max 100000", both in microseconds.
  const [quota, period] = (read(join(folder, "cpu.max")) ?? "").split(" ");
  if (quota && period) return positive(Number(quota) / Number(period));
  const quotaUs = Number(read(join(folder, "cpu.cfs_quota_us")) ?? NaN);
  const periodUs = Number(read(join(folder, "cpu.cfs_period_us")) ?? NaN);
  return positive(quotaUs / periodUs);
}

function memoryLimit(folder: string, read: ReadText): number {
  const limit = read(join(folder, "memory.max")) ??
    read(join(folder, "memory.limit_in_bytes"));
  return positive(Number(limit ?? NaN));
}

/** "max", -1 and what is missing mean no limit. */
function positive(limit: number): number {
  return limit > 0 ? limit : Infinity;
}

/** The real thing. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

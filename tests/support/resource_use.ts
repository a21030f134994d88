// What this process and its threads use of the machine right now; for tests,
// leak checks and metrics. The figures by thread need Linux.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import process from "node:process";

/** Memory of this process that is in RAM, in bytes. */
export function rssBytes(): number {
  return process.memoryUsage().rss;
}

/** CPU time that this process has used, all threads together. */
export function processCpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

/** The system's number for the calling thread; nothing where there is none. */
export function threadNumber(): number | undefined {
  try {
    const number = readlinkSync("/proc/thread-self").split("/").pop();
    return Number(number);
  } catch {
    return undefined;
  }
}

/** CPU time of one thread of this process; nothing once it is gone. */
export function threadCpuMs(thread: number): number | undefined {
  try {
    // First field: time on a CPU, in nanoseconds.
    const path = `/proc/self/task/${thread}/schedstat`;
    return Number(readFileSync(path, "utf8").split(" ")[0]) / 1e6;
  } catch {
    return undefined;
  }
}

/** Threads of this process, the runtime's own included. */
export function threadCount(): number {
  return countEntries("/proc/self/task");
}

/** Open files, sockets and pipes of this process. */
export function openFileCount(): number {
  return countEntries("/proc/self/fd");
}

function countEntries(path: string): number {
  try {
    return readdirSync(path).length;
  } catch {
    return 0;
  }
}

// How much memory a program takes, with all that it has started. Linux only:
// it reads what the system says of each process.

import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";

/** The proportional set size of a process and all below it, in MB. */
export function memoryMegabytes(root = process.pid): number {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const stat = readOrNothing(`/proc/${name}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    parents.set(pid, Number(fields[1]));
  }
  let kilobytes = 0;
  for (const pid of parents.keys()) {
    if (!isBelow(pid, root, parents)) continue;
    const text = readOrNothing(`/proc/${pid}/smaps_rollup`);
    kilobytes += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1] ?? 0);
  }
  return kilobytes * 1024 / 1e6;
}

function isBelow(
  pid: number,
  root: number,
  parents: ReadonlyMap<number, number>,
): boolean {
  let at: number | undefined = pid;
  while (at !== undefined && at > 1 && at !== root) at = parents.get(at);
  return at === root;
}

/** A process may end while it is looked at. */
function readOrNothing(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

// Which process listens on a port of this machine: for the message of who wants
// the port, too. Linux only, and only for processes that this user may look at;
// elsewhere nobody is found.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const LISTENING = "0A";
const INODE_COLUMN = 9;

/** The process that listens on a TCP port, if it can be found. */
export function findPortOwner(
  port: number,
): { readonly pid: number; readonly name: string } | undefined {
  try {
    const sockets = socketsOn(port);
    if (sockets.size === 0) return undefined;
    for (const entry of readdirSync("/proc")) {
      const pid = Number(entry);
      if (!Number.isInteger(pid) || !holdsOne(pid, sockets)) continue;
      const name = readFileSync(`/proc/${pid}/comm`, "utf8").trim();
      return { pid, name };
    }
  } catch {
    // Another system, or one that shows nothing.
  }
  return undefined;
}

function socketsOn(port: number): Set<string> {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const found = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of readFileSync(table, "utf8").split("\n").slice(1)) {
      const columns = line.trim().split(/\s+/);
      const isOurs = columns[1]?.endsWith(suffix) && columns[3] === LISTENING;
      if (isOurs) found.add(`socket:[${columns[INODE_COLUMN]}]`);
    }
  }
  return found;
}

function holdsOne(pid: number, sockets: ReadonlySet<string>): boolean {
  try {
    const folder = `/proc/${pid}/fd`;
    return readdirSync(folder).some((fd) => {
      try {
        return sockets.has(readlinkSync(`${folder}/${fd}`));
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}

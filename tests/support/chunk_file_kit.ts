// Which files for chunks this process has open; Linux tells. Tests that run at
// the same time have some, too: a file is counted by its name.

import { readdirSync, readlinkSync } from "node:fs";

const DESCRIPTORS = "/proc/self/fd";
/** Both kinds: with a name once, and never with one. */
const CHUNK_FILE = /^\/(memfd:|dev\/shm\/)manta-/;

/** Whether this system has such files at all. */
export function hasChunkFiles(): boolean {
  return descriptors().length > 0;
}

/** The name that an open file had. */
export function chunkFileName(fd: number): string {
  return readlinkSync(`${DESCRIPTORS}/${fd}`);
}

/** How often the files of these names are open. */
export function countOpen(...names: readonly string[]): number {
  return descriptors().filter(isOneOf).length;

  function isOneOf(descriptor: string): boolean {
    try {
      return names.includes(chunkFileName(Number(descriptor)));
    } catch {
      return false;
    }
  }
}

/** How many files for chunks another process has open; 0 if unknown. */
export function chunkFilesOf(pid: number): number {
  const folder = `/proc/${pid}/fd`;
  return descriptors(folder).filter((descriptor) => {
    try {
      return CHUNK_FILE.test(readlinkSync(`${folder}/${descriptor}`));
    } catch {
      return false;
    }
  }).length;
}

function descriptors(folder = DESCRIPTORS): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

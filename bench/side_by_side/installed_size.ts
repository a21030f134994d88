// How much disk Manta and its peers take once they are installed: the sum of
// the sizes of their files.

import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Outcome } from "./outcome.ts";
import type { Places } from "./peers.ts";
import { SECTIONS } from "./sections.ts";

const ROW = "installed";

/** Manta is its binary; of a peer it is all packages that it brings. */
export function installedSizes({ binary, peers }: Places): Outcome[] {
  const paths = {
    Manta: binary,
    Ray: join(peers, "ray"),
    Dask: join(peers, "dask"),
  };
  return Object.entries(paths)
    .filter(([, path]) => existsSync(path))
    .map(([peer, path]) => ({
      peer,
      section: SECTIONS.size,
      round: 0,
      figures: [{ row: ROW, value: sizeOf(path) / 1e6, unit: "megabytes" }],
      gaps: [],
    }));
}

/** Links count for nothing. */
function sizeOf(path: string): number {
  const stat = lstatSync(path);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path)
    .reduce((sum, name) => sum + sizeOf(join(path, name)), 0);
}

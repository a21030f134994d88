// Where the entries of threads are. This file and they must stay in one
// folder: in the binary all modules have one address, and entries are beside
// it (docs/decisions has why).

import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MantaError } from "./base/errors.ts";

/** The entry of the node's thread. */
export const NODE_THREAD_URL: string =
  new URL("./node_thread.ts", import.meta.url).href;

/** The entry of threads that run user code. */
export const EXECUTOR_THREAD_URL: string =
  new URL("./executor_thread.ts", import.meta.url).href;

/** The entry of child processes, which have one such thread. */
export const EXECUTOR_PROCESS_URL: string =
  new URL("./executor_process.ts", import.meta.url).href;

/**
 * Threads that do not start would leave the driver waiting.
 *
 * @throws {MantaError} If Manta was put into a bundle, without the entries.
 */
export function requireThreadEntries(): void {
  const { protocol, href } = new URL(NODE_THREAD_URL);
  // The binary has entries as they are built.
  const places = [href, href.replace(/\.ts$/, ".js")];
  if (protocol !== "file:" || places.some((place) => mayBeThere(place))) return;
  throw new MantaError(
    `Cannot start Manta's threads: Manta is in the bundle "${
      fileURLToPath(import.meta.url)
    }", and their files are not. Leave \`manta\` out of the bundle and beside ` +
      "it in `node_modules`, with `--external:manta` for esbuild or " +
      "`--external manta` for Bun",
  );
}

function mayBeThere(url: string): boolean {
  try {
    statSync(fileURLToPath(url));
    return true;
  } catch (error) {
    // Whoever may not look may still start it.
    return (error as { code?: unknown }).code !== "ENOENT";
  }
}

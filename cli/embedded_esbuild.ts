// Tells the runtime where the binary keeps esbuild's own program, which
// scripts/build puts beside the entries. From source there is none to tell of.

import { fileURLToPath } from "node:url";

import { embedEsbuild } from "../runtime/platform/esbuild_binary.ts";

/** Set by scripts/build; not there when this runs from source. */
declare const MANTA_ESBUILD_SHA256: string | undefined;

/** To be called before anything is bundled. */
export function offerEmbeddedEsbuild(): void {
  if (typeof MANTA_ESBUILD_SHA256 === "undefined") return;
  embedEsbuild({
    path: fileURLToPath(
      new URL("./esbuild.program", import.meta.url).href,
    ),
    sha256: MANTA_ESBUILD_SHA256,
  });
}

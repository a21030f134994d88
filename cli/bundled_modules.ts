// The modules that a script gets from this program when it imports them by name,
// so that `manta run` needs no package beside the script.

import { readFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

import { offerEmbeddedEsbuild } from "./embedded_esbuild.ts";

/** Module names with what loads them; each is loaded at its first import. */
export const BUNDLED_MODULES: Readonly<
  Record<string, () => Promise<object>>
> = {
  "manta": loadManta,
  "manta/state": loadListings,
  "manta/util": loadPoolsAndQueues,
};

/** Set by scripts/build; not there when this runs from source. */
declare const MANTA_IS_BINARY: boolean | undefined;

function loadManta(): Promise<object> {
  offerEmbeddedEsbuild();
  return import("../mod.ts");
}

async function loadListings(): Promise<object> {
  if (typeof MANTA_IS_BINARY === "undefined") {
    return await import("../lib/state/mod.ts");
  }
  return await placed("state", new URL("./state.script", import.meta.url));
}

async function loadPoolsAndQueues(): Promise<object> {
  if (typeof MANTA_IS_BINARY === "undefined") {
    return await import("../lib/util/mod.ts");
  }
  return await placed("util", new URL("./util.script", import.meta.url));
}

/** In the binary it becomes a file: its classes are shipped like a user's. */
async function placed(name: string, { href }: URL): Promise<object> {
  const text = readFileSync(fileURLToPath(href), "utf8");
  const { placeLibrary } = await import("../runtime/code/embedded_library.ts");
  return await import(pathToFileURL(placeLibrary(name, text)).href);
}

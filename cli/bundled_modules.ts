// The modules that a script gets from this program when it imports them by name,
// so that `manta run` needs no package beside the script.

import { offerEmbeddedEsbuild } from "./embedded_esbuild.ts";

/** Module names with what loads them; each is loaded at its first import. */
export const BUNDLED_MODULES: Readonly<
  Record<string, () => Promise<object>>
> = {
  "manta": loadManta,
  "manta/util": () => import("../lib/util/mod.ts"),
};

function loadManta(): Promise<object> {
  offerEmbeddedEsbuild();
  return import("../mod.ts");
}

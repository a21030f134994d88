// Loads `source_analysis.ts` when it is first needed: a start that finds all
// its bundles on disk does not wait for a parser, and executors never have one
// unless their own tasks make functions remote.

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

type AnalysisModule = typeof import("./source_analysis.ts");

let loaded: AnalysisModule | undefined;

/**
 * The analysis, at once; undefined where modules cannot be loaded at once,
 * because they come over the network.
 */
export function analysisNow(): AnalysisModule | undefined {
  return loaded ??= load();
}

/** The analysis, wherever it comes from. */
export async function analysisLater(): Promise<AnalysisModule> {
  return analysisNow() ?? (loaded = await import("./source_analysis.ts"));
}

function load(): AnalysisModule | undefined {
  // The binary has the module because the bundler has seen this call.
  if (import.meta.url.includes("$bunfs")) {
    return require("./source_analysis.ts");
  }
  const { protocol, href } = new URL("./source_analysis.ts", import.meta.url);
  if (protocol !== "file:") return undefined;
  return createRequire(href)(fileURLToPath(href));
}

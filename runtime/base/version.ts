// The version of this build, as `manta version` and node listings show it. The
// same is in package.json and deno.json; `scripts/check.ts` compares them.

/** Semantic version of this source. */
export const VERSION = "0.1.0";

// Picks the platform, once, at an entry (the driver's main thread, a thread's
// entry, the command line). Everything else gets it handed down.

import { bunPlatform } from "./bun.ts";
import { denoPlatform } from "./deno.ts";
import type { Platform } from "./platform.ts";

/** The platform that this code runs on; throws on any other runtime. */
export function detectPlatform(): Platform {
  if ("Deno" in globalThis) return denoPlatform();
  if ("Bun" in globalThis) return bunPlatform();
  throw new Error(
    "Cannot run on this JavaScript runtime: Manta needs Deno or Bun",
  );
}

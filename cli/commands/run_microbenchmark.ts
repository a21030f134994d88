// Loads the benchmark: from source as any module; in the binary as a script of
// a user's, since functions become remote from source text on disk and the
// binary's own modules have none. scripts/build puts that script into it.

import {
  mkdirSync,
  readFileSync,
  renameSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { homedir } from "node:os";
import { createHash } from "node:crypto";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, pathToFileURL } from "node:url";

import type { MicrobenchmarkOptions } from "../../bench/microbenchmark.ts";
import { hostScript } from "../../runtime/platform/script_host.ts";
import { BUNDLED_MODULES } from "../bundled_modules.ts";

/** Set by scripts/build; not there when this runs from source. */
declare const MANTA_IS_BINARY: boolean | undefined;

/** The benchmark and the thread that it starts, as scripts/build names them. */
const SCRIPTS = ["microbenchmark", "echo_thread"] as const;

type Benchmark = typeof import("../../bench/microbenchmark.ts");

/** Runs the benchmark with what the command line says. */
export async function runMicrobenchmark(
  options: MicrobenchmarkOptions,
): Promise<void> {
  const benchmark = await loadBenchmark();
  await benchmark.runMicrobenchmark(options);
}

async function loadBenchmark(): Promise<Benchmark> {
  if (typeof MANTA_IS_BINARY === "undefined") {
    return await import("../../bench/microbenchmark.ts");
  }
  const path = extractScripts();
  hostScript(path, [], BUNDLED_MODULES);
  return await import(pathToFileURL(path).href) as Benchmark;
}

/** Puts the scripts on disk and gives the path of the first. */
function extractScripts(): string {
  const texts = SCRIPTS.map((name) => {
    const path = fileURLToPath(
      new URL(`./${name}.script`, import.meta.url).href,
    );
    return readFileSync(path, "utf8");
  });
  const hash = createHash("sha256").update(texts.join("\0")).digest("hex");
  const cache = process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache");
  const folder = join(cache, "manta", `microbenchmark-${hash.slice(0, 16)}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const [i, name] of SCRIPTS.entries()) {
    writeScript(join(folder, `${name}.js`), texts[i]!);
  }
  return join(folder, `${SCRIPTS[0]}.js`);
}

/** Leaves a file that is right as it is, so that what was bundled is kept. */
function writeScript(path: string, text: string): void {
  try {
    if (readFileSync(path, "utf8") === text) return;
  } catch { // Not there yet.
  }
  const partial = `${path}.${process.pid}.partial`;
  writeFileSync(partial, text);
  // A source that is younger than the process might not be what it runs.
  utimesSync(partial, 0, 0);
  renameSync(partial, path);
}

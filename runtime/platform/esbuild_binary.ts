// Loads esbuild, which is a program beside its JavaScript. From source it finds
// its own program in `node_modules`; a compiled binary has it embedded and puts
// it on disk once, because the system can only start a file.

import {
  chmodSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import process from "node:process";

/** The part of esbuild that Manta uses. */
export type Esbuild = Pick<typeof import("esbuild"), "build" | "stop">;

/** The program inside a compiled binary. */
export interface EmbeddedProgram {
  /** Where the binary's own file system has it. */
  readonly path: string;
  /** Names the file on disk, so that two versions never meet. */
  readonly sha256: string;
}

let embedded: EmbeddedProgram | undefined;
let loading: Promise<Esbuild> | undefined;

/** Called by the entry of a compiled binary, before anything is bundled. */
export function embedEsbuild(program: EmbeddedProgram): void {
  embedded = program;
}

/** Loads esbuild on first use; `directory` is where its program may go. */
export function loadEsbuild(directory: string): Promise<Esbuild> {
  loading ??= startLoading(directory);
  return loading;
}

async function startLoading(directory: string): Promise<Esbuild> {
  if (embedded) {
    process.env["ESBUILD_BINARY_PATH"] = extract(embedded, directory);
  }
  const module: typeof import("esbuild") & { default?: Esbuild } = await import(
    "esbuild"
  );
  return module.default ?? module;
}

/** Puts the program on disk unless an earlier start has. */
function extract(program: EmbeddedProgram, directory: string): string {
  const target = join(directory, `esbuild-${program.sha256.slice(0, 16)}`);
  const content = () => readFileSync(program.path);
  if (sizeOf(target) === statSync(program.path).size) return target;
  mkdirSync(directory, { recursive: true });
  const partial = `${target}.${process.pid}.partial`;
  writeFileSync(partial, content());
  chmodSync(partial, 0o755);
  renameSync(partial, target);
  return target;
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? -1;
}

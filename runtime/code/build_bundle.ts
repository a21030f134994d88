// Runs esbuild for one function or class and gives the finished text of its
// bundle. Starts the bundler when it is needed and stops it when it is not, so
// that it never keeps a driver alive.

import { dirname, resolve } from "node:path";
import { clearTimeout, setTimeout } from "node:timers";
import type { BuildFailure, BuildOptions, Message } from "esbuild";
import { CaptureError, MantaError } from "../base/errors.ts";
import { BUNDLER_IDLE_MS, SLICE_ROUNDS_MAX } from "../base/limits.ts";
import { type Esbuild, loadEsbuild } from "../platform/esbuild_binary.ts";
import { BundleModules, type BundleRequest } from "./bundle_plugin.ts";
import { mainFile } from "./call_site.ts";
import { type BundleInput, codeDirectory, inputAt } from "./code_cache.ts";
import type { MappedText } from "./mapped_text.ts";
import {
  type OutsideFile,
  outsideFiles,
  outsideFilesOf,
  outsideLine,
} from "./outside_files.ts";
import { packagesPlugin } from "./packages_plugin.ts";
import { BUNDLE_API, KEEP_NAME } from "./render_slice.ts";
import { requireUnchanged } from "./source_file.ts";
import { correctSourceMap, inlineMapComment } from "./source_map.ts";
import type { PackageFolder } from "./variant.ts";

/** A bundle that is not on disk yet. */
export interface BuiltBundle {
  readonly text: string;
  readonly inputs: readonly BundleInput[];
}

const BANNER =
  `import { createRequire as __manta_require } from "node:module";\n` +
  `const require = __manta_require(import.meta.url);\n` +
  `const ${BUNDLE_API} = globalThis.__manta.forBundle(import.meta.url);\n` +
  // Only undoes the digits that the bundler puts after a name.
  `const ${KEEP_NAME} = (f, name) => typeof f === "function" && ` +
  `f.name !== name && /^\\d+$/.test(String(f.name).slice(name.length)) && ` +
  `String(f.name).startsWith(name) ` +
  `? Object.defineProperty(f, "name", { value: name, configurable: true }) ` +
  `: f;`;

/**
 * Bundles what the request needs.
 *
 * @throws {CaptureError} If a module does not parse, imports what does not
 * exist, or has changed since the driver loaded it.
 */
export async function buildBundle(
  request: BundleRequest,
): Promise<BuiltBundle> {
  const wanted = new Map([[request.module.file.path, new Set<string>()]]);
  const main = mainFile();
  if (main && !wanted.has(main.path)) wanted.set(main.path, new Set());
  for (let round = 0; round < SLICE_ROUNDS_MAX; round++) {
    const modules = new BundleModules(request, wanted);
    const built = await tryBuild(request, modules);
    if (built && !modules.hasGrown) return built;
  }
  throw new CaptureError(
    `Cannot bundle "${request.module.file.path}": its circular imports do ` +
      `not come to an end. Move what both sides need to a module of its own`,
  );
}

/** Bundles a text that is in no file, such as a function from a REPL. */
export async function buildText(
  contents: string,
  folder: string,
  packages?: PackageFolder,
): Promise<BuiltBundle> {
  const outputPath = resolve(codeDirectory(), "bundle.mjs");
  return await build(
    {
      ...sharedOptions(outputPath),
      stdin: { contents, resolveDir: folder, loader: "js", sourcefile: "repl" },
      plugins: packages ? [packagesPlugin(packages)] : [],
    },
    outputPath,
    new Map(),
    { loadedAtMs: Infinity },
  );
}

/** The text of a finished bundle, with packages that it did not find. */
export async function addPackages(
  contents: string,
  packages: PackageFolder,
): Promise<string> {
  const outputPath = resolve(codeDirectory(), "bundle.mjs");
  const known = outsideFilesOf(contents);
  const { text } = await build(
    {
      ...sharedOptions(outputPath),
      // The bundle has its own.
      banner: {},
      stdin: { contents, loader: "js", sourcefile: "bundle.mjs" },
      plugins: [packagesPlugin(packages, "rest_is_external")],
    },
    outputPath,
    new Map(),
    { loadedAtMs: Infinity, known },
  );
  return text;
}

async function tryBuild(
  request: BundleRequest,
  modules: BundleModules,
): Promise<BuiltBundle | undefined> {
  const outputPath = resolve(codeDirectory(), "bundle.mjs");
  const { path } = request.module.file;
  try {
    const built = await build(
      {
        ...sharedOptions(outputPath),
        entryPoints: [path],
        absWorkingDir: dirname(path),
        plugins: [modules.plugin()],
      },
      outputPath,
      modules.rendered,
      request,
    );
    requireShippable(modules);
    return built;
  } catch (error) {
    // Names that a slice lacks are errors of this round only.
    if (modules.hasGrown) return undefined;
    throw buildError(error, path, modules.rendered);
  }
}

function sharedOptions(outputPath: string): BuildOptions {
  return {
    outfile: outputPath,
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "node",
    target: "esnext",
    jsx: "automatic",
    sourcemap: "external",
    sourcesContent: false,
    legalComments: "none",
    logLevel: "silent",
    banner: { js: BANNER },
    loader: { ".txt": "text" },
  };
}

async function build(
  options: BuildOptions,
  outputPath: string,
  rendered: ReadonlyMap<string, MappedText>,
  { loadedAtMs, packages, known }:
    & Pick<BundleRequest, "loadedAtMs" | "packages">
    & { readonly known?: readonly OutsideFile[] },
): Promise<BuiltBundle> {
  const result = await withEsbuild((esbuild) => esbuild.build(options));
  const text = (suffix: string) =>
    result.outputFiles?.find(({ path }) => path.endsWith(suffix))?.text ?? "";
  const map = correctSourceMap(text(".map"), outputPath, rendered);
  const folder = options.absWorkingDir ?? dirname(outputPath);
  const inputs: BundleInput[] = [];
  for (const name of Object.keys(result.metafile?.inputs ?? {})) {
    const input = inputAt(resolve(folder, name));
    if (!input) continue;
    inputs.push(input);
    // The packages were installed after the driver was loaded.
    if (packages && input.path.startsWith(packages.path)) continue;
    requireUnchanged(input.path, input.modifiedAtMs, loadedAtMs);
  }
  const outside = outsideLine(outsideFiles(result.metafile, known));
  return { text: text(".mjs") + outside + inlineMapComment(map), inputs };
}

/** A module beside the function's own may use the driver's variables, too. */
function requireShippable(modules: BundleModules): void {
  for (const { module, captures } of modules.slices.values()) {
    const [first] = captures;
    if (!first) continue;
    throw new CaptureError(
      `Cannot ship "${first.name}" of "${module.file.path}": the driver ` +
        `computes it, and "${module.file.path}" is imported by what is ` +
        `shipped. Pass it as an argument, or put() it and pass the ref`,
      { details: { captures } },
    );
  }
}

/** What esbuild says, at the place in the user's file. */
function buildError(
  error: unknown,
  entryPath: string,
  rendered: ReadonlyMap<string, MappedText>,
): unknown {
  if (!isBuildFailure(error)) return error;
  const [first, ...more] = error.errors;
  if (first?.detail instanceof MantaError) return first.detail;
  if (!first) return error;
  const { file, line } = placeOf(first, entryPath, rendered);
  const others = more.length === 0 ? "" : ` (and ${more.length} more)`;
  // Without a cause: the bundler's error says the same, with its own stack.
  return new CaptureError(
    `Cannot bundle "${file}:${line}": ${first.text}${others}. ` +
      `Correct it and start the driver again`,
    { details: { captures: [], file, line } },
  );
}

function placeOf(
  message: Message,
  entryPath: string,
  rendered: ReadonlyMap<string, MappedText>,
): { file: string; line: number } {
  const { location } = message;
  if (!location) return { file: entryPath, line: 1 };
  const file = resolve(dirname(entryPath), location.file);
  const line = location.line - 1;
  const text = rendered.get(file);
  const position = text?.sourcePosition(line, location.column);
  return { file, line: (text ? position?.line ?? 0 : line) + 1 };
}

function isBuildFailure(error: unknown): error is BuildFailure {
  return error instanceof Error && "errors" in error &&
    Array.isArray(error.errors);
}

let running = 0;
let idleTimer: ReturnType<typeof setTimeout> | undefined;

async function withEsbuild<T>(
  use: (esbuild: Esbuild) => Promise<T>,
): Promise<T> {
  running++;
  clearTimeout(idleTimer);
  const esbuild = await loadEsbuild(codeDirectory());
  try {
    return await use(esbuild);
  } finally {
    running--;
    if (running === 0) stopWhenIdle(esbuild);
  }
}

function stopWhenIdle(esbuild: Esbuild): void {
  idleTimer = setTimeout(() => {
    if (running === 0) void esbuild.stop();
  }, BUNDLER_IDLE_MS);
  idleTimer.unref();
}

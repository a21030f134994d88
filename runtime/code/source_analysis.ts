// What only a look at the source can tell of a remote function: the code it
// stands for, what it captures, how it is called, and its bundle. Loads the
// parser and the bundler: to be had from `analysis_module.ts` alone.

import process from "node:process";
import { CaptureError } from "../base/errors.ts";
import { addPackages, buildBundle, buildText } from "./build_bundle.ts";
import { entryLabel } from "./bundle_plugin.ts";
import type { CallSite } from "./call_site.ts";
import { type CodeBundle, type IndexEntry, writeBundle } from "./code_cache.ts";
import {
  describeFunction,
  findTarget,
  sourceNotFound,
  type Target,
} from "./find_target.ts";
import { replText } from "./repl_text.ts";
import { contains } from "./scope.ts";
import { type Signature, signatureIn } from "./signature.ts";
import { type Capture, closureOf, siteId, sitesOf } from "./sites.ts";
import { sliceModule } from "./slice.ts";
import type { PackageFolder } from "./variant.ts";

export { addPackages };

// deno-lint-ignore ban-types -- Classes are functions, too, and not callable.
type AnyFunction = Function;

/** What a function turned out to be: code of a file, or a text of its own. */
export type SourceAnalysis =
  | {
    readonly kind: "found";
    readonly target: Target;
    readonly exportName: string;
    readonly signature: Signature;
    readonly loadedAtMs: number;
  }
  | {
    readonly kind: "text";
    readonly text: string;
    readonly exportName: string;
  };

/** A bundle, and what to note of it for the next start. */
export interface BuiltCode {
  readonly bundle: CodeBundle;
  readonly exportName: string;
  readonly entry?: IndexEntry;
}

/**
 * Finds the source of a function and checks that it can be shipped.
 *
 * @throws {CaptureError} If it cannot.
 */
export function analyseSource(
  site: CallSite,
  fn: AnyFunction,
): SourceAnalysis {
  const target = findTarget(site, fn);
  if (!target) {
    if (site.text === "nowhere") throw sourceNotFound(site, fn);
    return analyseText(fn);
  }
  const exportName = exportNameOf(target);
  const captures = capturesOf(target, exportName);
  if (captures.length > 0) throw captureError(fn, captures);
  return {
    kind: "found",
    target,
    exportName,
    signature: signatureIn(target.scope, target.expression),
    loadedAtMs: site.capturedAtMs,
  };
}

/** The same for a function whose source is in no file. */
export function analyseText(fn: AnyFunction): SourceAnalysis {
  return { kind: "text", ...replText(fn) };
}

/** Makes the bundle. */
export async function buildSource(
  analysis: SourceAnalysis,
  packages?: PackageFolder,
): Promise<BuiltCode> {
  const { exportName } = analysis;
  if (analysis.kind === "text") {
    const { text } = await buildText(analysis.text, process.cwd(), packages);
    return { bundle: writeBundle(text), exportName };
  }
  const { target, signature, loadedAtMs } = analysis;
  const { text, inputs } = await buildBundle({
    ...target,
    exportName,
    loadedAtMs,
    ...(packages ? { packages } : {}),
  });
  const bundle = writeBundle(text);
  const entry = { bundleHash: bundle.hash, exportName, signature, inputs };
  return { bundle, exportName, entry };
}

/** Says what a function uses that only the driver has. */
export function captureError(
  fn: AnyFunction,
  captures: readonly Capture[],
): CaptureError {
  const names = captures.map(({ name, line }) => `"${name}" (line ${line})`);
  const it = captures.length === 1 ? "it" : "them";
  return new CaptureError(
    `Cannot ship ${describeFunction(fn)}: it uses ${
      names.join(", ")
    }, which only the ` +
      `driver has. Pass ${it} as an argument, or put() ${it} and pass the ref`,
    { details: { captures } },
  );
}

function capturesOf(target: Target, exportName: string): readonly Capture[] {
  const { module, expression, root } = target;
  const local = closureOf(module, expression, root).captures;
  if (local.length > 0) return local;
  return sliceModule(module, {
    label: entryLabel(module.file.path),
    target: { expression, ...(root && { root }) },
    targetId: exportName,
    exports: new Set(),
  }).captures;
}

/** The site that was called with the target, or else the target's place. */
function exportNameOf({ module, expression }: Target): string {
  const label = entryLabel(module.file.path);
  const site = sitesOf(module, label).find(({ call, target }) =>
    target.expression === expression && contains(call, expression)
  );
  return site?.id ?? siteId(label, expression);
}

// One function or class that was made remote: from the call of `remote()` to
// the bundle that executors load. Cheap until the first `.remote()`; what it
// finds out is remembered on disk for the next start.

import process from "node:process";
import { CaptureError } from "../base/errors.ts";
import { buildBundle, buildText } from "./build_bundle.ts";
import { entryLabel } from "./bundle_plugin.ts";
import { type CallSite, captureSite } from "./call_site.ts";
import {
  bundlePath,
  type CodeBundle,
  codeDirectory,
  type IndexEntry,
  readBundle,
  readIndex,
  writeBundle,
  writeIndex,
} from "./code_cache.ts";
import {
  describeFunction,
  findTarget,
  sourceNotFound,
  type Target,
} from "./find_target.ts";
import { replText } from "./repl_text.ts";
import {
  bundleHashOf,
  type CodeReference,
  offerSite,
} from "./site_registry.ts";
import { type Signature, signatureIn } from "./signature.ts";
import { type Capture, closureOf, siteId, sitesOf } from "./sites.ts";
import { sliceModule } from "./slice.ts";
import { sha256, sourceHash } from "./source_file.ts";
import { toolVersion } from "./tool_version.ts";
import { contains } from "./scope.ts";

export type { CodeBundle, CodeReference };

/** What a driver sends to a node so that executors can run the function. */
export interface ShippedCode {
  readonly reference: CodeReference;
  readonly bundle: CodeBundle;
}

// deno-lint-ignore ban-types -- Classes are functions, too, and not callable.
type AnyFunction = Function;

type Origin =
  | { readonly kind: "source"; readonly site: CallSite }
  | { readonly kind: "bundle"; readonly reference: CodeReference };

/** What the first look at the source found. */
type Analysis =
  | { readonly kind: "known"; readonly shipped: ShippedCode }
  | {
    readonly kind: "found";
    readonly target: Target;
    readonly exportName: string;
  }
  | {
    readonly kind: "text";
    readonly text: string;
    readonly exportName: string;
  };

/** The code of one remote function or class. */
export class RemoteCode {
  readonly #fn: AnyFunction;
  readonly #origin: Origin;
  readonly #captures: readonly Capture[];
  #analysis: Analysis | undefined;
  /** Known after `analyse`. */
  #signature: Signature;
  #shipped: Promise<ShippedCode> | undefined;

  private constructor(
    fn: AnyFunction,
    origin: Origin,
    captures: readonly Capture[],
    signature: Signature = {},
  ) {
    this.#signature = signature;
    this.#fn = fn;
    this.#origin = origin;
    this.#captures = captures;
  }

  /** Notes where `remote()` was called; to be called by it. */
  static capture(fn: AnyFunction): RemoteCode {
    return new RemoteCode(fn, { kind: "source", site: captureSite() }, []);
  }

  /**
   * The code of a `remote()` call inside of a bundle, which names its site: no
   * analysis is needed. Offers the function under the site's name.
   */
  static atSite(
    bundleUrl: string,
    exportName: string,
    fn: AnyFunction,
    signature: Signature = {},
    captures: readonly Capture[] = [],
  ): RemoteCode {
    const reference = { hash: bundleHashOf(bundleUrl), exportName };
    if (captures.length === 0) offerSite(reference, () => fn);
    const origin = { kind: "bundle", reference } as const;
    return new RemoteCode(fn, origin, captures, signature);
  }

  /**
   * Finds the source and checks that it can be shipped.
   *
   * @throws {CaptureError} If it cannot.
   */
  analyse(): void {
    if (this.#captures.length > 0) throw captureError(this.#fn, this.#captures);
    if (this.#origin.kind === "source") {
      this.#analysis ??= this.#analyseSite(this.#origin.site);
    }
  }

  /** How many arguments calls take; known after `analyse`. */
  get signature(): Signature {
    return this.#signature;
  }

  /** The bundle, made at the first call. Rejects with what `analyse` throws. */
  bundle(): Promise<ShippedCode> {
    return this.#shipped ??= this.#ship();
  }

  async #ship(): Promise<ShippedCode> {
    this.analyse();
    if (this.#origin.kind === "bundle") {
      return loadedBundle(this.#origin.reference);
    }
    const analysis = this.#analysis!;
    switch (analysis.kind) {
      case "known":
        return analysis.shipped;
      case "text": {
        const { text } = await buildText(analysis.text, process.cwd());
        return ship(writeBundle(text), analysis.exportName);
      }
      case "found": {
        const { site } = this.#origin;
        const { target, exportName } = analysis;
        const { text, inputs } = await buildBundle({
          ...target,
          exportName,
          loadedAtMs: site.capturedAtMs,
        });
        const bundle = writeBundle(text);
        writeIndex(indexKey(site, this.#fn), {
          bundleHash: bundle.hash,
          exportName,
          signature: this.#signature,
          inputs,
        });
        return ship(bundle, exportName);
      }
    }
  }

  #analyseSite(site: CallSite): Analysis {
    if (site.text === "nearest" || site.frames.length === 0) {
      return { kind: "text", ...replText(this.#fn) };
    }
    const entry = readIndex(indexKey(site, this.#fn));
    const known = knownBundle(entry);
    if (known) {
      this.#signature = entry!.signature;
      return { kind: "known", shipped: known };
    }
    const target = findTarget(site, this.#fn);
    if (!target) {
      if (site.text === "nowhere") throw sourceNotFound(site, this.#fn);
      return { kind: "text", ...replText(this.#fn) };
    }
    const exportName = exportNameOf(target);
    const captures = capturesOf(target, exportName);
    if (captures.length > 0) throw captureError(this.#fn, captures);
    this.#signature = signatureIn(target.scope, target.expression);
    return { kind: "found", target, exportName };
  }
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

function captureError(
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

/** What the disk has to say about a call site, by all that it depends on. */
function indexKey(site: CallSite, fn: AnyFunction): string {
  const frames = site.frames.map((
    { file, line, column },
  ) => [file.path, sourceHash(file), line, column]);
  const runtime = process.versions["deno"] === undefined ? "bun" : "deno";
  return sha256(JSON.stringify([
    toolVersion(),
    runtime,
    process.argv[1],
    frames,
    Function.prototype.toString.call(fn),
  ]));
}

function knownBundle(entry: IndexEntry | undefined): ShippedCode | undefined {
  const bundle = entry && readBundle(entry.bundleHash);
  return entry && bundle && ship(bundle, entry.exportName);
}

/** The bundles that `remote()` calls of this executor were in. */
const loadedBundles = new Map<string, CodeBundle>();

/** A bundle that an executor has loaded is on its disk. */
function loadedBundle(reference: CodeReference): ShippedCode {
  const { hash } = reference;
  const bundle = loadedBundles.get(hash) ?? readBundle(hash);
  if (bundle) {
    loadedBundles.set(hash, bundle);
    return { reference, bundle };
  }
  throw new CaptureError(
    `Cannot find the bundle "${bundlePath(reference.hash)}": the folder ` +
      `"${codeDirectory()}" was changed. Start the driver again`,
    { details: { captures: [] } },
  );
}

function ship(bundle: CodeBundle, exportName: string): ShippedCode {
  return { reference: { hash: bundle.hash, exportName }, bundle };
}

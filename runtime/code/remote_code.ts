// One function or class that was made remote: from the call of `remote()` to
// the bundle that executors load. Cheap until the first `.remote()`; what it
// finds out is remembered on disk for the next start.

import process from "node:process";
import { CaptureError, RuntimeEnvError } from "../base/errors.ts";
import { analysisLater, analysisNow } from "./analysis_module.ts";
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
  bundleHashOf,
  type CodeReference,
  offerSite,
} from "./site_registry.ts";
import type { Signature } from "./signature.ts";
import type { Capture } from "./sites.ts";
import type { SourceAnalysis } from "./source_analysis.ts";
import { sha256, sourceHash } from "./source_file.ts";
import { toolVersion } from "./tool_version.ts";
import {
  type CodeVariant,
  labelled,
  type PackageFolder,
  packagesOf,
} from "./variant.ts";

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

/** What the first look found: a bundle of before, or the source. */
type Analysis =
  | { readonly kind: "known"; readonly shipped: ShippedCode }
  | SourceAnalysis;

/** The code of one remote function or class. */
export class RemoteCode {
  readonly #fn: AnyFunction;
  readonly #origin: Origin;
  readonly #captures: readonly Capture[];
  #analysis: Analysis | undefined;
  /** Known after `analyse`. */
  #signature: Signature;
  /** By the key of the variant; "" for none. */
  readonly #shipped = new Map<string, Promise<ShippedCode>>();

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
   * Finds the source and checks that it can be shipped. Where the parser must
   * come over the network first, that is left to `bundle`.
   *
   * @throws {CaptureError} If it cannot.
   */
  analyse(): void {
    if (this.#origin.kind === "source") {
      this.#analysis ??= this.#analyseSite(this.#origin.site);
    } else if (this.#captures.length > 0) {
      const module = analysisNow();
      if (module) throw module.captureError(this.#fn, this.#captures);
    }
  }

  /** How many arguments calls take; known after `analyse`. */
  get signature(): Signature {
    return this.#signature;
  }

  /**
   * The bundle, made at the first call for the variant. Rejects with what
   * `analyse` throws.
   */
  bundle(variant?: CodeVariant): Promise<ShippedCode> {
    const key = variant?.key ?? "";
    let shipped = this.#shipped.get(key);
    if (!shipped) this.#shipped.set(key, shipped = this.#ship(variant));
    return shipped;
  }

  async #ship(variant: CodeVariant | undefined): Promise<ShippedCode> {
    this.analyse();
    if (this.#origin.kind === "bundle" && this.#captures.length === 0) {
      return await variantOf(loadedBundle(this.#origin.reference), variant);
    }
    if (!variant) return await this.#shipSource();
    const { packages } = variant;
    if (!packages) return await variantOf(await this.bundle(), variant);
    const { bundle, reference } = await this.#shipSource(packages);
    // For tasks that it starts with other packages. Some cannot do without.
    const plain = await this.bundle().catch(() => undefined);
    const text = labelled(bundle.text, variant, plain?.reference.hash);
    return ship(writeBundle(text), reference.exportName);
  }

  async #shipSource(packages?: PackageFolder): Promise<ShippedCode> {
    const site = this.#origin.kind === "source" ? this.#origin.site : undefined;
    const key = site && indexKey(site, this.#fn, packages);
    if (packages) {
      const known = key && knownBundle(readIndex(key));
      if (known) return known;
    } else if (this.#analysis?.kind === "known") return this.#analysis.shipped;
    const module = await analysisLater();
    // What could not be found out at once.
    this.analyse();
    const analysis = this.#analysis?.kind === "known"
      ? module.analyseSource(site!, this.#fn)
      : this.#analysis as SourceAnalysis;
    const { bundle, exportName, entry } = await module.buildSource(
      analysis,
      packages,
    );
    if (entry && key) writeIndex(key, entry);
    return ship(bundle, exportName);
  }

  #analyseSite(site: CallSite): Analysis | undefined {
    if (site.text === "nearest" || site.frames.length === 0) {
      return analysisNow()?.analyseText(this.#fn);
    }
    const entry = readIndex(indexKey(site, this.#fn));
    const known = knownBundle(entry);
    if (known) {
      this.#signature = entry!.signature;
      return { kind: "known", shipped: known };
    }
    const analysis = analysisNow()?.analyseSource(site, this.#fn);
    if (analysis?.kind === "found") this.#signature = analysis.signature;
    return analysis;
  }
}

/** What the disk has to say about a call site, by all that it depends on. */
function indexKey(
  site: CallSite,
  fn: AnyFunction,
  packages?: PackageFolder,
): string {
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
    ...(packages ? [packages.key] : []),
  ]));
}

/** A bundle's copy for another environment than it was made for. */
export async function variantOf(
  shipped: ShippedCode,
  variant: CodeVariant | undefined,
): Promise<ShippedCode> {
  const { bundle, reference } = shipped;
  const { key, plainHash } = packagesOf(bundle.text);
  const packages = variant?.packages;
  if (key === (packages?.key ?? "")) {
    const text = labelled(bundle.text, variant, plainHash);
    if (text === bundle.text) return shipped;
    return ship(writeBundle(text), reference.exportName);
  }
  const plain = key === ""
    ? writeBundle(labelled(bundle.text, undefined))
    : readBundle(plainHash);
  if (!plain) {
    throw new RuntimeEnvError(
      `Cannot give "${reference.exportName}" other packages than the task ` +
        "that starts it: its modules import them. Name the same packages for " +
        "both, or start it from the driver",
    );
  }
  if (!packages) return await variantOf({ ...shipped, bundle: plain }, variant);
  const module = await analysisLater();
  const text = await module.addPackages(plain.text, packages);
  const bundled = writeBundle(labelled(text, variant, plain.hash));
  return ship(bundled, reference.exportName);
}

/** A bundle that some thread has loaded or made, for its reference. */
export function shippedBundle(reference: CodeReference): ShippedCode {
  return loadedBundle(reference);
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

// What the bundles that this thread has loaded offer by the names of their
// sites. A bundle fills it while it loads; the hash of a bundle is in the name
// of its file.

import { basename } from "node:path";
import { fileURLToPath } from "node:url";

/** Names a function or class in a bundle; plain, so that it can be sent. */
export interface CodeReference {
  /** SHA-256 of the bundle's text. */
  readonly hash: string;
  readonly exportName: string;
}

const offers = new Map<string, Map<string, () => unknown>>();

/** The hash in the name of a bundle's file. */
export function bundleHashOf(bundleUrl: string): string {
  const path = bundleUrl.startsWith("file:")
    ? fileURLToPath(bundleUrl)
    : bundleUrl;
  return basename(path, ".mjs");
}

/** Offers what a site ships; the first offer of a site counts. */
export function offerSite(
  reference: CodeReference,
  give: () => unknown,
): void {
  const { hash, exportName } = reference;
  let bundle = offers.get(hash);
  if (!bundle) {
    bundle = new Map();
    offers.set(hash, bundle);
  }
  if (!bundle.has(exportName)) bundle.set(exportName, once(give));
}

/** What a loaded bundle offers under a name; `undefined` if nothing. */
export function offeredSite(
  reference: CodeReference,
): (() => unknown) | undefined {
  return offers.get(reference.hash)?.get(reference.exportName);
}

/** A class must stay the same class however often it is asked for. */
function once(give: () => unknown): () => unknown {
  let given: { readonly value: unknown } | undefined;
  return () => (given ??= { value: give() }).value;
}

// The executor's side of code shipping: loads a bundle and gives the function
// or class that a reference names. Never analyses or bundles.

import { pathToFileURL } from "node:url";
import { InvariantError } from "../base/errors.ts";
import {
  bundleHashOf,
  type CodeReference,
  offeredSite,
  offerSite,
} from "./site_registry.ts";

const loading = new Map<string, Promise<unknown>>();

/**
 * The function or class that the reference names; `path` is the file of its
 * bundle, which is loaded once per thread. Rejects with what the module's own
 * top-level code throws.
 */
export async function loadCode(
  reference: CodeReference,
  path: string,
): Promise<unknown> {
  let module = loading.get(path);
  if (!module) {
    module = import(pathToFileURL(path).href);
    loading.set(path, module);
  }
  await module;
  const give = offeredSite(reference);
  if (!give) {
    throw new InvariantError(
      `Bundle ${reference.hash} has no site "${reference.exportName}"`,
    );
  }
  return give();
}

/**
 * Offers a function of a bundle to `loadCode`; what `site()` of the API that
 * the bundle sees has to do.
 */
export function offerFromBundle(
  bundleUrl: string,
  exportName: string,
  give: () => unknown,
): void {
  offerSite({ hash: bundleHashOf(bundleUrl), exportName }, give);
}

// Bundles that differ only in the environment they run in. A module keeps what
// it reads from the environment when it loads, so each environment has its own
// copy of a bundle, with a label that gives it a hash of its own.

import { MAP_COMMENT } from "./source_map.ts";

/** What sets a copy of a bundle apart. */
export interface CodeVariant {
  /** Stands for all of the environment; no two environments have the same. */
  readonly key: string;
  /** Packages that are found before those of the user's project. */
  readonly packages?: PackageFolder;
}

/** Installed packages. */
export interface PackageFolder {
  /** The folder that has the `node_modules`. */
  readonly path: string;
  /** Stands for what is installed. */
  readonly key: string;
}

/** What a label says of a bundle's packages. */
export interface PackagesLabel {
  /** The key of the packages; "" for none. */
  readonly key: string;
  /** The hash of the bundle without them; "" where there can be none. */
  readonly plainHash: string;
}

/** The last line before the map. */
const LABEL = /\/\/manta-environment (\S+) (\S*) (\S*)\n$/;

/** The text of a bundle with the label of a variant, or with none. */
export function labelled(
  text: string,
  variant: CodeVariant | undefined,
  plainHash = "",
): string {
  const { code, map } = split(text);
  const plain = code.replace(LABEL, "");
  if (!variant) return plain + map;
  const parts = [variant.key, variant.packages?.key ?? "", plainHash];
  return `${plain}//manta-environment ${parts.join(" ")}\n${map}`;
}

/** The packages that a bundle was made with. */
export function packagesOf(text: string): PackagesLabel {
  const [, , key = "", plainHash = ""] = LABEL.exec(split(text).code) ?? [];
  return { key, plainHash };
}

function split(text: string): { readonly code: string; readonly map: string } {
  const start = text.lastIndexOf(MAP_COMMENT);
  if (start === -1) return { code: text, map: "" };
  return { code: text.slice(0, start), map: text.slice(start) };
}

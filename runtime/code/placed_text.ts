// Keeps a package's idea of where it is: inside of a bundle `__dirname` and
// `import.meta.url` would be the bundle's, and a package that reads a file
// beside its code would not find it.

import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { pathToFileURL } from "node:url";
import type { OnLoadResult } from "esbuild";
import { MappedText, type TextEdit } from "./mapped_text.ts";
import type { ModuleScope } from "./scope.ts";
import { analyseScopes } from "./scope_builder.ts";
import { parseModule } from "./syntax.ts";

/** The text of a package's file if it asks where it is; else `undefined`. */
export function placedText(path: string): OnLoadResult | undefined {
  const text = readFileSync(path, "utf8");
  if (!/\b__dirname\b|\b__filename\b|\bimport\.meta\b/.test(text)) {
    return undefined;
  }
  const contents = replacePlaces(text, path);
  return contents === undefined ? undefined : { contents, loader: "default" };
}

/** Replaces every mention of the module's place by what it is. */
export function placeEdits(module: ModuleScope, path: string): TextEdit[] {
  const values: Readonly<Record<string, unknown>> = {
    url: pathToFileURL(path).href,
    filename: path,
    path,
    dirname: dirname(path),
    dir: dirname(path),
    main: false,
  };
  const edits: TextEdit[] = [];
  for (const { node, property } of module.importMetas) {
    const value = values[property];
    if (value === undefined) continue;
    const text = JSON.stringify(value);
    edits.push({ start: node.start, end: node.end, text });
  }
  return edits;
}

function replacePlaces(text: string, path: string): string | undefined {
  let module: ModuleScope;
  try {
    module = analyseScopes(parseModule(text, path));
  } catch { // A dialect that only esbuild reads: as it stands.
    return undefined;
  }
  const edits = placeEdits(module, path);
  for (const { name, node, binding } of module.references) {
    if (binding || !(name === "__dirname" || name === "__filename")) continue;
    const value = name === "__dirname" ? dirname(path) : path;
    const { start, end } = node;
    edits.push({ start, end, text: JSON.stringify(value) });
  }
  if (edits.length === 0) return undefined;
  const placed = new MappedText(text, edits);
  placed.copy({ start: 0, end: text.length });
  return placed.text;
}

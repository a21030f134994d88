// Corrects the source map of a bundle: esbuild maps to the texts that it was
// given, which are slices; users want the lines of their files.

import {
  decode,
  encode,
  type SourceMapSegment,
} from "@jridgewell/sourcemap-codec";
import { Buffer } from "node:buffer";
import { dirname, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { MappedText } from "./mapped_text.ts";

/** A source map, as far as it is read here. */
interface RawSourceMap {
  readonly sources: readonly string[];
  readonly names: readonly string[];
  readonly mappings: string;
}

/**
 * The map with the user's own positions, and with the sources as URLs.
 * `outputPath` is what the map's relative paths start from.
 */
export function correctSourceMap(
  text: string,
  outputPath: string,
  rendered: ReadonlyMap<string, MappedText>,
): string {
  const map = JSON.parse(text) as RawSourceMap;
  const folder = dirname(outputPath);
  // esbuild escapes what is not plain ASCII, "%" included.
  const paths = map.sources.map((source) =>
    resolve(folder, decodeURIComponent(source))
  );
  const texts = paths.map((path) => rendered.get(path));
  const lines = decode(map.mappings).map((line) =>
    line.flatMap((segment) => correctSegment(segment, texts))
  );
  return JSON.stringify({
    version: 3,
    sources: paths.map((path) => pathToFileURL(path).href),
    names: map.names,
    mappings: encode(lines),
  });
}

function correctSegment(
  segment: SourceMapSegment,
  texts: readonly (MappedText | undefined)[],
): SourceMapSegment[] {
  if (segment.length === 1) return [segment];
  const [outputColumn, source, line, column, name] = segment;
  const text = texts[source];
  if (!text) return [segment];
  const position = text.sourcePosition(line, column);
  if (!position) return [[outputColumn]];
  const { line: sourceLine, column: sourceColumn } = position;
  return name === undefined
    ? [[outputColumn, source, sourceLine, sourceColumn]]
    : [[outputColumn, source, sourceLine, sourceColumn, name]];
}

/** What stands before the map in a bundle. */
export const MAP_COMMENT = "//# sourceMappingURL=data:application/json;base64,";

/** The comment that carries a map within the bundle. */
export function inlineMapComment(map: string): string {
  return `${MAP_COMMENT}${Buffer.from(map).toString("base64")}\n`;
}

// How listings are printed: as tables for people, as JSON or YAML for programs.
// What is listed is for others to know.

/** What `--format` takes. */
export const FORMATS = ["table", "json", "yaml"] as const;

/** One of them. */
export type Format = typeof FORMATS[number];

/** Plain values for programs; each text ends with a line's end. */
export async function formatValue(
  value: unknown,
  format: Exclude<Format, "table">,
): Promise<string> {
  if (format === "json") return `${JSON.stringify(value, null, 2)}\n`;
  const { stringify } = await import("yaml");
  return stringify(value);
}

/** Rows under their headings, each column as wide as it must be. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const all = [headings, ...rows];
  const widths = headings.map((_, column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0))
  );
  return all.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ")
      .trimEnd() + "\n"
  ).join("");
}

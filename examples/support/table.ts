// Lays rows out as a text table: numbers to the right, words to the left.
// Pure: it gives a string and prints nothing.

/** The table's lines, heading first, joined by line ends. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly (string | number)[])[],
): string {
  const columns = headings.map((heading, c) => {
    const cells = rows.map((row) => String(row[c] ?? ""));
    return {
      width: Math.max(heading.length, ...cells.map((cell) => cell.length)),
      // What starts with a digit is a quantity: `12`, `0.5%`, `1e-3`.
      isNumeric: cells.length > 0 &&
        cells.every((cell) => /^[-+]?\d/.test(cell)),
    };
  });
  const line = (cells: readonly (string | number)[]) =>
    columns.map(({ width, isNumeric }, c) => {
      const text = String(cells[c] ?? "");
      return isNumeric ? text.padStart(width) : text.padEnd(width);
    }).join("  ").trimEnd();
  const rule = columns.map(({ width }) => "─".repeat(width)).join("  ");
  return [line(headings), rule, ...rows.map(line)].join("\n");
}

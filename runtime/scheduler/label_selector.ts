// Label selectors: which nodes may take a piece of work. Parsed once per
// scheduling class, tested once per node. Pure text and maps.

import type { LabelSelector } from "./messages.ts";

/** One requirement on one label. */
export interface LabelTest {
  readonly key: string;
  readonly values: readonly string[];
  /** Whether the label must be something else (or not be there). */
  readonly negated: boolean;
}

/** Reads `v`, `!v`, `in(a, b)` and `!in(a, b)` into tests. */
export function parseLabelSelector(
  selector: LabelSelector | undefined,
): readonly LabelTest[] {
  return Object.entries(selector ?? {}).map(([key, text]) => {
    const negated = text.startsWith("!");
    const rest = (negated ? text.slice(1) : text).trim();
    const listed = rest.startsWith("in(") && rest.endsWith(")");
    const values = listed
      ? rest.slice(3, -1).split(",").map((value) => value.trim())
      : [rest];
    return { key, values, negated };
  });
}

/** Whether a node with these labels passes every test. */
export function labelsMatch(
  labels: Readonly<Record<string, string>>,
  tests: readonly LabelTest[],
): boolean {
  return tests.every(({ key, values, negated }) => {
    const label = Object.hasOwn(labels, key) ? labels[key] : undefined;
    const found = label !== undefined && values.includes(label);
    return found !== negated;
  });
}

// How listings and summaries read as tables, and how filters are written on a
// command line. Pure.

import { STATE_FIELDS } from "../../runtime/api/state.ts";
import type {
  StateFilter,
  StateItems,
  StateListing,
  StateNoun,
  StateSummary,
} from "../../runtime/api/state_types.ts";
import { bytes } from "./cluster_status.ts";
import { formatTable } from "./formats.ts";

/** `state=RUNNING` or `name!=f`; the value may have any sign in it. */
export function parseFilter(text: string): StateFilter {
  const parts = /^([^!=]+)(!?=)(.*)$/s.exec(text);
  if (!parts) {
    throw new TypeError(
      `Cannot filter by "${text}": write it as state=RUNNING or name!=f`,
    );
  }
  const [, field, comparison, value] = parts;
  return [field!, comparison as "=" | "!=", value!];
}

/** A table of the items, and how many there are. */
export function listingText(
  noun: StateNoun,
  listing: StateListing<StateItems[StateNoun]>,
  detail = false,
): string {
  const { base, detail: more } = STATE_FIELDS[noun];
  const fields: readonly string[] = detail ? [...base, ...more] : base;
  const rows = listing.items.map((item) =>
    fields.map((field) =>
      cellOf(field, (item as unknown as Record<string, unknown>)[field])
    )
  );
  return (rows.length === 0 ? "" : formatTable(fields.map(headingOf), rows)) +
    countLine(noun, listing);
}

/** A table of names and how many there are in each state. */
export function summaryText(
  noun: StateNoun,
  summary: StateListing<StateSummary>,
): string {
  const states = [
    ...new Set(summary.items.flatMap(({ states }) => Object.keys(states))),
  ].sort();
  const rows = summary.items.map(({ name, total, states: counts }) => [
    name,
    String(total),
    ...states.map((state) => String(counts[state] ?? 0)),
  ]);
  const heading = noun === "objects" ? "NODE" : "NAME";
  if (rows.length === 0) return `There are no ${wordsOf(noun)}\n`;
  return formatTable([heading, "TOTAL", ...states], rows);
}

function countLine(
  noun: StateNoun,
  { items, total, truncated }: StateListing<unknown>,
): string {
  if (!truncated) return `${total} ${wordsOf(noun)}\n`;
  return `${items.length} of ${total} ${wordsOf(noun)}: ` +
    "give --limit for more, or --filter\n";
}

/** As "placement groups". */
function wordsOf(noun: StateNoun): string {
  return noun.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

/** `startedAtMs` becomes `STARTED AT`: cells have a unit of their own. */
function headingOf(field: string): string {
  return field.replace(/(Ms|Bytes)$/, "")
    .replace(/[A-Z]/g, (letter) => ` ${letter}`).toUpperCase();
}

/** Errors may be long: the whole is in the other formats. */
const CELL_CHARACTERS_MAX = 60;

function cellOf(field: string, value: unknown): string {
  if (value === undefined) return "";
  if (field.endsWith("AtMs")) return new Date(value as number).toISOString();
  if (field.endsWith("Bytes")) return bytes(value as number);
  const text = typeof value === "object" ? JSON.stringify(value) : `${value}`;
  const [line = ""] = text.split("\n");
  return line.length <= CELL_CHARACTERS_MAX
    ? line
    : `${line.slice(0, CELL_CHARACTERS_MAX - 1)}…`;
}

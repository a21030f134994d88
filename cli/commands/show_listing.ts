// Asks a cluster for what it runs and holds, and prints it. What is wrong with
// the filters is said before anybody is asked.

import process from "node:process";

import {
  checkStateOptions,
  countItems,
  selectItems,
} from "../../runtime/api/state.ts";
import type {
  StateItems,
  StateListing,
  StateNoun,
  StateOptions,
} from "../../runtime/api/state_types.ts";
import { findItems } from "../../runtime/state_listing.ts";
import { UsageError } from "../usage_error.ts";
import { askCluster } from "./ask_cluster.ts";
import type { AskFlags } from "./ask_flags.ts";
import { formatValue } from "./formats.ts";
import { listingText, parseFilter, summaryText } from "./listing_text.ts";

/** The options of `manta list`, and of `manta summary`. */
export interface ListFlags extends AskFlags {
  readonly filter?: readonly string[];
  readonly limit?: number;
  readonly detail?: boolean;
}

/** Prints items of a kind; rejects when the cluster cannot be asked. */
export async function showList<Noun extends StateNoun>(
  noun: Noun,
  flags: ListFlags,
): Promise<void> {
  const options = optionsOf(noun, flags);
  const found = await askCluster(flags, (calls) => findItems(calls, noun));
  const listing = selectItems(noun, found, options);
  await print(flags, listing, () =>
    listingText(
      noun,
      listing as StateListing<StateItems[StateNoun]>,
      flags.detail,
    ));
}

/** Prints how many there are of each name and state. */
export async function showSummary(
  noun: "tasks" | "actors" | "objects",
  flags: ListFlags,
): Promise<void> {
  const options = optionsOf(noun, flags);
  const found = await askCluster(flags, (calls) => findItems(calls, noun));
  const summary = countItems(noun, found, options);
  await print(flags, summary, () => summaryText(noun, summary));
}

async function print(
  { format }: ListFlags,
  listing: StateListing<unknown>,
  asTable: () => string,
): Promise<void> {
  const text = format === "table"
    ? asTable()
    : await formatValue(listing, format);
  process.stdout.write(text);
  if (format !== "table") return;
  for (const warning of listing.warnings) {
    process.stderr.write(`${warning}\n`);
  }
}

function optionsOf(
  noun: StateNoun,
  { filter = [], limit, detail }: ListFlags,
): StateOptions {
  try {
    const options: StateOptions = {
      filters: filter.map(parseFilter),
      ...(limit === undefined ? {} : { limit }),
      ...(detail === undefined ? {} : { detail }),
    };
    checkStateOptions(noun, options);
    return options;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

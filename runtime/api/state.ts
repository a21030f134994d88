// What a listing gives of what was found: the items that pass the filters, as
// many as are wanted, with the fields that are wanted. Checks what it is asked
// for; knows nothing of where items come from.

import { STATE_ITEMS_DEFAULT } from "../base/limits.ts";
import { currentSession } from "./session.ts";
import { checkRecord, outOfRange, shown, wrongType } from "./option_checks.ts";
import type {
  FoundItems,
  StateFilter,
  StateItems,
  StateListing,
  StateNoun,
  StateOptions,
  StateSummary,
} from "./state_types.ts";

type Names<Item> = readonly (keyof Item & string)[];

/** The fields of each kind of item, and those that are given with `detail`. */
export const STATE_FIELDS: {
  readonly [Noun in StateNoun]: {
    readonly base: Names<StateItems[Noun]>;
    readonly detail: Names<StateItems[Noun]>;
  };
} = {
  tasks: {
    base: [
      ...["id", "name", "state", "attempt", "type", "jobId"] as const,
      ...["nodeId", "workerId", "actorId", "errorType"] as const,
      ...["errorMessage", "startedAtMs", "endedAtMs"] as const,
    ],
    detail: ["ownerId"],
  },
  actors: {
    base: [
      ...["id", "name", "className", "state", "jobId", "nodeId"] as const,
      ...["workerId", "restarts", "errorType", "deathCause"] as const,
    ],
    detail: ["namespace", "isDetached"],
  },
  nodes: {
    base: [
      ...["id", "name", "state", "address", "isHead", "pid"] as const,
      ...["version", "startedAtMs", "deathCause"] as const,
    ],
    detail: ["resources", "available", "labels", "objectStore"],
  },
  jobs: { base: ["id", "name", "state", "startedAtMs"], detail: [] },
  objects: {
    base: ["id", "state", "sizeBytes", "nodeId", "isCopy", "jobId"],
    detail: ["ownerId"],
  },
  workers: {
    base: [
      ...["id", "type", "state", "nodeId", "jobId"] as const,
      ...["isolation", "actors", "leases"] as const,
    ],
    detail: [],
  },
  placementGroups: {
    base: ["id", "name", "state", "strategy", "jobId"],
    detail: ["bundles", "isDetached"],
  },
};

const NOUNS = Object.keys(STATE_FIELDS) as StateNoun[];
const OPTIONS = ["filters", "limit", "detail"];

/**
 * What the cluster has of one kind; `manta/state` has a function for each.
 *
 * @param noun What to list.
 * @param options Which items, how many, and how much of each.
 * @throws {TypeError} If an argument has the wrong type or an unknown name.
 * @throws {RangeError} If one is out of range.
 *
 * @example
 * ```ts ignore
 * import { listState } from "manta";
 *
 * const { items } = await listState("tasks", { limit: 10 });
 * ```
 */
export async function listState<Noun extends StateNoun>(
  noun: Noun,
  options: StateOptions = {},
): Promise<StateListing<StateItems[Noun]>> {
  checkNoun(noun);
  checkStateOptions(noun, options);
  return selectItems(noun, await currentSession().listState(noun), options);
}

/**
 * The same, counted by name and state; `manta/state` has a function for each.
 *
 * @param noun What to count.
 * @param options Which items, and how many names to give at most.
 * @throws {TypeError} If an argument has the wrong type or an unknown name.
 * @throws {RangeError} If one is out of range.
 *
 * @example
 * ```ts ignore
 * import { summarizeState } from "manta";
 *
 * const { items } = await summarizeState("tasks");
 * ```
 */
export async function summarizeState(
  noun: "tasks" | "actors" | "objects",
  options: StateOptions = {},
): Promise<StateListing<StateSummary>> {
  checkNoun(noun);
  checkStateOptions(noun, options);
  const found = await currentSession().listState(noun);
  return countItems(noun, found as FoundItems<AnyItem>, options);
}

/** Filters, bounds and trims what was found. */
export function selectItems<Noun extends StateNoun>(
  noun: Noun,
  { items, omitted, warnings }: FoundItems<StateItems[Noun]>,
  { filters = [], limit = STATE_ITEMS_DEFAULT, detail = false }: StateOptions,
): StateListing<StateItems[Noun]> {
  const passing = items.filter((item) => passes(item, filters));
  const hidden: readonly string[] = detail ? [] : STATE_FIELDS[noun].detail;
  const given = passing.slice(0, limit).map((item) =>
    Object.fromEntries(
      Object.entries(item).filter(([name]) => !hidden.includes(name)),
    ) as unknown as StateItems[Noun]
  );
  // Of those that nobody has told of it is not known whether they pass.
  const total = passing.length + (filters.length === 0 ? omitted : 0);
  return {
    items: given,
    total,
    truncated: omitted > 0 || given.length < total,
    warnings: omitted === 0
      ? warnings
      : [...warnings, `${omitted} more were left out: there are too many`],
  };
}

/** An item, as far as all of them are alike. */
interface AnyItem {
  readonly id: string;
  readonly state: string;
  readonly name?: string;
  readonly className?: string;
  readonly nodeId?: string;
}

/** Counts what was found by what it has in common; the most first. */
export function countItems(
  noun: "tasks" | "actors" | "objects",
  { items, omitted, warnings }: FoundItems<AnyItem>,
  { filters = [], limit = STATE_ITEMS_DEFAULT }: StateOptions,
): StateListing<StateSummary> {
  const counts = new Map<string, Map<string, number>>();
  for (const item of items) {
    if (!passes(item, filters)) continue;
    const { name = "", className = "", nodeId = "" } = item;
    const key = { tasks: name, actors: className, objects: nodeId }[noun];
    let states = counts.get(key);
    if (!states) counts.set(key, states = new Map());
    states.set(item.state, (states.get(item.state) ?? 0) + 1);
  }
  const all = [...counts].map(([name, states]): StateSummary => ({
    name,
    total: [...states.values()].reduce((sum, count) => sum + count, 0),
    states: Object.fromEntries(states),
  })).sort((a, b) => b.total - a.total);
  return {
    items: all.slice(0, limit),
    total: all.length,
    truncated: omitted > 0 || all.length > limit,
    warnings: omitted === 0
      ? warnings
      : [...warnings, `${omitted} more were not counted: there are too many`],
  };
}

function passes(item: object, filters: readonly StateFilter[]): boolean {
  return filters.every(([field, comparison, value]) => {
    // A command line has texts only.
    const own = String((item as Record<string, unknown>)[field] ?? "");
    return (own === String(value)) === (comparison === "=");
  });
}

function checkNoun(noun: unknown): void {
  if (NOUNS.includes(noun as StateNoun)) return;
  throw new TypeError(
    `Cannot list ${shown(noun)}: there are ${NOUNS.join(", ")}`,
  );
}

/** Throws unless the options can be used for items of this kind. */
export function checkStateOptions(noun: StateNoun, options: unknown): void {
  checkRecord(options, "options");
  for (const name of Object.keys(options)) {
    if (OPTIONS.includes(name)) continue;
    throw new TypeError(
      `Unknown option "${name}": a listing takes ${OPTIONS.join(", ")}`,
    );
  }
  const { filters, limit, detail } = options;
  if (limit !== undefined) checkLimit(limit);
  if (detail !== undefined && typeof detail !== "boolean") {
    wrongType(detail, "detail", "a boolean");
  }
  if (filters === undefined) return;
  const wanted = 'a list such as [["state", "=", "RUNNING"]]';
  if (!Array.isArray(filters)) wrongType(filters, "filters", wanted);
  for (const [index, filter] of filters.entries()) {
    checkFilter(noun, filter, `filters[${index}]`);
  }
}

function checkLimit(limit: unknown): void {
  const wanted = "a whole number from 1 on";
  if (typeof limit !== "number") wrongType(limit, "limit", wanted);
  if (!Number.isSafeInteger(limit) || limit < 1) {
    outOfRange(limit, "limit", wanted);
  }
}

const VALUES = ["string", "number", "boolean"];

function checkFilter(noun: StateNoun, filter: unknown, path: string): void {
  if (!Array.isArray(filter) || filter.length !== 3) {
    wrongType(filter, path, 'a field, "=" or "!=", and a value');
  }
  const [field, comparison, value] = filter as unknown[];
  const { base, detail } = STATE_FIELDS[noun];
  const fields: readonly string[] = [...base, ...detail];
  if (!fields.includes(field as string)) {
    outOfRange(field, `${path}[0]`, `a field of ${noun}: ${fields.join(", ")}`);
  }
  if (comparison !== "=" && comparison !== "!=") {
    outOfRange(comparison, `${path}[1]`, '"=" or "!="');
  }
  if (!VALUES.includes(typeof value)) {
    wrongType(value, `${path}[2]`, "a string, a number or a boolean");
  }
}

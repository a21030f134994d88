// Amounts of resources as whole numbers of 1/10000, so that a thousand
// additions and subtractions end where they began. Users' amounts are turned
// into units once, at the edge (`api/options.ts`). Imports nothing of ours.

import { RESOURCE_AMOUNT_MAX } from "./limits.ts";

/** Units in one whole resource: amounts have a precision of 0.0001. */
export const RESOURCE_UNIT = 10_000;

/** How far from a whole unit binary fractions may be, in units. */
const UNIT_NOISE = 1e-6;

/**
 * Amounts by resource name, in units of 1/10000. A name that is missing
 * stands for 0, and no set that is made here holds a 0.
 */
export type ResourceSet = Readonly<Record<string, number>>;

/** The set that asks for nothing. */
export const NO_RESOURCES: ResourceSet = Object.freeze({});

/** Names that have options of their own, in the order they are shown. */
export const RESOURCE_NAMES = Object.freeze(
  {
    cpu: "CPU",
    gpu: "GPU",
    memory: "memory",
    objectStoreMemory: "objectStoreMemory",
  } as const,
);

/**
 * Turns a user's amount into units. Gives `undefined` when the amount is
 * finer than the precision, negative, too large or no number: the caller
 * knows the name of what it checks and throws.
 */
export function toUnits(amount: number): number | undefined {
  if (!(amount >= 0 && amount <= RESOURCE_AMOUNT_MAX)) return undefined;
  const units = amount * RESOURCE_UNIT;
  // Sums such as 0.1 + 0.2 are off in their last bit and still mean 0.3.
  const whole = Math.round(units);
  return Math.abs(units - whole) < UNIT_NOISE ? whole : undefined;
}

/** Turns units into the amount that users see. */
export function fromUnits(units: number): number {
  return units / RESOURCE_UNIT;
}

/** Makes a set from users' amounts, or names the first that is no amount. */
export function resourceSet(
  amounts: Readonly<Record<string, number>>,
): { ok: true; value: ResourceSet } | { ok: false; name: string } {
  const value: Record<string, number> = {};
  for (const [name, amount] of Object.entries(amounts)) {
    const units = toUnits(amount);
    if (units === undefined) return { ok: false, name };
    if (units > 0) value[name] = units;
  }
  return { ok: true, value: Object.freeze(value) };
}

/** The amounts that users see, by name. */
export function resourceAmounts(set: ResourceSet): Record<string, number> {
  const amounts: Record<string, number> = {};
  for (const name in set) amounts[name] = fromUnits(set[name]!);
  return amounts;
}

/** Whether `need` is within `available`. */
export function fits(available: ResourceSet, need: ResourceSet): boolean {
  for (const name in need) {
    if (need[name]! > (available[name] ?? 0)) return false;
  }
  return true;
}

/** The sum of two sets. */
export function addResources(left: ResourceSet, right: ResourceSet) {
  const sum: Record<string, number> = { ...left };
  for (const name in right) sum[name] = (sum[name] ?? 0) + right[name]!;
  return sum as ResourceSet;
}

/**
 * `left` without `right`. An amount may go below 0 (a task that gave its CPU
 * back while it waited takes it again whether or not it is free); names that
 * reach 0 stay as 0 so that a node still shows them.
 */
export function subtractResources(left: ResourceSet, right: ResourceSet) {
  const difference: Record<string, number> = { ...left };
  for (const name in right) {
    difference[name] = (difference[name] ?? 0) - right[name]!;
  }
  return difference as ResourceSet;
}

/** What `need` has beyond `available`, by name; empty when it fits. */
export function lackingResources(
  available: ResourceSet,
  need: ResourceSet,
): ResourceSet {
  const lacking: Record<string, number> = {};
  for (const name in need) {
    const missing = need[name]! - (available[name] ?? 0);
    if (missing > 0) lacking[name] = missing;
  }
  return lacking;
}

/** Whether two sets are the same amounts; missing and 0 are the same. */
export function sameResources(left: ResourceSet, right: ResourceSet): boolean {
  return fits(left, right) && fits(right, left);
}

/** A text that is the same for the same amounts; for scheduling classes. */
export function resourcesKey(set: ResourceSet): string {
  let key = "";
  for (const name of Object.keys(set).sort()) {
    if (set[name] !== 0) key += `${JSON.stringify(name)}:${set[name]},`;
  }
  return key;
}

// Sets the figures of all rounds side by side: medians and ranges, and how many
// times as good Manta is as each peer, round by round. Pure.

import { isMoreBetter, type Unit } from "../row.ts";
import type { Outcome } from "./outcome.ts";
import { SECTIONS } from "./sections.ts";

/** The peer that all others are compared with. */
export const MANTA = "Manta";
/** Peers whose name begins so are what the machine allows. */
export const BARE = "bare ";

/** The median of a few figures, and the range that they are in. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

/** A peer's figures in a row. */
export interface PeerFigures {
  readonly peer: string;
  readonly spread: Spread;
  /** How many times as good Manta is; above 1 it is ahead. */
  readonly ratio?: Spread;
  /** How many times as good it is meant to be. */
  readonly wanted: number;
}

/** A row with all who have it. */
export interface ComparedRow {
  readonly row: string;
  readonly unit: Unit;
  readonly manta?: Spread;
  readonly peers: readonly PeerFigures[];
}

/** The rows that the same peers share. */
export interface ComparedSection {
  readonly section: string;
  readonly rows: readonly ComparedRow[];
}

/** A row that is behind what was set as its goal. */
export interface Shortfall {
  readonly section: string;
  readonly row: string;
  readonly peer: string;
  readonly ratio: number;
  readonly wanted: number;
}

/** Every section in the order of its first outcome. */
export function compare(outcomes: readonly Outcome[]): ComparedSection[] {
  const sections = new Map<string, Outcome[]>();
  for (const outcome of outcomes) {
    const already = sections.get(outcome.section) ?? [];
    sections.set(outcome.section, [...already, outcome]);
  }
  return [...sections].map(([section, members]) => ({
    section,
    rows: compareRows(section, members),
  }));
}

/** The rows whose median ratio is under what is wanted of them. */
export function shortfalls(sections: readonly ComparedSection[]): Shortfall[] {
  return sections.flatMap(({ section, rows }) =>
    rows.flatMap(({ row, peers }) =>
      peers.flatMap(({ peer, ratio, wanted }) => {
        if (ratio === undefined || ratio.median >= wanted) return [];
        return { section, row, peer, ratio: ratio.median, wanted };
      })
    )
  );
}

/** Models are as accurate as the digits that judge them can tell. */
const SAME_ACCURACY = 0.99;

/** Ten times Ray in its rates, ahead elsewhere, half of what is possible. */
function wantedRatio(section: string, peer: string, unit: Unit): number {
  if (peer.startsWith(BARE)) return 0.5;
  if (section === SECTIONS.sweep && unit === "of ideal") return SAME_ACCURACY;
  const isRate = section === SECTIONS.ray && unit === "per second";
  return peer === "Ray" && isRate ? 10 : 1;
}

/** Of at least one figure. */
export function spreadOf(figures: readonly number[]): Spread {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1
    ? sorted[middle]!
    : (sorted[middle - 1]! + sorted[middle]!) / 2;
  return { median, least: sorted[0]!, most: sorted.at(-1)! };
}

function compareRows(
  section: string,
  outcomes: readonly Outcome[],
): ComparedRow[] {
  const rows = new Map<string, { unit: Unit; found: Found }>();
  for (const { peer, round, figures } of outcomes) {
    for (const { row, value, unit } of figures) {
      const entry = rows.get(row) ?? { unit, found: new Map() };
      rows.set(row, entry);
      const rounds = entry.found.get(peer) ?? new Map<number, number>();
      entry.found.set(peer, rounds.set(round, value));
    }
  }
  return [...rows].map(([row, { unit, found }]) => {
    const manta = found.get(MANTA);
    return {
      row,
      unit,
      ...(manta && { manta: spreadOf([...manta.values()]) }),
      peers: [...found].filter(([peer]) => peer !== MANTA)
        .map(([peer, rounds]) => ({
          ...comparePeer(peer, unit, manta, rounds),
          wanted: wantedRatio(section, peer, unit),
        })),
    };
  });
}

/** By peer, and then by round. */
type Found = Map<string, Map<number, number>>;

function comparePeer(
  peer: string,
  unit: Unit,
  manta: ReadonlyMap<number, number> | undefined,
  rounds: ReadonlyMap<number, number>,
) {
  const ratios = ratiosOf(unit, manta, rounds);
  return {
    peer,
    spread: spreadOf([...rounds.values()]),
    ...(ratios.length > 0 && { ratio: spreadOf(ratios) }),
  };
}

/** Only figures of the same round are compared: the machine changes. */
function ratiosOf(
  unit: Unit,
  manta: ReadonlyMap<number, number> | undefined,
  peer: ReadonlyMap<number, number>,
): number[] {
  return [...peer].flatMap(([round, value]) => {
    const ours = manta?.get(round);
    if (ours === undefined) return [];
    return isMoreBetter(unit) ? ours / value : value / ours;
  });
}

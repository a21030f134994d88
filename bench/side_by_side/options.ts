// What the command line of the side-by-side benchmark says, and which programs
// that asks for. Pure.

import { parseArgs } from "node:util";

/** What to run, how often, and where the results go. */
export interface SideOptions {
  /** Parts of names of peers or sections; all without. */
  readonly only: readonly string[];
  readonly rounds: number;
  readonly quick: boolean;
  /** The folder of the results. */
  readonly out: string;
  /** Results of an earlier run to be written again, instead of a new run. */
  readonly from?: string;
  /** What JavaScript peers run on; those that are not there are named. */
  readonly runtimes: readonly string[];
}

const USUAL_ROUNDS = 3;
const QUICK_ROUNDS = 2;

/** Reads the words behind the command; what is wrong throws a `TypeError`. */
export function parseOptions(words: readonly string[]): SideOptions {
  const { values } = parseArgs({
    args: [...words],
    strict: true,
    options: {
      only: { type: "string", default: "" },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      out: { type: "string", default: ".bench/results" },
      from: { type: "string" },
      runtimes: { type: "string", default: "node" },
    },
  });
  const { quick, out, from } = values;
  const rounds = Number(
    values.rounds ?? (quick ? QUICK_ROUNDS : USUAL_ROUNDS),
  );
  if (!Number.isInteger(rounds) || rounds < 1) {
    throw new TypeError(
      `--rounds must be a whole number from 1 on, and is "${values.rounds}"`,
    );
  }
  return {
    only: listOf(values.only),
    rounds,
    quick,
    out,
    ...(from !== undefined && { from }),
    runtimes: listOf(values.runtimes),
  };
}

/** Whether a program is among what `--only` names; Manta always is. */
export function isWanted(
  only: readonly string[],
  peer: string,
  section: string,
): boolean {
  if (only.length === 0) return true;
  const name = `${peer} ${section}`.toLowerCase();
  return only.some((part) => name.includes(part.toLowerCase()));
}

function listOf(text: string): string[] {
  return text.split(",").map((part) => part.trim()).filter((part) => part);
}

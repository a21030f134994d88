// The command line of the regularization sweep. Wrong usage ends the program
// at once, before any work is done: a message and exit code 2.

import { statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import process from "node:process";
import { parseArgs } from "node:util";

/** Reads the flags, or prints help or what is wrong and exits. */
export function readFlags(): SweepFlags {
  try {
    const { values } = parseArgs({
      options: {
        models: { type: "string", default: "1000" },
        out: { type: "string", default: "regularization_sweep.png" },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) {
      console.log(HELP);
      process.exit(0);
    }
    return { models: countOf(values.models), out: writablePath(values.out) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.error(`${reason}\n\n${HELP}`);
    process.exit(2);
  }
}

/** What the sweep was asked to do. */
export interface SweepFlags {
  /** How many models to train. */
  readonly models: number;
  /** Where to write the plot. */
  readonly out: string;
}

const HELP = `Usage: regularization_sweep.ts [--models N] [--out FILE]

Trains classifiers of handwritten digits with different regularization.

  --models N   how many to train, 1 to 100000 (default 1000)
  --out FILE   the plot, a PNG file (default regularization_sweep.png)
  --help       this text`;

function countOf(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > 100_000) {
    throw new RangeError(`--models must be 1 to 100000: got "${text}"`);
  }
  return count;
}

/** Checked before the work starts, not when its result cannot be kept. */
function writablePath(path: string): string {
  const folder = dirname(resolve(path));
  if (path === "" || !statSync(folder, { throwIfNoEntry: false })) {
    throw new RangeError(`--out must lie in a folder that exists: "${path}"`);
  }
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new RangeError(`--out must be a file, not a folder: "${path}"`);
  }
  return path;
}

// The programs that can install npm packages: the runtime that this process
// is, where it can, and what else may be on the machine. All let the packages
// run their scripts, as npm does: those with machine code may need it.

import process from "node:process";

/** A command that installs packages into the folder it is started in. */
export interface Installer {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** To be added to the environment of the command. */
  readonly env: Readonly<Record<string, string>>;
}

/** Output that goes into an error. */
const PLAIN = { NO_COLOR: "1" };

/** All that may be there, the best first. */
export function installers(packages: readonly string[]): Installer[] {
  const bun = (command: string): Installer => ({
    name: "bun",
    command,
    args: ["add", "--no-summary", "--trust", ...packages],
    // The compiled binary is a Bun only when it is told to be.
    env: { ...PLAIN, BUN_BE_BUN: "1" },
  });
  const deno = (command: string): Installer => ({
    name: "deno",
    command,
    args: [
      "add",
      "--quiet",
      "--node-modules-dir=auto",
      "--allow-scripts",
      ...packages.map((name) => `npm:${name}`),
    ],
    env: PLAIN,
  });
  const npm: Installer = {
    name: "npm",
    command: "npm",
    args: ["install", "--no-audit", "--no-fund", "--loglevel=error"].concat(
      packages,
    ),
    env: PLAIN,
  };
  const own = process.execPath;
  return "Bun" in globalThis
    ? [bun(own), npm, deno("deno")]
    : [npm, bun("bun"), deno(own)];
}

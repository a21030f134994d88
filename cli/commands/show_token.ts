// Does what `manta token` says. Only `--show` prints the token, so that nobody
// has it on a screen or in a log who only wanted to know where it is.

import process from "node:process";

import { MantaError } from "../../runtime/base/errors.ts";
import {
  readToken,
  runningCluster,
  runningNodes,
} from "../../runtime/cluster_files.ts";
import {
  readTokenFile,
  tokenPath,
  writeToken,
} from "../../runtime/token_file.ts";
import { UsageError } from "../usage_error.ts";

/** The options of `manta token`. */
export interface TokenFlags {
  readonly show?: boolean;
  readonly new?: boolean;
  readonly address?: string;
}

/** Prints where the token is, or the token. */
export function showToken(flags: TokenFlags): void {
  if (flags.new && flags.address !== undefined) {
    throw new UsageError(
      "Cannot give a node that runs another token: leave --address out, and " +
        "start the node again",
    );
  }
  if (flags.new) makeToken(flags.show ?? false);
  else if (flags.show) process.stdout.write(`${currentToken(flags.address)}\n`);
  else tellPlace();
}

function makeToken(isShown: boolean): void {
  const path = tokenPath();
  let token: string;
  try {
    token = writeToken();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new MantaError(
      `Cannot keep a token in ${path}: ${why}. Set XDG_CONFIG_HOME to a folder ` +
        "that can be written to, or MANTA_TOKEN to a token of your own",
      { cause },
    );
  }
  const told = isShown ? process.stderr : process.stdout;
  told.write(`Another token is in ${path}\n`);
  for (const { address } of runningNodes()) {
    told.write(`The node at ${address} has the old one until its next start\n`);
  }
  if (isShown) process.stdout.write(`${token}\n`);
}

/** What a driver would use now. */
function currentToken(address: string | undefined): string {
  const token = address !== undefined
    ? readToken(address)
    : runningNodes().length > 0
    ? runningCluster().token
    : readTokenFile();
  if (token !== undefined) return token;
  throw new MantaError(
    "Cannot show a token: none was made yet. `manta start --head` or " +
      "`manta token --new` makes one",
  );
}

function tellPlace(): void {
  const hasToken = readTokenFile() !== undefined;
  const state = hasToken ? "" : " (none was made yet)";
  process.stdout.write(`${tokenPath()}${state}\n`);
}

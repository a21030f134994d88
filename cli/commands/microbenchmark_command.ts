// `manta microbenchmark`: how the command looks. Its work is in bench/, which
// run_microbenchmark.ts loads when the command runs.

import { buildCommand } from "@stricli/core";

interface MicrobenchmarkFlags {
  readonly json?: string;
  readonly filter?: string;
  readonly quick: boolean;
  readonly address?: string;
}

/** `manta microbenchmark [--json FILE] [--filter PATTERN] [--quick] [--address …]` */
export const microbenchmarkCommand = buildCommand({
  loader: async () => {
    const { runMicrobenchmark } = await import("./run_microbenchmark.ts");
    return ({ json, filter, quick, address }: MicrobenchmarkFlags) =>
      runMicrobenchmark({
        ...(json === undefined ? {} : { json }),
        ...(filter === undefined ? {} : { filter }),
        quick,
        ...(address === undefined ? {} : { address }),
      });
  },
  parameters: {
    flags: {
      json: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Also write the results to this file",
        placeholder: "file",
      },
      filter: {
        kind: "parsed",
        parse: parsePattern,
        optional: true,
        brief: "Run only the rows whose names match",
        placeholder: "pattern",
      },
      address: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Measure a running cluster from here, instead of one of its own",
        placeholder: "host:port",
      },
      quick: {
        kind: "boolean",
        default: false,
        brief: "Repeat less, for a first impression",
      },
    },
  },
  docs: {
    brief: "Measure tasks, actors and objects on this machine",
    fullDescription: [
      "Runs the rows of Ray's own microbenchmark with the same meaning, each",
      "printed as `name per second X +- Y`, beside what the machine allows: a",
      "bare message echo, a bare WebSocket echo, one copy of memory.",
    ].join("\n"),
  },
});

/** Throws a `SyntaxError` for what is no regular expression: wrong usage. */
function parsePattern(text: string): string {
  new RegExp(text);
  return text;
}

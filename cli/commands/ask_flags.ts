// The options of the commands that ask a cluster: where it is, and how the
// answer is printed.

import { type Format, FORMATS } from "./formats.ts";

/** Which cluster, as the user says. */
export interface AskFlags {
  readonly address?: string;
  readonly token?: string;
  readonly format: Format;
}

/** The flags of every command that asks a cluster. */
export const ASK_FLAGS = {
  address: {
    kind: "parsed",
    parse: String,
    optional: true,
    brief: "The cluster to ask [default = MANTA_ADDRESS, or the node that " +
      "runs on this machine]",
    placeholder: "host:port",
  },
  token: {
    kind: "parsed",
    parse: String,
    optional: true,
    brief: "Its token [default = MANTA_TOKEN, or what your files say]",
    placeholder: "token",
  },
  format: {
    kind: "enum",
    values: FORMATS,
    default: "table",
    brief: "How to print it",
  },
} as const;

// `manta token`: how the command looks. Its work is in show_token.ts, which is
// loaded when the command runs.

import { buildCommand } from "@stricli/core";

import type { TokenFlags } from "./show_token.ts";

/** `manta token [--show] [--new] [--address HOST:PORT]` */
export const tokenCommand = buildCommand({
  loader: async () => {
    const { showToken } = await import("./show_token.ts");
    return (flags: TokenFlags) => showToken(flags);
  },
  parameters: {
    flags: {
      show: {
        kind: "boolean",
        optional: true,
        brief: "Print the token itself, and nothing else",
        withNegated: false,
      },
      new: {
        kind: "boolean",
        optional: true,
        brief: "Make another token, for the nodes that start from now on",
        withNegated: false,
      },
      address: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief: "Which node's, if several run on this machine",
        placeholder: "host:port",
      },
    },
  },
  docs: {
    brief: "Tell where the token is, show it, or make another one",
    fullDescription: [
      "The token lets a driver use a node, which means to run any code there. It",
      "is made by the first start of a node, in a file that only you can read.",
      "A node that runs keeps its token until it is started again.",
    ].join("\n"),
  },
});

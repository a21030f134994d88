// `manta status`: how the command looks. Its work is in show_status.ts, which is
// loaded when the command runs.

import { buildCommand } from "@stricli/core";

import { FORMATS } from "./formats.ts";
import type { StatusFlags } from "./show_status.ts";

/** `manta status [--address HOST:PORT] [--format table|json|yaml]` */
export const statusCommand = buildCommand({
  loader: async () => {
    const { showStatus } = await import("./show_status.ts");
    return (flags: StatusFlags) => showStatus(flags);
  },
  parameters: {
    flags: {
      address: {
        kind: "parsed",
        parse: String,
        optional: true,
        brief:
          "The cluster to ask [default = MANTA_ADDRESS, or the node that " +
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
    },
  },
  docs: {
    brief: "Show nodes, resources in use, what waits and why",
    fullDescription: [
      "Shows the nodes of a cluster, what of their resources is in use, what",
      "waits for resources and why, the object store and what it has on disk,",
      "and the jobs.",
    ].join("\n"),
  },
});

// `manta stop`: how the command looks. Its work is in stop_nodes.ts, which is
// loaded when the command runs.

import { buildCommand } from "@stricli/core";

import { parsePort } from "./start_values.ts";

interface StopFlags {
  readonly port?: number;
  readonly force?: boolean;
}

/** `manta stop [--port PORT] [--force]` */
export const stopCommand = buildCommand({
  loader: async () => {
    const { stopNodes } = await import("./stop_nodes.ts");
    return (flags: StopFlags) => stopNodes(flags);
  },
  parameters: {
    flags: {
      port: {
        kind: "parsed",
        parse: parsePort,
        optional: true,
        brief: "Only the node on this port",
        placeholder: "port",
      },
      force: {
        kind: "boolean",
        optional: true,
        brief: "Kill at once: what runs there has no time to clean up",
        withNegated: false,
      },
    },
  },
  docs: {
    brief: "End the nodes that you started on this machine",
    fullDescription: [
      "Asks each node of this user on this machine to end, and kills one that has",
      "not ended in time. A worker lets its tasks end first, for 30 seconds; a",
      "head does not wait. Nodes inside of drivers end with them.",
    ].join("\n"),
  },
});

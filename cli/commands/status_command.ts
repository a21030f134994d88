// `manta status`: how the command looks. Its work is in show_status.ts, which is
// loaded when the command runs.

import { buildCommand } from "@stricli/core";

import { ASK_FLAGS, type AskFlags } from "./ask_flags.ts";

/** `manta status [--address HOST:PORT] [--format table|json|yaml]` */
export const statusCommand = buildCommand({
  loader: async () => {
    const { showStatus } = await import("./show_status.ts");
    return (flags: AskFlags) => showStatus(flags);
  },
  parameters: {
    flags: ASK_FLAGS,
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

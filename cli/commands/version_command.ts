// `manta version`: prints the version and nothing else, for people and for
// scripts.

import { buildCommand, type CommandContext } from "@stricli/core";

import { VERSION } from "../../runtime/base/version.ts";

/** `manta version` */
export const versionCommand = buildCommand({
  func(this: CommandContext) {
    this.process.stdout.write(`${VERSION}\n`);
  },
  parameters: {},
  docs: { brief: "Print the version" },
});

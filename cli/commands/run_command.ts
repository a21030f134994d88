// `manta run`: how the command looks. Its work is in run_script.ts, which the
// entry calls directly when there is nothing to parse.

import { buildCommand } from "@stricli/core";

/** `manta run app.ts [-- args]` */
export const runCommand = buildCommand({
  loader: async () => {
    const { runScript } = await import("./run_script.ts");
    return (_flags: unknown, ...words: string[]) => {
      const [script = "", ...args] = words;
      return runScript(script, args);
    };
  },
  parameters: {
    positional: {
      kind: "array",
      minimum: 1,
      parameter: {
        parse: String,
        brief: "The script, then what it finds in process.argv",
        placeholder: "app.ts",
        proposeCompletions: async (partial: string) =>
          (await import("./complete_script.ts")).completeScript(partial),
      },
    },
  },
  docs: {
    brief: "Run a TypeScript or JavaScript file that uses manta",
    fullDescription: [
      "Runs a TypeScript or JavaScript file in this process. What it imports",
      'from "manta" comes with this program; other imports are resolved from',
      "where the file lies. What follows the file is the script's own.",
    ].join("\n"),
    customUsage: ["app.ts [-- args]"],
  },
});

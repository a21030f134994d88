// `manta completion`: prints a shell's completion script. The script asks the
// hidden command `__complete` for proposals, so it never goes out of date.

import {
  type Application,
  buildCommand,
  type Command,
  type CommandContext,
  proposeCompletions,
} from "@stricli/core";

import { completionScript, SHELLS } from "./completion_script.ts";

type Shell = typeof SHELLS[number];

/** `manta completion bash|zsh|fish` */
export const completionCommand = buildCommand({
  func(this: CommandContext, _flags: unknown, shell: Shell) {
    this.process.stdout.write(completionScript(shell));
  },
  parameters: {
    positional: {
      kind: "tuple",
      parameters: [{
        parse: parseShell,
        brief: `The shell: ${SHELLS.join(", ")}`,
        placeholder: "shell",
        proposeCompletions: (partial: string) =>
          SHELLS.filter((shell) => shell.startsWith(partial)),
      }],
    },
  },
  docs: {
    brief: "Print a completion script for a shell",
    fullDescription: [
      "Prints a completion script. To use it in every new shell:",
      "  bash  echo 'eval \"$(manta completion bash)\"' >> ~/.bashrc",
      "  zsh   echo 'source <(manta completion zsh)' >> ~/.zshrc",
      "  fish  manta completion fish > ~/.config/fish/completions/manta.fish",
    ].join("\n"),
  },
});

/** `manta __complete ...words`: one proposal a line, for the scripts. */
export function buildCompleteCommand(
  buildCli: () => Application<CommandContext>,
): Command<CommandContext> {
  return buildCommand({
    async func(this: CommandContext, _flags: unknown, ...words: string[]) {
      const proposals = await proposeCompletions(buildCli(), words, this);
      for (const { completion } of proposals) {
        this.process.stdout.write(`${completion}\n`);
      }
    },
    parameters: {
      positional: {
        kind: "array",
        parameter: { parse: String, brief: "The words so far" },
      },
    },
    docs: { brief: "Propose completions, one a line" },
  });
}

function parseShell(text: string): Shell {
  const shell = SHELLS.find((name) => name === text);
  if (shell === undefined) {
    throw new SyntaxError(`Expected one of ${SHELLS.join(", ")}`);
  }
  return shell;
}

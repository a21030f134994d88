// Does what `manta start` says: becomes a node, or starts one and tells how to
// use it.

import process from "node:process";

import { startDaemon } from "./daemon.ts";
import { howToUse } from "./how_to_use.ts";
import { checkStart } from "./start_options.ts";
import type { StartFlags } from "./start_request.ts";
import { banner, type StartedNode } from "./started_node.ts";

/** Starts a node; resolves when it is there or, with `--block`, has ended. */
export async function runStart(flags: StartFlags): Promise<void> {
  const request = checkStart(flags);
  if (!flags.block) {
    const started = await startDaemon(request, tellWait);
    warn(started);
    process.stdout.write(howToUse(started, true));
    return;
  }
  // The code of drivers runs here: it might print the environment.
  delete process.env["MANTA_TOKEN"];
  delete process.env["MANTA_STATE"];
  const { runNode } = await import("./run_node.ts");
  await runNode(request, {
    waits: tellWait,
    started: (started) => {
      warn(started);
      // What a service prints is kept: the token is shown on a terminal only.
      const text = howToUse(started, process.stdout.isTTY);
      process.stdout.write(`${banner(started)}\n\n${text}`);
    },
  });
  process.exit();
}

function warn({ warnings }: StartedNode): void {
  for (const warning of warnings) process.stderr.write(`${warning}\n`);
}

function tellWait(problem: string): void {
  process.stderr.write(`${problem}\nWaiting for it\n`);
}

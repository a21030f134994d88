// Does what `manta start` says: becomes a head, or starts one and tells how to
// use it.

import process from "node:process";

import { startDaemon } from "./daemon.ts";
import type { StartedHead } from "./head_process.ts";
import { checkStart, type StartFlags } from "./start_options.ts";

/** Starts a head; resolves when it listens or, with `--block`, has ended. */
export async function runStart(flags: StartFlags): Promise<void> {
  const request = checkStart(flags);
  if (!flags.block) {
    const started = await startDaemon(request);
    warn(started);
    process.stdout.write(howToUse(started, true));
    return;
  }
  // The code of drivers runs here: it might print the environment.
  delete process.env["MANTA_TOKEN"];
  const { banner, runHead } = await import("./head_process.ts");
  await runHead(request, (started) => {
    warn(started);
    // What a service prints is kept: the token is shown on a terminal only.
    const isKept = !process.stdout.isTTY;
    process.stdout.write(`${banner(started)}\n\n${howToUse(started, !isKept)}`);
  });
  process.exit();
}

function warn({ warnings }: StartedHead): void {
  for (const warning of warnings) process.stderr.write(`${warning}\n`);
}

/** For people, who copy it into a terminal. */
export function howToUse(started: StartedHead, showsToken: boolean): string {
  const { address, publicAddress, token, nodeId, pid, logPath } = started;
  const shown = showsToken ? token : "$(manta token --show)";
  const lines = logPath === undefined ? [] : [
    `Node ${nodeId} listens on ${publicAddress ?? address} (process ${pid})`,
    `It prints to ${logPath}`,
    "",
  ];
  lines.push(
    "Run a program on it:",
    `  MANTA_ADDRESS=${address} manta run app.ts`,
  );
  if (publicAddress !== undefined) {
    lines.push(
      "",
      "The same from another machine:",
      `  MANTA_ADDRESS=${publicAddress} MANTA_TOKEN=${shown} manta run app.ts`,
    );
  } else {
    lines.push(
      "",
      "The same as another user of this machine:",
      `  MANTA_ADDRESS=${address} MANTA_TOKEN=${shown} manta run app.ts`,
    );
  }
  lines.push("", "End it:", "  manta stop", "");
  return lines.join("\n");
}

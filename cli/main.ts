// The binary's entry. `manta run app.ts` goes straight to the script, since its
// start-up is the user's waiting time (the parser alone takes 3 ms), and so do a
// daemon and a child process of a node; all else, `manta run --help` included,
// goes through the parser.

import process from "node:process";
import { CHILD_WORD } from "../runtime/platform/child_word.ts";

const [command, script, ...words] = process.argv.slice(2);
if (command === CHILD_WORD) {
  await import("../runtime/executor_process.ts");
} else if (
  command === "run" && script !== undefined && !script.startsWith("-")
) {
  const { runScript } = await import("./commands/run_script.ts");
  await runScript(script, words[0] === "--" ? words.slice(1) : words);
} else if (command === "__node") {
  const { beDaemon } = await import("./commands/be_daemon.ts");
  await beDaemon();
} else {
  const { runCli } = await import("./cli.ts");
  await runCli(process.argv.slice(2));
}

// Makes this process look as if the runtime had been started with a user's
// script: its arguments, its main module, and modules that the program brings
// along. Only `manta run` uses it.

import process from "node:process";

/** Sets the process up for `script`, which the caller imports next. */
export function hostScript(
  script: string,
  args: readonly string[],
  modules: Readonly<Record<string, () => Promise<object>>>,
): void {
  const argv = [process.execPath, script, ...args];
  process.argv.splice(0, process.argv.length, ...argv);
  if (typeof Bun === "undefined") return;
  Bun.argv.splice(0, Bun.argv.length, ...argv);
  // Makes the script's `import.meta.main` true; typed as read-only, yet is not.
  (Bun as { main: string }).main = script;
  Bun.plugin({
    name: "manta",
    setup(build) {
      for (const [name, load] of Object.entries(modules)) {
        build.module(name, async () => ({
          exports: { ...await load() },
          loader: "object",
        }));
      }
    },
  });
}

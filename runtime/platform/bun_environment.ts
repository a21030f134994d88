// Shows a view of the environment through Bun's own interfaces. Mirrors
// `deno_environment.ts`. Native libraries and file functions still see what
// the process has: there is one environment and one directory for all threads.

import process from "node:process";
import {
  asRecord,
  type EnvironmentLayer,
  EnvironmentView,
  type ProgramOptions,
  showInProcess,
} from "./environment_view.ts";

/** The part of Bun's namespace that this file uses. */
interface BunNamespace {
  spawn: Spawn;
  spawnSync: Spawn;
}

type Spawn = (first: unknown, options?: SpawnOptions) => unknown;

interface SpawnOptions extends ProgramOptions {
  readonly cmd?: readonly string[];
}

/** See the head of the file; for the rest of the thread's life. */
export function layerBunEnvironment(
  current: () => EnvironmentLayer,
): EnvironmentView {
  const bun = (globalThis as unknown as { Bun: BunNamespace }).Bun;
  const original = process.env;
  const base = { ...original } as Record<string, string>;
  const view = new EnvironmentView(
    { get: (name) => ownValue(base, name), toObject: () => base },
    current,
  );
  showInProcess(view);
  layerOriginal(original, view);
  for (const name of ["spawn", "spawnSync"] as const) {
    const spawn = bun[name].bind(bun);
    bun[name] = (first, options) =>
      Array.isArray(first)
        ? spawn(first, view.forProgram(options ?? {}))
        : spawn(view.forProgram(first as SpawnOptions));
  }
  return view;
}

/**
 * `Bun.env` and `env` of `node:process` cannot be replaced. They are this
 * thread's copy of the variables: empty, with the view for a prototype, it
 * reads and writes like the view. Only listing its names finds nothing.
 */
function layerOriginal(original: object, view: EnvironmentView): void {
  for (const name of Object.keys(original)) {
    Reflect.deleteProperty(original, name);
  }
  Object.setPrototypeOf(original, asRecord(view));
}

function ownValue(
  variables: Readonly<Record<string, string>>,
  name: string,
): string | undefined {
  return Object.hasOwn(variables, name) ? variables[name] : undefined;
}

// Shows a view of the environment through Deno's own interfaces. Mirrors
// `bun_environment.ts`. Native libraries and file functions still see what the
// process has: there is one environment and one directory for all threads.

import {
  type EnvironmentLayer,
  EnvironmentView,
  type ProgramOptions,
  showInProcess,
} from "./environment_view.ts";

/** The part of Deno's namespace that this file uses. */
interface DenoNamespace {
  readonly env: {
    get(name: string): string | undefined;
    toObject(): Record<string, string>;
  };
  readonly Command: new (
    command: string | URL,
    options?: DenoCommandOptions,
  ) => object;
}

interface DenoCommandOptions extends ProgramOptions {
  readonly clearEnv?: boolean;
}

/** See the head of the file; for the rest of the thread's life. */
export function layerDenoEnvironment(
  current: () => EnvironmentLayer,
): EnvironmentView {
  const deno = (globalThis as unknown as { Deno: DenoNamespace }).Deno;
  const { env } = deno;
  const get = env.get.bind(env);
  const toObject = env.toObject.bind(env);
  const view = new EnvironmentView({ get, toObject }, current);
  showInProcess(view);
  Object.assign(env, {
    get: (name: string) => view.get(name),
    has: (name: string) => view.get(name) !== undefined,
    set: (name: string, value: string) => view.set(name, value),
    delete: (name: string) => view.delete(name),
    toObject: () => view.toObject(),
  });
  Object.defineProperties(deno, {
    cwd: { value: () => view.directory },
    Command: { value: commandClass(deno, view) },
  });
  return view;
}

/** `env` of a command adds to the environment unless `clearEnv` is set. */
function commandClass({ Command }: DenoNamespace, view: EnvironmentView) {
  return class extends Command {
    constructor(command: string | URL, options: DenoCommandOptions = {}) {
      const { env = {}, clearEnv = false } = options;
      super(command, {
        ...view.forProgram({
          ...options,
          env: clearEnv ? env : { ...view.toObject(), ...env },
        }),
        // What the run has deleted must not come back.
        clearEnv: true,
      });
    }
  };
}

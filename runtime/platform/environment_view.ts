// What user code in a thread sees of its process's environment: layers of
// variables over the real ones, and a current directory. Threads share one
// process, so the real ones are never changed from here.

import process from "node:process";

/** Variables by name. */
export type Variables = Readonly<Record<string, string>>;

/** Where the variables under all layers are read. */
export interface BaseVariables {
  get(name: string): string | undefined;
  toObject(): Variables;
}

/** Variables that hide those under them. */
export class EnvironmentLayer {
  readonly under: EnvironmentLayer | undefined;
  readonly #directory: string | undefined;
  /** `null` for a variable that was deleted. */
  readonly #changes: Map<string, string | null>;

  constructor(
    under?: EnvironmentLayer,
    variables: Variables = {},
    directory?: string,
  ) {
    this.under = under;
    this.#changes = new Map(Object.entries(variables));
    this.#directory = directory;
  }

  /** `null` when it was deleted, `undefined` when no layer knows it. */
  find(name: string): string | null | undefined {
    const own = this.#changes.get(name);
    return own === undefined ? this.under?.find(name) : own;
  }

  set(name: string, value: string): void {
    this.#changes.set(name, value);
  }

  delete(name: string): void {
    this.#changes.set(name, null);
  }

  get directory(): string | undefined {
    return this.#directory ?? this.under?.directory;
  }

  /** Makes the changes of this layer and those under it. */
  applyTo(variables: Record<string, string>): void {
    this.under?.applyTo(variables);
    for (const [name, value] of this.#changes) {
      if (value === null) delete variables[name];
      else variables[name] = value;
    }
  }
}

/** The variables as the code that runs now sees them. */
export class EnvironmentView {
  readonly #base: BaseVariables;
  readonly #current: () => EnvironmentLayer;
  readonly #realDirectory = process.cwd.bind(process);

  constructor(base: BaseVariables, current: () => EnvironmentLayer) {
    this.#base = base;
    this.#current = current;
  }

  get(name: string): string | undefined {
    const found = this.#current().find(name);
    return found === undefined ? this.#base.get(name) : found ?? undefined;
  }

  set(name: string, value: unknown): void {
    this.#current().set(name, String(value));
  }

  delete(name: string): void {
    this.#current().delete(name);
  }

  toObject(): Record<string, string> {
    const variables = { ...this.#base.toObject() };
    this.#current().applyTo(variables);
    return variables;
  }

  /** The run's directory, if it has one of its own. */
  get ownDirectory(): string | undefined {
    return this.#current().directory;
  }

  get directory(): string {
    return this.ownDirectory ?? this.#realDirectory();
  }

  /** Options for a new program, with the variables and the directory. */
  forProgram<Options extends ProgramOptions>(given: Options): Options {
    const directory = given.cwd ?? this.ownDirectory;
    return {
      ...given,
      env: given.env ?? this.toObject(),
      ...(directory === undefined ? {} : { cwd: directory }),
    };
  }
}

/** The options that all ways of starting a program have. */
export interface ProgramOptions {
  readonly cwd?: string | URL | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** Has `process` show the view. */
export function showInProcess(view: EnvironmentView): void {
  Object.defineProperties(process, {
    env: { value: asRecord(view), writable: true, enumerable: true },
    cwd: { value: () => view.directory, writable: true, enumerable: true },
  });
}

/** The view as an object of strings, live in both directions. */
export function asRecord(view: EnvironmentView): Record<string, string> {
  return new Proxy<Record<string, string>>({}, {
    get: (target, name) =>
      (typeof name === "string" ? view.get(name) : undefined) ??
        Reflect.get(target, name),
    set: (_, name, value) => {
      if (typeof name !== "string") return false;
      view.set(name, value);
      return true;
    },
    has: (target, name) =>
      typeof name === "string" && view.get(name) !== undefined ||
      Reflect.has(target, name),
    deleteProperty: (_, name) => {
      if (typeof name === "string") view.delete(name);
      return true;
    },
    defineProperty: (_, name, { value }) => {
      if (typeof name !== "string") return false;
      view.set(name, value);
      return true;
    },
    ownKeys: () => Object.keys(view.toObject()),
    getOwnPropertyDescriptor: (_, name) => {
      const value = typeof name === "string" ? view.get(name) : undefined;
      if (value === undefined) return undefined;
      return { value, writable: true, enumerable: true, configurable: true };
    },
  });
}

// A small project of a user's in a folder of its own, its driver loaded in the
// test's thread, and its remote functions shipped and loaded back. Stands in
// for the API: `remote` here only captures.
import type { Signature } from "../../runtime/code/signature.ts";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { useCodeDirectory } from "../../runtime/code/code_cache.ts";
import { loadCode, offerFromBundle } from "../../runtime/code/load_code.ts";
import { RemoteCode } from "../../runtime/code/remote_code.ts";

// deno-lint-ignore ban-types -- Classes are functions, too, and not callable.
type AnyFunction = Function;

/** What the stand-in for `remote()` gives. */
export interface RemoteFake {
  readonly local: AnyFunction;
  readonly code: RemoteCode;
  remote(): void;
}

/** What a fixture's function gives, which the test knows and no type says. */
export type Answer = ReturnType<typeof JSON.parse>;

/** A function of any kind, as a test calls it. */
export type Shipped = (...args: readonly unknown[]) => Answer;

/** The import that gives fixtures their `remote`. */
export const IMPORT_MANTA =
  `import { get, put, registerSerializer, remote } from "./manta/mod.ts";`;

const FAKE_MODULE = `
const api = globalThis.__manta;
export const { get, put, registerSerializer, remote } = api;
`;

/** A project on disk; disposing removes it. */
export class CodeProject implements Disposable {
  readonly folder: string;
  #files = 0;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "manta-code-test-"));
    useCodeDirectory(join(this.folder, "cache"));
    installFake();
    this.write("manta/mod.ts", FAKE_MODULE);
    this.write("manta/runtime/code/remote_code.ts", "export {};\n");
    this.write("package.json", `{ "type": "module" }`);
  }

  /** Writes a file and gives its path. */
  write(name: string, text: string): string {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  /** Loads a module as a driver does. */
  async load(name: string): Promise<Record<string, RemoteFake>> {
    return await import(pathToFileURL(join(this.folder, name)).href);
  }

  /** Loads a driver with this text, `remote` imported in its first line. */
  driver(text: string): Promise<Record<string, RemoteFake>> {
    const name = `main${this.#files++}.ts`;
    this.write(name, `${IMPORT_MANTA}\n${text}`);
    return this.load(name);
  }

  /** Ships the only function that a driver exports as `f`. */
  async ship(text: string): Promise<Shipped> {
    const { f } = await this.driver(text);
    if (!f) throw new Error("The driver exports no f");
    return await shipped(f);
  }

  [Symbol.dispose](): void {
    useCodeDirectory(undefined);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Bundles a function and loads it as an executor would. */
export async function shipped(remote: RemoteFake): Promise<Shipped> {
  remote.code.analyse();
  const { reference, bundle } = await remote.code.bundle();
  return await loadCode(reference, bundle.path) as Shipped;
}

/** The text of the function's bundle, without its source map. */
export async function bundleText(remote: RemoteFake): Promise<string> {
  const { bundle } = await remote.code.bundle();
  return bundle.text.replace(/\/\/# sourceMappingURL=.*\n$/, "");
}

function installFake(): void {
  const api = {
    remote: (...args: AnyFunction[]): RemoteFake => fake(args, capture),
    get: () => "get",
    put: () => Promise.resolve("put"),
    registerSerializer: (Class: { registered?: boolean }) => {
      Class.registered = true;
    },
  };
  const forBundle = (url: string) => ({
    ...api,
    site: (id: string, give: () => unknown) => offerFromBundle(url, id, give),
    siteRemote: (
      id: string,
      signature: Signature,
      captures?: { name: string; line: number }[],
    ) =>
    (...args: AnyFunction[]) =>
      fake(
        args,
        (fn) => RemoteCode.atSite(url, id, fn, signature, captures),
      ),
  });
  Reflect.set(globalThis, "__manta", { ...api, forBundle });
}

function capture(fn: AnyFunction): RemoteCode {
  return RemoteCode.capture(fn);
}

function fake(
  args: readonly AnyFunction[],
  codeOf: (fn: AnyFunction) => RemoteCode,
): RemoteFake {
  const local = args.at(-1)!;
  const code = codeOf(local);
  return { local, code, remote: () => code.analyse() };
}

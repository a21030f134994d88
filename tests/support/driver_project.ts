// A project of a user's in a folder of its own, and drivers that run in it as
// child processes: with a clean home, bounded in time, and stopped by the
// process id that is kept here. For system tests.

import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { ROOT } from "./launchers.ts";

/** How a user may start a driver. */
export type Runtime = "deno" | "bun" | "manta";

/** What a driver left. */
export interface DriverOutcome {
  /** The exit code, or the name of the signal that ended it. */
  readonly exit: number | string;
  readonly stdout: string;
  readonly stderr: string;
  /** From the last output to the end of the process. */
  readonly lingeredMs: number;
}

/** How to start a driver, where it is not the usual way. */
export interface DriverOptions {
  readonly folder?: string;
  readonly args?: readonly string[];
  /** What it reads on standard input. */
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** Long enough for a busy machine; a driver that hangs is killed then. */
const TIMEOUT_MS = 60_000;

const COMMANDS: Record<Runtime, readonly [string, ...string[]]> = {
  deno: [join(ROOT, ".tools", "bin", "deno"), "run", "-A"],
  bun: [join(ROOT, ".tools", "bin", "bun"), "run"],
  manta: [join(ROOT, "dist", "manta"), "run"],
};

/** The runtimes, to run each test on all of them. */
export const RUNTIMES: readonly Runtime[] = ["deno", "bun", "manta"];

/** See the head of the file. Dispose of it in the end. */
export class DriverProject {
  readonly folder: string;
  readonly #root: string;
  readonly #children = new Set<ChildProcess>();

  /** `folderName` is the project's; `withPackage` gives it `manta`. */
  constructor({ folderName = "project", withPackage = true } = {}) {
    this.#root = mkdtempSync(join(tmpdir(), "manta-driver-"));
    this.folder = join(this.#root, folderName);
    for (const name of ["home", "tmp"]) mkdirSync(join(this.#root, name));
    this.write("package.json", '{ "type": "module" }\n');
    if (!withPackage) return;
    mkdirSync(join(this.folder, "node_modules"));
    symlinkSync(ROOT, join(this.folder, "node_modules", "manta"));
  }

  /** Writes a file of the project; gives its path. */
  write(name: string, ...lines: string[]): string {
    const path = join(this.folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, lines.join("\n") + "\n");
    return path;
  }

  /** Runs a driver to its end. */
  run(
    runtime: Runtime,
    file: string,
    options: DriverOptions = {},
  ): Promise<DriverOutcome> {
    return this.start(runtime, file, options).ended;
  }

  start(
    runtime: Runtime,
    file: string,
    { args = [], ...options }: DriverOptions = {},
  ): RunningDriver {
    return this.startCommand([...COMMANDS[runtime], file, ...args], options);
  }

  /** Starts any command as a driver of the project. */
  startCommand(
    [command, ...args]: readonly string[],
    { folder = this.folder, input, env = {} }: DriverOptions = {},
  ): RunningDriver {
    const child = spawn(command!, args, {
      cwd: folder,
      env: {
        PATH: `${join(ROOT, ".tools", "bin")}:${process.env["PATH"]}`,
        HOME: join(this.#root, "home"),
        TMPDIR: join(this.#root, "tmp"),
        // What Deno compiled is no part of a user's home that matters here.
        DENO_DIR: process.env["DENO_DIR"] ?? join(homedir(), ".cache", "deno"),
        NO_COLOR: "1",
        ...env,
      },
      stdio: ["pipe", "pipe", "pipe"],
      timeout: TIMEOUT_MS,
      killSignal: "SIGKILL",
    });
    child.stdin.end(input);
    this.#children.add(child);
    child.on("close", () => this.#children.delete(child));
    return new RunningDriver(child);
  }

  /** The directories of sessions and of spilled objects that are there. */
  sessions(): string[] {
    const parent = join(this.#root, "tmp");
    return readdirSync(parent)
      .filter((name) => name.startsWith("manta-"))
      .flatMap((name) =>
        readdirSync(join(parent, name)).map((it) => join(parent, name, it))
      );
  }

  /** The folder with the logs of the one session that runs. */
  logs(): string {
    const found = this.sessions().map((it) => join(it, "logs"))
      .filter((it) => existsSync(it));
    if (found.length === 1) return found[0]!;
    throw new Error(`Not one session has logs, but ${found.length}`);
  }

  /** Kills what still runs and removes all files. */
  [Symbol.dispose](): void {
    for (const child of this.#children) child.kill("SIGKILL");
    if (existsSync(this.#root)) {
      rmSync(this.#root, { recursive: true, force: true });
    }
  }
}

/** A driver that runs. */
export class RunningDriver {
  readonly ended: Promise<DriverOutcome>;
  readonly #child: ChildProcess;
  readonly #watchers = new Set<() => void>();
  #stdout = "";
  #stderr = "";

  constructor(child: ChildProcess) {
    this.#child = child;
    const { promise, resolve, reject } = Promise.withResolvers<DriverOutcome>();
    this.ended = promise;
    let lastOutputMs = performance.now();
    const heard = () => {
      lastOutputMs = performance.now();
      for (const watcher of this.#watchers) watcher();
    };
    child.stdout!.setEncoding("utf8").on("data", (text) => {
      this.#stdout += text;
      heard();
    });
    child.stderr!.setEncoding("utf8").on("data", (text) => {
      this.#stderr += text;
      heard();
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      resolve({
        exit: code ?? signal ?? "unknown",
        stdout: this.#stdout,
        stderr: this.#stderr,
        lingeredMs: performance.now() - lastOutputMs,
      });
    });
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** Sends a signal to the driver's process. */
  signal(
    name: "SIGINT" | "SIGTERM" | "SIGKILL" | "SIGSTOP" | "SIGCONT",
  ): void {
    process.kill(this.pid, name);
  }

  /** Waits until the driver has printed the text; rejects if it ends first. */
  async printed(text: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const watcher = () => {
      if ((this.#stdout + this.#stderr).includes(text)) resolve();
    };
    this.#watchers.add(watcher);
    watcher();
    await Promise.race([
      promise,
      this.ended.then(({ exit, stderr }) => {
        watcher();
        throw new Error(`It ended (${exit}) without "${text}": ${stderr}`);
      }),
    ]);
    this.#watchers.delete(watcher);
  }
}

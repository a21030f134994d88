// A user with the binary, a clean home and nodes of their own, for system tests.
// All nodes that were started end with it, whatever became of the test.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import {
  type DriverOptions,
  type DriverOutcome,
  DriverProject,
  type RunningDriver,
} from "./driver_project.ts";
import { ROOT } from "./launchers.ts";

const BINARY = join(ROOT, "dist", "manta");
/** The same commands from source: their nodes have another web server. */
const DENO = [
  ...[join(ROOT, ".tools", "bin", "deno"), "run", "-A", "--no-check"],
  ...["--config", join(ROOT, "deno.json"), join(ROOT, "cli", "main.ts")],
];
const STOP_MS_MAX = 20_000;

/** What `manta start` has told. */
export interface StartedNode {
  readonly address: string;
  readonly port: number;
  readonly token: string;
  readonly pid: number;
  readonly logPath: string;
}

/** See the head of the file. Dispose of it in the end. */
export class NodeProject {
  readonly drivers: DriverProject = new DriverProject({ withPackage: false });
  readonly home: string;
  readonly temporary: string;
  readonly #program: readonly string[];

  constructor(program: "manta" | "deno" = "manta") {
    this.#program = program === "manta" ? [BINARY] : DENO;
    if (!existsSync(BINARY)) {
      throw new Error("dist/manta is not there: run scripts/build first");
    }
    const root = dirname(this.drivers.folder);
    this.home = join(root, "home");
    this.temporary = join(root, "tmp");
  }

  /** Starts `manta` with these words. */
  begin(
    words: readonly string[],
    options: DriverOptions = {},
  ): RunningDriver {
    return this.drivers.startCommand([...this.#program, ...words], options);
  }

  /** Runs `manta` with these words to its end. */
  manta(
    words: readonly string[],
    options: DriverOptions = {},
  ): Promise<DriverOutcome> {
    return this.begin(words, options).ended;
  }

  /** Starts a head on a free port; throws when it does not start. */
  async startNode(
    words: readonly string[] = [],
    options: DriverOptions = {},
  ): Promise<StartedNode> {
    const outcome = await this.manta(
      ["start", "--head", "--port", "0", "--num-cpus", "2", ...words],
      options,
    );
    const { exit, stdout, stderr } = outcome;
    if (exit !== 0) throw new Error(`No head (${exit}): ${stderr}`);
    const find = (pattern: RegExp) => pattern.exec(stdout)?.[1] ?? "";
    const address = find(/MANTA_ADDRESS=(\S+)/);
    return {
      address,
      port: Number(/\d+$/.exec(address)?.[0]),
      token: find(/MANTA_TOKEN=(\S+)/),
      pid: Number(find(/process (\d+)/)),
      logPath: find(/prints to (\S+)/),
    };
  }

  /** All that lies in the user's temporary folders, by name. */
  leftFiles(): string[] {
    return readdirSync(this.temporary)
      .flatMap((name) => readdirSync(join(this.temporary, name)));
  }

  /** Ends what still runs and removes all files. */
  [Symbol.dispose](): void {
    spawnSync(BINARY, ["stop", "--force"], {
      env: {
        PATH: process.env["PATH"],
        HOME: this.home,
        TMPDIR: this.temporary,
      },
      timeout: STOP_MS_MAX,
      stdio: "ignore",
    });
    this.drivers[Symbol.dispose]();
  }
}

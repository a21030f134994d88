// A real Redis server for tests, on a free port of loopback, if this machine
// has its program; gone at the end whatever became of the test.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { freePort } from "./free_port.ts";

const PROGRAM = "redis-server";
const START_MS_MAX = 20_000;

/** Whether the machine has the program; where not, such tests are skipped. */
export const HAS_REDIS = spawnSync(PROGRAM, ["--version"]).status === 0;

/** See the head of the file. */
export class RedisProcess {
  readonly port: number;
  readonly password = "a-password-of-tests";
  readonly #folder = mkdtempSync(join(tmpdir(), "manta-redis-"));
  #child: ChildProcess | undefined;

  static async start(): Promise<RedisProcess> {
    const server = new RedisProcess(await freePort());
    await server.begin();
    return server;
  }

  private constructor(port: number) {
    this.port = port;
  }

  /** The address of a state there. */
  url(end = ""): string {
    return `redis://:${this.password}@127.0.0.1:${this.port}${end}`;
  }

  /** Starts it; what it had before is gone. */
  async begin(): Promise<void> {
    const child = spawn(PROGRAM, [
      ...["--port", String(this.port), "--bind", "127.0.0.1"],
      ...["--requirepass", this.password, "--dir", this.#folder],
      ...["--save", "", "--appendonly", "no"],
    ]);
    this.#child = child;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let printed = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      if (printed.includes("Ready to accept connections")) resolve();
    });
    const fail = () => reject(new Error(`No Redis server:\n${printed}`));
    child.on("exit", fail);
    const timer = setTimeout(fail, START_MS_MAX);
    await promise.finally(() => clearTimeout(timer));
  }

  signal(name: "SIGSTOP" | "SIGCONT"): void {
    // By its id: what Deno calls `kill` is for it the end of the child.
    const pid = this.#child?.pid;
    if (pid !== undefined) process.kill(pid, name);
  }

  /** Kills it, with all that it has. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    process.kill(child.pid!, "SIGKILL");
    await gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

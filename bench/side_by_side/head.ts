// The node that the calls of Manta go to: a process of its own, started from the
// binary and stopped by the handle that is kept here.

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import process from "node:process";

const START_MS = 15_000;

/** A running head. Dispose of it in the end. */
export class Head implements AsyncDisposable {
  /** What a driver needs to join, as its environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, address: string, token: string) {
    this.#child = child;
    this.environment = { MANTA_ADDRESS: address, MANTA_TOKEN: token };
  }

  static async start(
    binary: string,
    home: string,
    cpus: number,
  ): Promise<Head> {
    const token = randomBytes(16).toString("hex");
    const args = [
      ...["start", "--head", "--block", "--port", "0"],
      ...["--num-cpus", String(cpus)],
    ];
    const child = spawn(binary, args, {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, HOME: home, MANTA_TOKEN: token },
    });
    const address = await new Promise<string>((resolve, reject) => {
      const fail = () => reject(new Error("The head does not start"));
      const timer = setTimeout(fail, START_MS);
      let printed = "";
      child.once("close", fail);
      child.stdout.on("data", (text) => {
        printed += String(text);
        const found = /listens on (\S+)/.exec(printed)?.[1];
        if (found === undefined) return;
        clearTimeout(timer);
        resolve(found);
      });
    });
    return new Head(child, address, token);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    await closed;
    clearTimeout(timer);
  }
}

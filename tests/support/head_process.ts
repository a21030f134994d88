// Starts a head as a child process, of the runtime that runs the test, and
// stops it by the handle that is kept here.

import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";

/** What the heads of tests ask for. */
export const HEAD_TOKEN = "a-token-of-tests";

/** See the head of the file. Dispose of it in the end. */
export class HeadProcess implements AsyncDisposable {
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;

  private constructor(child: ChildProcess, address: string) {
    this.#child = child;
    this.address = address;
    this.#closed = new Promise((resolve) => child.once("close", resolve));
  }

  static async start(
    { numCpus = 2, storeBytes = 0 } = {},
  ): Promise<HeadProcess> {
    const script = new URL("./head_child.ts", import.meta.url).pathname;
    const runtime = "Deno" in globalThis ? ["run", "-A", "--no-check"] : [];
    const child = spawn(
      process.execPath,
      [...runtime, script, HEAD_TOKEN, String(numCpus), String(storeBytes)],
      { stdio: ["pipe", "pipe", "inherit"] },
    );
    let printed = "";
    const address = await new Promise<string>((resolve, reject) => {
      child.once("close", () => reject(new Error("The head has ended")));
      child.stdout.setEncoding("utf8").on("data", (text) => {
        printed += text;
        if (printed.includes("\n")) resolve(printed.trim());
      });
    });
    return new HeadProcess(child, address);
  }

  get port(): number {
    return Number(this.address.split(":").at(-1));
  }

  get pid(): number {
    return this.#child.pid!;
  }

  /** What a driver needs to join, as its environment. */
  get env(): Record<string, string> {
    return { MANTA_ADDRESS: this.address, MANTA_TOKEN: HEAD_TOKEN };
  }

  /** Without a goodbye. */
  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin!.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5_000);
    await this.#closed;
    clearTimeout(timer);
  }
}

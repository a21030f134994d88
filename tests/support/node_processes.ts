// A cluster of several node processes on this machine, for tests that kill and
// suspend them: each is `manta start --block` on a clean home, is known by the
// handle that is kept here, and is gone at the end whatever became of the test.

import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ROOT } from "./launchers.ts";
import { childOf, type NetworkHosts } from "./network_hosts.ts";

/** What runs the nodes. */
export type NodeRuntime = "deno" | "bun" | "manta";

const MAIN = join(ROOT, "cli", "main.ts");
const TOOLS = join(ROOT, ".tools", "bin");

const PROGRAMS: Readonly<Record<NodeRuntime, readonly string[]>> = {
  deno: [
    ...[join(TOOLS, "deno"), "run", "-A", "--no-check"],
    ...["--config", join(ROOT, "deno.json"), MAIN],
  ],
  bun: [join(TOOLS, "bun"), "run", MAIN],
  manta: [join(ROOT, "dist", "manta")],
};

/** The token of such clusters. */
export const CLUSTER_TOKEN = "a-token-of-tests";

/** Long enough for a slow machine; a node that hangs is killed then. */
const NODE_MS_MAX = 180_000;
const START_MS_MAX = 60_000;
const END_MS_MAX = 5_000;

/** How to start a node. */
export interface NodeWords {
  /** Options of `manta start`, beside those that say what it joins. */
  readonly words?: readonly string[];
  readonly runtime?: NodeRuntime;
  /** On which of the cluster's hosts; without hosts, on this machine. */
  readonly host?: number;
  /** Beside what all nodes of the cluster get. */
  readonly env?: Readonly<Record<string, string>>;
}

/** One node that runs. */
export class NodeProcess {
  readonly #child: ChildProcess;
  /** Whether the child only waits for the node, which is on another host. */
  readonly #isWaiter: boolean;
  readonly #closed: Promise<number | string>;
  #isOver = false;
  #printed = "";
  readonly #watchers = new Set<() => void>();

  constructor(child: ChildProcess, isWaiter = false) {
    this.#child = child;
    this.#isWaiter = isWaiter;
    const hear = (text: string) => {
      this.#printed += text;
      for (const watcher of this.#watchers) watcher();
    };
    child.stdout!.setEncoding("utf8").on("data", hear);
    child.stderr!.setEncoding("utf8").on("data", hear);
    this.#closed = new Promise((resolve, reject) => {
      child.on("error", reject);
      // What it was is not to be signaled: the number may be another's then.
      child.on("exit", () => this.#isOver = true);
      child.on("close", (code, signal) => resolve(code ?? signal ?? "unknown"));
    });
    this.#closed.catch(() => {});
  }

  get pid(): number {
    const { pid } = this.#child;
    return this.#isWaiter ? childOf(pid!) : pid!;
  }

  /** Of its present life: it may have joined again. */
  get nodeId(): string {
    return this.#banners().at(-1)?.[1] ?? "";
  }

  get address(): string {
    return this.#banners().at(-1)?.[2] ?? "";
  }

  /** How often it has joined. */
  get lives(): number {
    return this.#banners().length;
  }

  /** All that it has printed, on both of its outputs. */
  get printed(): string {
    return this.#printed;
  }

  /** Its exit code, or the signal that ended it. */
  get ended(): Promise<number | string> {
    return this.#closed;
  }

  #banners(): RegExpExecArray[] {
    return [...this.#printed.matchAll(/: node (n-\w+) listens on (\S+)/g)];
  }

  /** Resolves when it has printed the text so often. */
  async says(text: string, times = 1): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const look = () => {
      if (this.#printed.split(text).length > times) resolve();
    };
    const why = (what: string) => () =>
      reject(new Error(`${what} without "${text}":\n${this.#printed}`));
    const timer = setTimeout(why("It is late"), START_MS_MAX);
    void this.#closed.then(why("It has ended"), reject);
    this.#watchers.add(look);
    look();
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#watchers.delete(look);
    }
  }

  /** Without a goodbye. */
  async kill(): Promise<void> {
    this.#signal("SIGKILL");
    await this.#closed;
  }

  /** It does nothing any more until {@linkcode resume}. */
  suspend(): void {
    this.#signal("SIGSTOP");
  }

  resume(): void {
    this.#signal("SIGCONT");
    // It stops with what it waits for.
    if (this.#isWaiter && !this.#isOver) this.#child.kill("SIGCONT");
  }

  /** As `manta stop` does; a second time for who does not want to wait. */
  stop(): void {
    this.#signal("SIGTERM");
  }

  /** By its id: what a runtime calls `kill` is for it the end of the child. */
  #signal(name: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"): void {
    const pid = this.#isOver ? 0 : this.pid;
    if (pid > 0) process.kill(pid, name);
  }
}

/** See the head of the file. Dispose of it in the end. */
export class ProcessCluster implements AsyncDisposable {
  readonly folder: string;
  readonly #runtime: NodeRuntime;
  readonly #hosts: NetworkHosts | undefined;
  readonly #nodeMsMax: number;
  readonly #nodes: NodeProcess[] = [];

  constructor(
    runtime: NodeRuntime = "manta",
    hosts?: NetworkHosts,
    nodeMsMax = NODE_MS_MAX,
  ) {
    this.#runtime = runtime;
    this.#nodeMsMax = nodeMsMax;
    this.#hosts = hosts;
    this.folder = mkdtempSync(join(tmpdir(), "manta-cluster-"));
    for (const name of ["home", "tmp"]) mkdirSync(join(this.folder, name));
  }

  /** A head of so many CPUs, and workers each of so many. */
  static async start(
    { head = 1, workers = [1], runtime = "manta" as NodeRuntime } = {},
  ): Promise<ProcessCluster> {
    const cluster = new ProcessCluster(runtime);
    try {
      await cluster.startHead({ words: ["--num-cpus", String(head)] });
      await Promise.all(
        workers.map((cpus) =>
          cluster.addWorker({ words: ["--num-cpus", String(cpus)] })
        ),
      );
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  get head(): NodeProcess {
    return this.#nodes[0]!;
  }

  get workers(): readonly NodeProcess[] {
    return this.#nodes.slice(1);
  }

  get address(): string {
    return this.head.address;
  }

  /** What a driver needs to join, as its environment. */
  get env(): Record<string, string> {
    return { MANTA_ADDRESS: this.address, MANTA_TOKEN: CLUSTER_TOKEN };
  }

  /** Without a port, on any free one. */
  async startHead(
    { words = [], port = 0, ...how }: NodeWords & { readonly port?: number } =
      {},
  ): Promise<NodeProcess> {
    const head = this.begin(["--head", "--port", `${port}`, ...words], how);
    this.#nodes.unshift(head);
    await head.says("listens on");
    return head;
  }

  /** Another head in place of one that is gone, at the same address. */
  async replaceHead(how: NodeWords = {}): Promise<NodeProcess> {
    const port = /\d+$/.exec(this.address)![0];
    const words = ["--head", "--port", port, ...(how.words ?? [])];
    const head = this.begin(words, how);
    this.#nodes[0] = head;
    await head.says("listens on");
    return head;
  }

  async addWorker(
    { words = [], ...how }: NodeWords = {},
  ): Promise<NodeProcess> {
    const join = ["--address", this.address, ...words];
    const worker = this.begin(join, how);
    this.#nodes.push(worker);
    await worker.says("and has joined").catch((error) => {
      // Why it could not is what the head knows.
      throw new Error(`${error.message}\nThe head:\n${this.head.printed}`);
    });
    return worker;
  }

  /** Begins a node with all of its words; does not wait for it. */
  begin(
    words: readonly string[],
    { runtime = this.#runtime, host, env }: Omit<NodeWords, "words"> = {},
  ): NodeProcess {
    const program = [...PROGRAMS[runtime], "start", "--block", ...words];
    return this.run(program, { host, env });
  }

  /** Runs any program as a user of the cluster would, on a host of it. */
  run(
    program: readonly string[],
    { host, env = {} }: {
      readonly host?: number | undefined;
      readonly env?: Readonly<Record<string, string>> | undefined;
    } = {},
  ): NodeProcess {
    const isElsewhere = host !== undefined;
    const [command, ...rest] = isElsewhere
      ? this.#hosts!.on(host, program)
      : program;
    const child = spawn(command!, rest, {
      env: {
        PATH: `${TOOLS}:${process.env["PATH"]}`,
        HOME: this.#folder("home", host),
        TMPDIR: this.#folder("tmp", host),
        // What Deno compiled is no part of a user's home that matters here.
        DENO_DIR: process.env["DENO_DIR"] ?? join(homedir(), ".cache", "deno"),
        MANTA_TOKEN: CLUSTER_TOKEN,
        NO_COLOR: "1",
        ...env,
      },
      stdio: ["ignore", "pipe", "pipe"],
      timeout: this.#nodeMsMax,
      killSignal: "SIGKILL",
    });
    const node = new NodeProcess(child, isElsewhere);
    this.#begun.push(node);
    return node;
  }

  /** One host shows itself with the other's certificate from now on. */
  takeCertificate(from: number, to: number): void {
    const path = join(".config", "manta");
    cpSync(
      join(this.#folder("home", from), path),
      join(this.#folder("home", to), path),
      { recursive: true },
    );
  }

  /** Each host has its own. */
  #folder(name: string, host: number | undefined): string {
    const folder = join(this.folder, name, host === undefined ? "" : `${host}`);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  readonly #begun: NodeProcess[] = [];

  /** Ends all that still runs and removes all files. */
  async [Symbol.asyncDispose](): Promise<void> {
    // Workers first, and nobody waits for tasks.
    for (const node of this.#begun.toReversed()) {
      node.resume();
      node.stop();
      node.stop();
    }
    await Promise.all(this.#begun.map(async (node) => {
      const timer = setTimeout(() => void node.kill(), END_MS_MAX);
      await node.ended;
      clearTimeout(timer);
    }));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

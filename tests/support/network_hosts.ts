// Hosts with addresses of their own on one wire, within this machine: each is
// a namespace of networks and of processes, so that nodes in them share neither
// loopback nor process numbers, and a host's wire can be cut, or lose and delay
// what it carries. Nothing outside of them is touched or reached. Linux, where
// users may make namespaces.

import {
  type ChildProcess,
  execFileSync,
  spawn,
  spawnSync,
} from "node:child_process";
import { readFileSync } from "node:fs";

/** What is forgotten by a test that was killed ends by itself. */
const HOSTS_S_MAX = 600;

/** Whether packets can be dropped here one by one; see `lose` and `part`. */
export const CAN_DROP = spawnSync("nft", ["--version"]).status === 0;

const IN_WIRE = ["-U", "-n", "--preserve-credentials", "--"];

/** See the head of the file. Dispose of them in the end. */
export class NetworkHosts implements Disposable {
  readonly #wire: ChildProcess;
  readonly #hosts: ChildProcess[] = [];

  private constructor(wire: ChildProcess) {
    this.#wire = wire;
  }

  /** Why this machine cannot have such hosts, if it cannot. */
  static async whyNot(): Promise<string | undefined> {
    try {
      using _hosts = await NetworkHosts.open(1);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  static async open(count: number): Promise<NetworkHosts> {
    const made = "ip link set lo up && ip link add wire type bridge && " +
      "ip link set wire up";
    const words = ["unshare", "-U", "-r", "-n", "--kill-child"];
    const hosts = new NetworkHosts(await begun(words, made));
    try {
      for (let host = 0; host < count; host++) await hosts.#add(host);
      return hosts;
    } catch (error) {
      hosts[Symbol.dispose]();
      throw error;
    }
  }

  address(host: number): string {
    return `10.77.0.${host + 1}`;
  }

  /** The words that run a command on a host. */
  on(host: number, command: readonly string[]): string[] {
    const pid = String(childOf(this.#hosts[host]!.pid!));
    return ["nsenter", "-t", pid, "-p", "-m", ...IN_WIRE, ...command];
  }

  /** Nothing gets to the host or from it until {@linkcode mend}. */
  cut(host: number): void {
    this.#ip("link", "set", portOf(host), "down");
  }

  mend(host: number): void {
    this.#ip("link", "set", portOf(host), "up");
  }

  /**
   * What is sent to the host waits in a queue, at most for so long; what finds
   * no room there is lost, as before a narrow line.
   */
  narrow(host: number, megabitsPerS: number, waitMs: number): void {
    const rate = ["rate", `${megabitsPerS}mbit`, "latency", `${waitMs}ms`];
    const queue = ["tbf", ...rate, "burst", "64kb"];
    const port = ["dev", portOf(host), "root"];
    run([...this.#inWire(), "tc", "qdisc", "replace", ...port, ...queue]);
  }

  /** Of a hundred packets to the host so many are lost, whichever. */
  lose(host: number, percent: number): void {
    this.#drop(host, `numgen random mod 100 < ${percent}`);
  }

  /** Nothing gets from the one host to the other, nor back. */
  part(one: number, other: number): void {
    this.#drop(one, `ip saddr ${this.address(other)}`);
    this.#drop(other, `ip saddr ${this.address(one)}`);
  }

  /** Undoes `lose` and `part`; gives how many packets the host has missed. */
  heal(host: number): number {
    const nft = [...this.#inHost(host), "nft"];
    const rules = run([...nft, "list", "ruleset"]);
    run([...nft, "flush", "ruleset"]);
    return [...rules.matchAll(/packets (\d+)/g)]
      .reduce((sum, [, count]) => sum + Number(count), 0);
  }

  /** What comes to the host and is so is dropped. */
  #drop(host: number, condition: string): void {
    const nft = [...this.#inHost(host), "nft"];
    run([...nft, "add table inet faults"]);
    const hook = "{ type filter hook input priority 0; }";
    run([...nft, `add chain inet faults drops ${hook}`]);
    run([...nft, `add rule inet faults drops ${condition} counter drop`]);
  }

  /** The address of one host, which is cut off, is the other's from now on. */
  moveAddress(from: number, to: number): void {
    const address = ["addr", "add", `${this.address(from)}/24`, "dev", "eth0"];
    this.cut(from);
    run([...this.#inHost(to), "ip", ...address]);
    for (const host of this.#hosts.keys()) {
      run([...this.#inHost(host), "ip", "neigh", "flush", "dev", "eth0"]);
    }
  }

  /** Whatever runs on the hosts ends with them. */
  [Symbol.dispose](): void {
    for (const child of [...this.#hosts, this.#wire]) child.kill("SIGKILL");
  }

  async #add(host: number): Promise<void> {
    const words = ["unshare", "-n", "-p", "-f", "--kill-child", "--mount-proc"];
    const child = await begun([...this.#inWire(), ...words], "true");
    this.#hosts.push(child);
    const pid = String(childOf(child.pid!));
    const port = portOf(host);
    const pair = ["type", "veth", "peer", "name", "eth0", "netns", pid];
    this.#ip("link", "add", port, ...pair);
    this.#ip("link", "set", port, "master", "wire", "up");
    const ip = [...this.#inHost(host), "ip"];
    run([...ip, "link", "set", "lo", "up"]);
    run([...ip, "addr", "add", `${this.address(host)}/24`, "dev", "eth0"]);
    run([...ip, "link", "set", "eth0", "up"]);
  }

  #inHost(host: number): string[] {
    const pid = String(childOf(this.#hosts[host]!.pid!));
    return ["nsenter", "-t", pid, ...IN_WIRE];
  }

  #inWire(): string[] {
    return ["nsenter", "-t", String(this.#wire.pid), ...IN_WIRE];
  }

  #ip(...words: string[]): void {
    run([...this.#inWire(), "ip", ...words]);
  }
}

/** The only child of a process that waits for it; 0 when it is gone. */
export function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8"));
}

function portOf(host: number): string {
  return `port${host}`;
}

/** Runs a step in new namespaces, which stay; resolves once that is done. */
function begun(words: readonly string[], step: string): Promise<ChildProcess> {
  const script = `${step} && echo ready && exec sleep ${HOSTS_S_MAX}`;
  const [command, ...rest] = [...words, "sh", "-c", script];
  const child = spawn(command!, rest, { stdio: ["ignore", "pipe", "pipe"] });
  const { promise, resolve, reject } = Promise.withResolvers<ChildProcess>();
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text) => said += text);
  child.stdout.once("data", () => resolve(child));
  child.on("error", reject);
  child.on("close", () => reject(new Error(`No namespaces here: ${said}`)));
  return promise;
}

function run([command, ...words]: readonly string[]): string {
  return execFileSync(command!, words, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
}

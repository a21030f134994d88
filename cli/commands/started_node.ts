// A node that has started, as its user is told: where it is, what it asks for,
// and what could not be done as it should be. Tells the user's other processes.

import { networkInterfaces, tmpdir } from "node:os";
import process from "node:process";

import { VERSION } from "../../runtime/base/version.ts";
import {
  type RecordedHead,
  recordNode,
  runningNodes,
} from "../../runtime/cluster_files.ts";
import { addressText } from "../../runtime/protocol/address.ts";
import { isLoopback } from "../../runtime/protocol/handshake.ts";

/** See the head of the file. */
export interface StartedNode {
  /** Where drivers of this machine reach it. */
  readonly address: string;
  /** Where those of other machines do, if they can. */
  readonly publicAddress?: string;
  readonly token: string;
  readonly nodeId: string;
  readonly pid: number;
  /** Other machines reach it in plain text, as its user wants it. */
  readonly isInsecure: boolean;
  readonly logPath?: string;
  /** Of a worker: whom it has joined. */
  readonly head?: RecordedHead;
  /** What could not be done as it should be. */
  readonly warnings: readonly string[];
}

/** What a node is, before its user is told. */
export interface NodeDescription
  extends Pick<StartedNode, "token" | "nodeId" | "isInsecure" | "warnings"> {
  /** Where it listens. */
  readonly hostname: string;
  readonly port: number;
  /** See {@linkcode namesFor}. */
  readonly names: readonly string[];
  readonly logPath?: string | undefined;
  readonly head?: RecordedHead;
}

/** Puts together what its user is told. */
export function describeNode(node: NodeDescription): StartedNode {
  const { hostname, port, names, logPath, head } = node;
  const { token, nodeId, isInsecure, warnings } = node;
  const near = isEverywhere(hostname) ? "127.0.0.1" : hostname;
  const far = names[0] ?? (isEverywhere(hostname) ? undefined : hostname);
  return {
    address: addressText(near, port),
    ...(far === undefined || isLoopback(far)
      ? {}
      : { publicAddress: addressText(far, port) }),
    ...{ token, nodeId, pid: process.pid, isInsecure, warnings },
    ...(logPath === undefined ? {} : { logPath }),
    ...(head === undefined ? {} : { head }),
  };
}

/** The first one is told to other nodes, which cannot go everywhere. */
export function namesFor(
  hostname: string,
  names: readonly string[],
): readonly string[] {
  const own = networkAddress();
  const isUnnamed = names.length === 0 && isEverywhere(hostname);
  return isUnnamed && own !== undefined ? [own] : names;
}

/** Whether it stands for all addresses of the machine. */
function isEverywhere(hostname: string): boolean {
  return hostname === "0.0.0.0" || hostname === "::";
}

/** The first address that other machines may reach this one by. */
function networkAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((it) => it ?? []);
  const usable = all.filter(({ internal, scopeid }) => !internal && !scopeid);
  const first = usable.find(({ family }) => family === "IPv4") ?? usable[0];
  return first?.address;
}

/** Tells the user's other processes; gives what takes that back. */
export function announceNode(
  { address, token, nodeId, logPath, head }: StartedNode,
  warnings: string[],
): () => void {
  const forget = recordNode({
    ...{ address, token, nodeId },
    ...(logPath === undefined ? {} : { logPath }),
    ...(head === undefined ? {} : { head }),
  });
  if (!runningNodes().some(({ pid }) => pid === process.pid)) {
    warnings.push(
      `Other commands cannot find this node: the folder for that in ${tmpdir()} ` +
        "is another user's. Set TMPDIR, or give them its address and token",
    );
  }
  return forget;
}

/** What a node prints first, wherever that goes. */
export function banner(
  { nodeId, address, publicAddress, head }: StartedNode,
): string {
  const joined = head === undefined ? "" : ` and has joined ${head.address}`;
  return `Manta ${VERSION}: node ${nodeId} listens on ${
    publicAddress ?? address
  }${joined}`;
}

// The records of the nodes that run on this machine for this user, so that
// drivers and commands find them: one private file per process, in the user's
// folder beside those of sessions. A record of a process that is gone, or whose
// number another one has now, is removed by whoever sees it.

import { readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConnectionError } from "./base/errors.ts";
import { readPrivateFile, writePrivateFile } from "./platform/private_file.ts";
import {
  findUserFolder,
  openUserFolder,
  ownedName,
  ownerOf,
} from "./platform/process_folder.ts";
import { isAlive } from "./platform/process_life.ts";
import { splitToken } from "./protocol/token.ts";
import { readTokenFile } from "./token_file.ts";

/** The head of a worker's cluster. */
export interface RecordedHead {
  readonly nodeId: string;
  /** Where the worker reaches it: `host:port`. */
  readonly address: string;
  /** What it asks for, with the fingerprint of its certificate. */
  readonly token: string;
}

/** What a node tells the user's other processes. */
export interface RecordedNode {
  /** Where drivers of this machine reach it: `host:port`. */
  readonly address: string;
  /** What it asks for, with the fingerprint of its certificate. */
  readonly token: string;
  readonly nodeId: string;
  /** What it prints, if it is a daemon. */
  readonly logPath?: string;
  /** Of a worker; a head has none. */
  readonly head?: RecordedHead;
}

/** A node that runs. */
export interface RunningNode extends RecordedNode {
  readonly pid: number;
  /** When the process was started, in ticks of the system's clock. */
  readonly start: string;
}

const KIND = "node";
const USER_FOLDER = "manta";

/** The user's folder for what lasts as long as the machine runs. */
export function openClusterFolder(): string {
  const parent = tmpdir();
  try {
    return openUserFolder(parent, USER_FOLDER);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new ConnectionError(
      `Cannot keep files in ${parent}: ${why}. Set TMPDIR to a folder that ` +
        "can be written to",
      { cause, details: { reason: "no_temporary_folder" } },
    );
  }
}

/** Writes the record of this process's node; gives what removes it. */
export function recordNode(facts: RecordedNode): () => void {
  const path = join(openClusterFolder(), `${ownedName(KIND)}.json`);
  writePrivateFile(path, JSON.stringify(facts) + "\n");
  return () => rmSync(path, { force: true });
}

/** The user's nodes on this machine. */
export function runningNodes(): RunningNode[] {
  const folder = findUserFolder(tmpdir(), USER_FOLDER);
  if (folder === undefined) return [];
  const nodes: RunningNode[] = [];
  for (const name of readdirSync(folder)) {
    const owner = ownerOf(name, KIND);
    if (owner === undefined) continue;
    const path = join(folder, name);
    if (!isAlive(owner.pid, owner.start)) {
      removeStale(path);
      continue;
    }
    const facts = readFacts(path);
    if (facts) nodes.push({ ...facts, ...owner });
  }
  return nodes;
}

/**
 * The node that `address: "auto"` means: the one that runs on this machine; of
 * several of one cluster its head, if that is one of them.
 *
 * @throws {ConnectionError} If there is none, or they are of many clusters.
 */
export function runningCluster(): RunningNode {
  const nodes = runningNodes();
  const [first] = nodes;
  if (first === undefined) {
    throw new ConnectionError(
      "Cannot find a cluster: no node of this user runs on this machine. " +
        "Start one with `manta start --head`",
      { details: { reason: "no_node" } },
    );
  }
  if (nodes.some((node) => clusterOf(node) !== clusterOf(first))) {
    const addresses = nodes.map(({ address }) => address);
    throw new ConnectionError(
      `Cannot choose a cluster: ${addresses.length} nodes run on this ` +
        `machine (${addresses.join(", ")}). Give the address of one`,
      { details: { reason: "many_nodes" } },
    );
  }
  return nodes.find(({ head }) => head === undefined) ?? first;
}

/** A cluster is named by its head. */
function clusterOf({ nodeId, head }: RecordedNode): string {
  return head?.nodeId ?? nodeId;
}

/**
 * The token for an address: the given one; without one that of the user's node
 * there, else the user's own. Undefined where there is none. A secret without
 * the fingerprint of its node's certificate gets it, if the node is the user's.
 *
 * @throws {AuthenticationError} If the user's file cannot be trusted.
 */
export function readToken(
  address: string,
  given?: string,
): string | undefined {
  if (given === undefined) return tokenOfNode(address) ?? readTokenFile();
  const own = splitToken(given)?.pin === undefined && tokenOfNode(address);
  return own && splitToken(own)?.secret === given ? own : given;
}

function tokenOfNode(address: string): string | undefined {
  const wanted = nameOf(address);
  const nodes = runningNodes();
  // A head beside its workers tells its token itself.
  const known = [...nodes, ...nodes.flatMap(({ head }) => head ?? [])];
  return known.find((it) => nameOf(it.address) === wanted)?.token;
}

/** Addresses of this machine alone differ in how they are written only. */
function nameOf(address: string): string {
  return address.toLowerCase().replace(
    /^(localhost|\[::1\]|127(\.\d{1,3}){3})(?=:\d+$)/,
    "127.0.0.1",
  );
}

function removeStale(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // On a read-only disk it stays: it says nothing to anybody.
  }
}

/** Undefined for what no node of this release has written. */
function readFacts(path: string): RecordedNode | undefined {
  try {
    const facts = JSON.parse(readPrivateFile(path) ?? "") as RecordedNode;
    const { address, token, nodeId, logPath, head } = facts;
    if (!isWhole({ address, token, nodeId })) return undefined;
    if (head !== undefined && !isWhole(head)) return undefined;
    return {
      ...{ address, token, nodeId },
      ...(typeof logPath === "string" ? { logPath } : {}),
      ...(head === undefined ? {} : { head }),
    };
  } catch {
    return undefined;
  }
}

function isWhole({ address, token, nodeId }: RecordedHead): boolean {
  return typeof address === "string" && /:\d+$/.test(address) &&
    typeof token === "string" && splitToken(token) !== undefined &&
    typeof nodeId === "string";
}

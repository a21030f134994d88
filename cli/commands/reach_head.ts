// Finds the head that a new node is to join: waits for one that is not there
// yet, and refuses what can be no head before anything else is started.

import { lookup } from "node:dns/promises";
import { connect, isIP } from "node:net";

import { ConnectionError } from "../../runtime/base/errors.ts";
import {
  CONNECT_MS_MAX,
  NODE_JOIN_PAUSE_MS,
} from "../../runtime/base/limits.ts";
import { observeNode } from "../../runtime/observe_node.ts";
import { hostAndPort } from "../../runtime/protocol/address.ts";
import { joinToken, type TokenParts } from "../../runtime/protocol/token.ts";

/** Which head, and what lets one in. */
export interface HeadTarget {
  /** `host:port`. */
  readonly address: string;
  readonly token: TokenParts;
}

/** A head that answers. */
export interface ReachedHead {
  readonly nodeId: string;
  /** The address of this machine that it is reached from. */
  readonly localHost: string;
}

/** How long a head is waited for, and who wants to know. */
export interface HeadWait {
  readonly msMax: number;
  /** It was there before: what answers wrongly may be its end. */
  readonly isKnown: boolean;
  /** Called once, if it is not there at once. */
  onWait(problem: string): void;
  /** Whether nobody wants it any more. */
  isOver(): boolean;
}

/**
 * Resolves when the head answers, or to nothing when nobody wants it any more.
 *
 * @throws {ConnectionError} If it does not in time, or is no head.
 * @throws {AuthenticationError} If it refuses the token.
 */
export async function reachHead(
  target: HeadTarget,
  { msMax, isKnown, onWait, isOver }: HeadWait,
): Promise<ReachedHead | undefined> {
  const untilMs = performance.now() + msMax;
  let hasTold = false;
  while (true) {
    try {
      return await tryHead(target);
    } catch (error) {
      const { reason } = error as { readonly reason?: unknown };
      const mayComeLater = error instanceof ConnectionError &&
        (isKnown || PASSING.has(reason));
      if (isOver()) return undefined;
      if (!mayComeLater || performance.now() > untilMs) throw error;
      if (!hasTold) onWait(error.message);
      hasTold = true;
    }
    await new Promise((resolve) => setTimeout(resolve, NODE_JOIN_PAUSE_MS));
  }
}

/** The reason of an error about what is not there, and may be later. */
const ABSENT = "absent";

/** What a head says, or does not, that has too much to do at the moment. */
const PASSING: ReadonlySet<unknown> = new Set([
  ABSENT,
  "peer_restarted",
  "peer_silent",
]);

async function tryHead(
  { address, token }: HeadTarget,
): Promise<ReachedHead> {
  await checkName(address);
  const localHost = await localHostTo(address);
  const node = observeNode({ address, token: joinToken(token) });
  try {
    const nodes = await node.calls.nodes();
    const head = nodes.find(({ isHead }) => isHead);
    if (head) return { nodeId: head.nodeId, localHost };
    throw new ConnectionError(
      `Cannot join ${address}: the node there knows no head. Give the address ` +
        "of the cluster's head",
    );
  } finally {
    await node.close();
  }
}

async function checkName(address: string): Promise<void> {
  const { hostname } = hostAndPort(address);
  if (isIP(hostname) !== 0) return;
  let hosts: NamedHost[];
  try {
    hosts = await lookup(hostname, { all: true });
  } catch {
    throw absent(address, "there is no machine of this name");
  }
  checkHosts(address, hosts);
}

/** An address that a name stands for. */
export interface NamedHost {
  readonly address: string;
  readonly family: number;
}

/** A cluster has one head: a name of many machines may lead to any of them. */
export function checkHosts(address: string, hosts: readonly NamedHost[]): void {
  // Of one machine there may be one of each kind.
  for (const family of [4, 6]) {
    const ofFamily = hosts.filter((host) => host.family === family);
    const all = [...new Set(ofFamily.map((host) => host.address))];
    if (all.length < 2) continue;
    throw new ConnectionError(
      `Cannot join ${address}: the name stands for ${all.length} addresses ` +
        `(${
          all.join(", ")
        }), and a cluster has one head. Give the address of ` +
        "the head",
    );
  }
}

/** The address by which the system goes there; rejects if nobody answers. */
function localHostTo(address: string): Promise<string> {
  const { hostname, port } = hostAndPort(address);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port });
    const fail = (why: string) => {
      socket.destroy();
      reject(absent(address, why));
    };
    socket.setTimeout(CONNECT_MS_MAX, () => fail("nobody answers"));
    socket.on("error", (error) => fail(reasonOf(error)));
    socket.on("connect", () => {
      const local = socket.localAddress ?? "127.0.0.1";
      socket.destroy();
      resolve(local.replace(/^::ffff:(?=\d+\.)/, ""));
    });
  });
}

/** The system's words do not say what to do. */
function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  return code === "ECONNREFUSED"
    ? "nothing listens there. Start a head there with `manta start --head`, " +
      "or correct the address"
    : message;
}

function absent(address: string, why: string): ConnectionError {
  return new ConnectionError(`Cannot join ${address}: ${why}`, {
    details: { reason: ABSENT },
  });
}

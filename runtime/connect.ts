// The wiring of a driver whose node is in another process: one connection, and
// what is to be said when it fails or is lost. `init.ts` has the other kind.

import { hostname } from "node:os";
import type * as Comlink from "comlink";
import type { Session } from "./api/session_port.ts";
import {
  AuthenticationError,
  ConnectionError,
  MantaError,
} from "./base/errors.ts";
import { newId } from "./base/ids.ts";
import { printError } from "./driver_output.ts";
import { openDriverSession } from "./driver_session.ts";
import type { NodeControl } from "./node_control.ts";
import type { Platform } from "./platform/platform.ts";
import { thisProcess } from "./platform/process_life.ts";
import type { DriverHello, ObserverHello } from "./protocol/driver_messages.ts";
import type { WireEnvironment } from "./protocol/messages.ts";
import type { SessionIdentity } from "./protocol/node_messages.ts";
import { splitToken } from "./protocol/token.ts";
import { RemoteWires } from "./remote_wires.ts";
import { makeSessionCodec } from "./session_objects.ts";
import { ThreadSession } from "./thread_session.ts";
import type {
  RemoteSession,
  RemoteSessionEnd,
} from "./transport/remote_session.ts";
import { beginSession } from "./transport/session_dialer.ts";

/** Where a cluster is, and what lets one in. */
export interface ClusterAddress {
  /** `host:port`. */
  readonly address: string;
  /** A secret, with the fingerprint of the node's certificate if it has one. */
  readonly token: string;
  /** The certificate that the node's must be signed by; plain text without. */
  readonly ca?: string | undefined;
}

export interface ConnectOptions extends ClusterAddress {
  readonly platform: Platform;
  /** `undefined`: one of this session alone. */
  readonly namespace: string | undefined;
  readonly logToDriver: boolean;
  readonly environment: WireEnvironment | undefined;
}

/**
 * Joins a node as a driver. Calls can be made at once; if the node cannot be
 * reached, or not any more, all that is waited for fails.
 */
export function connectDriver(options: ConnectOptions): Session {
  const { platform, address, namespace } = options;
  const identity = {
    jobId: newId("job"),
    // Told by the node.
    nodeId: "" as SessionIdentity["nodeId"],
    workerId: newId("worker"),
    namespace: namespace ?? newId("job"),
  };
  const connection = openConnection(options, {
    hello: {
      ...{ type: "driver_hello", ...identity, ...thisProcess() },
      hostname: hostname(),
    } as DriverHello,
    welcomed: (nodeId) => identity.nodeId = nodeId,
    lost: (error) => thread.end(error),
  });
  const thread = new ThreadSession({
    platform,
    identity,
    wires: connection.wires,
    depth: () => 0,
    makeCodec: makeSessionCodec,
    reportUnseen: (error) => printError(thread.codec.decodeError(error)),
  });
  return openDriverSession({
    platform,
    thread,
    home: { type: "elsewhere", leave: () => connection.session.leave() },
    address,
    logToDriver: options.logToDriver,
    environment: options.environment,
  });
}

/** What a node answers to who is no driver. */
export interface Observation {
  readonly calls: Comlink.Remote<NodeControl>;
  leave(): Promise<void>;
}

/** Connects to a node to ask only; its calls fail when the connection does. */
export function observeNode(cluster: ClusterAddress): Observation {
  const { wires, session } = openConnection(cluster, {
    hello: { type: "observer_hello" },
    welcomed: () => {},
    lost: (error) => wires.end(error),
  });
  return { calls: wires.control, leave: () => session.leave() };
}

interface ConnectionUser {
  readonly hello: DriverHello | ObserverHello;
  welcomed(nodeId: SessionIdentity["nodeId"]): void;
  /** The connection is over, and its user has not ended it. */
  lost(error: MantaError): void;
}

function openConnection(
  { address, token, ca }: ClusterAddress,
  user: ConnectionUser,
): { readonly wires: RemoteWires; readonly session: RemoteSession } {
  const { hostname: host, port } = new URL(`ws://${address}`);
  const parts = splitToken(token);
  if (!parts) {
    throw new AuthenticationError(
      `Cannot connect to ${address}: what is given as its token is none. Set ` +
        "MANTA_TOKEN to what `manta token --show` prints there",
    );
  }
  const { secret, pin } = parts;
  const opened: { wires?: RemoteWires } = {};
  const { session, connected } = beginSession({
    // Brackets are of the notation, not of the address.
    hostname: host.replace(/^\[|\]$/g, ""),
    port: Number(port || 80),
    token: secret,
    ...(ca === undefined ? {} : { ca }),
    ...(pin === undefined ? {} : { pin }),
    onSession: (session) => {
      opened.wires = new RemoteWires(session, {
        welcomed: ({ nodeId }) => user.welcomed(nodeId),
      });
    },
    onReceived: () => opened.wires?.received(),
    onEnded: (reason) => {
      // Of the other two others tell.
      if (reason === "left" || reason === "not_connected") return;
      user.lost(lossError(address, reason));
    },
  });
  connected.catch((error) => user.lost(asMantaError(error)));
  const wires = opened.wires!;
  wires.node.send(user.hello);
  wires.node.flush();
  return { wires, session };
}

function asMantaError(error: unknown): MantaError {
  if (error instanceof MantaError) return error;
  return new ConnectionError(String(error), { cause: error });
}

const LOSSES: Readonly<
  Record<Exclude<RemoteSessionEnd, "left" | "not_connected">, string>
> = {
  peer_left: "the node has ended",
  peer_died: "the node's process is gone",
  peer_silent: "the node could not be reached for too long",
  peer_restarted: "the node does not know this driver any more: it was " +
    "restarted, or has given the driver up",
  peer_refuses: "the node does not take this driver any more",
  protocol_broken: "one side has sent what the other does not understand",
};

function lossError(
  address: string,
  reason: keyof typeof LOSSES,
): MantaError {
  const text = `Cannot go on: the connection to ${address} is lost, as ` +
    `${LOSSES[reason]}. Call shutdown() and init() to connect again`;
  const details = { details: { reason } };
  return reason === "peer_refuses"
    ? new AuthenticationError(text, details)
    : new ConnectionError(text, details);
}

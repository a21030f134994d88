// One connection to a node in another process, for a driver or for who only
// asks: who is to be reached how, and what is said when that fails or is lost.

import {
  AuthenticationError,
  ConnectionError,
  MantaError,
  type ProtocolError,
} from "./base/errors.ts";
import type {
  DriverHello,
  DriverWelcome,
  ObserverHello,
} from "./protocol/driver_messages.ts";
import { hostAndPort } from "./protocol/address.ts";
import { splitToken } from "./protocol/token.ts";
import { RemoteWires } from "./remote_wires.ts";
import type {
  RemoteSession,
  RemoteSessionEnd,
} from "./transport/remote_session.ts";
import { beginSession } from "./transport/session_dialer.ts";

/** Where a cluster is, and what lets one in. */
export interface ClusterAddress {
  /** `host:port`. */
  readonly address: string;
  /** With the fingerprint of the node's certificate, if it speaks TLS. */
  readonly token: string;
}

/** Who a connection is for. */
export interface ConnectionUser {
  readonly hello: DriverHello | ObserverHello;
  welcomed(message: DriverWelcome): void;
  /** The connection is over, and its user has not ended it. */
  lost(error: MantaError): void;
}

/** Connects; what is sent meanwhile waits. */
export function openConnection(
  { address, token }: ClusterAddress,
  user: ConnectionUser,
): { readonly wires: RemoteWires; readonly session: RemoteSession } {
  const parts = splitToken(token);
  if (!parts) {
    throw new AuthenticationError(
      `Cannot connect to ${address}: the token is none. Set MANTA_TOKEN to ` +
        "what `manta token` prints there",
    );
  }
  const opened: { wires?: RemoteWires } = {};
  const { session, connected } = beginSession({
    ...hostAndPort(address),
    token: parts.secret,
    ...(parts.pin === undefined ? {} : { pin: parts.pin }),
    onSession: (session) => {
      opened.wires = new RemoteWires(session, {
        welcomed: (message) => user.welcomed(message),
      });
    },
    onReceived: () => opened.wires?.received(),
    onEnded: (reason) => {
      // Of the other two others tell.
      if (reason === "left" || reason === "not_connected") return;
      user.lost(lossError(address, reason, session.brokenBy));
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
  protocol_broken: "one side has sent what the other does not understand: " +
    "use the same release on both",
};

function lossError(
  address: string,
  reason: keyof typeof LOSSES,
  cause: ProtocolError | undefined,
): MantaError {
  const text = `Cannot go on: the connection to ${address} is lost, as ` +
    `${LOSSES[reason]}. Call shutdown() and init() to connect again`;
  const details = { details: { reason }, ...(cause ? { cause } : {}) };
  return reason === "peer_refuses"
    ? new AuthenticationError(text, details)
    : new ConnectionError(text, details);
}

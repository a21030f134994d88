// The wiring of a driver whose node is in another process: what `init.ts` is
// for a node of its own.

import { hostname } from "node:os";
import type { Session } from "./api/session_port.ts";
import { newId } from "./base/ids.ts";
import { type ClusterAddress, openConnection } from "./connection.ts";
import { printError } from "./driver_output.ts";
import { openDriverSession } from "./driver_session.ts";
import type { Platform } from "./platform/platform.ts";
import { isProcessAlive, thisProcess } from "./platform/process_life.ts";
import type { WireEnvironment } from "./protocol/messages.ts";
import type { SessionIdentity } from "./protocol/node_messages.ts";
import { makeSessionCodec } from "./session_objects.ts";
import { ThreadSession } from "./thread_session.ts";

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
      type: "driver_hello",
      jobId: identity.jobId,
      workerId: identity.workerId,
      namespace: identity.namespace,
      hostname: hostname(),
      home: thisProcess(),
    },
    welcomed: ({ nodeId, home }) => {
      identity.nodeId = nodeId;
      connection.session.peerLives = () => isProcessAlive(home);
    },
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

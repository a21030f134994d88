// The wiring of a worker: a process without a driver, whose node joins a head
// and listens for the cluster's other nodes. This thread starts and stops the
// others, and does nothing else.

import { clearInterval, setInterval } from "node:timers";
import type { MantaError } from "./base/errors.ts";
import { newId, type NodeId } from "./base/ids.ts";
import { ThreadHost } from "./host.ts";
import type { NodeJoin, NodeListen } from "./host_messages.ts";
import { type NodeOptions, openNode } from "./node_opening.ts";
import { detectPlatform } from "./platform/detect.ts";
import { addressText } from "./protocol/address.ts";
import { newMailboxBuffer } from "./transport/mailbox.ts";

/** What a worker is started with. */
export interface WorkerOptions {
  /** The head that it joins. */
  readonly head: NodeJoin;
  /** Where the cluster's other nodes reach it; with the head's token. */
  readonly listen: NodeListen;
  /** What the node has. */
  readonly node: NodeOptions;
}

/** A worker that has joined. */
export interface WorkerNode {
  /** `host:port`, for the other nodes. */
  readonly address: string;
  readonly nodeId: NodeId;
  readonly sessionPath: string;
  /** Resolves when it has ended, with why if nobody has asked for it. */
  readonly ended: Promise<MantaError | undefined>;
  /** Takes no new work, lets running tasks end, and leaves. */
  drain(): void;
  /** Leaves at once and ends all that it runs. */
  end(): Promise<void>;
}

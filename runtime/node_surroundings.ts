// What a node has of the world around it beside what it is told: time, names
// and ways to other nodes. Handed in, so that a simulation can run whole nodes
// in a world of its own. Holds nothing and decides nothing.

import {
  type Clock,
  systemClock,
  systemTimers,
  type Timers,
} from "./base/clock.ts";
import { newThreadId, type NodeId, type WorkerId } from "./base/ids.ts";
import { type Collector, newCollector } from "./object_store/collector.ts";
import { type ProcessName, thisProcess } from "./platform/process_life.ts";
import { openChannel } from "./platform/web_client.ts";
import { Mailbox, type MailboxBuffer } from "./transport/mailbox.ts";

/** See the head of the file. */
export interface NodeSurroundings {
  readonly clock: Clock;
  readonly timers: Timers;
  /** Opens a channel to another node. */
  readonly openChannel: typeof openChannel;
  /** The process that the node is in. */
  thisProcess(): ProcessName;
  newThreadId(nodeId: NodeId): WorkerId;
  /** The node's end of its mailbox. */
  newMailbox(buffer: MailboxBuffer): Mailbox;
  /** Tells when nothing reaches the store's views any more. */
  newCollector(): Collector;
}

/** The world as it is. */
export const systemSurroundings: NodeSurroundings = {
  clock: systemClock,
  timers: systemTimers,
  openChannel,
  thisProcess,
  newThreadId: (nodeId) => newThreadId(nodeId),
  newMailbox: (buffer) => new Mailbox(buffer),
  newCollector,
};

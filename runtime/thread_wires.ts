// How a thread with user code reaches its node and its peers: through rings
// in shared memory, or through the streams of a connection.

import * as Comlink from "comlink";
import type { MantaError } from "./base/errors.ts";
import type { DriverCode } from "./driver_code.ts";
import type { NodeControl } from "./node_control.ts";
import type { LinkOpened } from "./node_peers.ts";
import type { ProcessName } from "./platform/process_life.ts";
import type { StreamOpened } from "./protocol/driver_messages.ts";
import type { Link } from "./transport/link.ts";
import type { Mailbox } from "./transport/mailbox.ts";
import { RingLink, type RingLinkEnd } from "./transport/ring_link.ts";

/** The link to the node. */
export interface NodeLink extends Link {
  /** What waits because the node has not read what came before. */
  readonly backlogBytes: number;
  sendBacklog(): void;
  /** Takes in what came beside the frames, without waiting for a turn. */
  pollShared(): void;
}

/** Tells a thread of what has come; see {@linkcode Mailbox}. */
export type ThreadMail = Pick<
  Mailbox,
  "onMail" | "hasMail" | "poll" | "unpark" | "park" | "sleep"
>;

/** See the head of the file. */
export interface ThreadWires {
  readonly node: NodeLink;
  readonly mail: ThreadMail;
  /** Whether news can be watched for while the thread does nothing else. */
  readonly canWatch: boolean;
  /** The node's process, where it is another one and known already. */
  readonly nodeProcess?: ProcessName | undefined;
  readonly control: Comlink.Remote<NodeControl>;
  /** Where code must be sent to first; absent where its files can be read. */
  readonly code?: DriverCode;
  /** Has what was flushed go out before the turn ends; absent if it has. */
  sendNow?(): void;
  /** The node has opened a link to a peer. */
  openPeer(opened: LinkOpened | StreamOpened): Link;
  /** The session is over, for this reason. */
  end(reason: MantaError): void;
}

/** The wires of a thread in the node's own process. */
export function ringWires(
  mailbox: Mailbox,
  nodeLink: RingLinkEnd,
  control: MessagePort,
): ThreadWires {
  return {
    node: new RingLink(nodeLink, mailbox),
    mail: mailbox,
    canWatch: true,
    control: Comlink.wrap<NodeControl>(control),
    openPeer: (opened) => new RingLink((opened as LinkOpened).end, mailbox),
    end: () => control.close(),
  };
}

// What the node thread and the process's main thread say to one another: only
// the main thread starts and stops web workers.

import type { NodeId, WorkerId } from "./base/ids.ts";
import type { ResourceSet } from "./base/resources.ts";
import type { SessionIdentity } from "./protocol/node_messages.ts";
import type { MailboxBuffer } from "./transport/mailbox.ts";
import type { RingLinkEnd } from "./transport/ring_link.ts";

/** What the node thread is started with. */
export interface NodeStart {
  readonly type: "node_start";
  readonly nodeId: NodeId;
  readonly nodeMailbox: MailboxBuffer;
  readonly total: ResourceSet;
  readonly labels: Readonly<Record<string, string>>;
  readonly storeBytes: number;
  readonly sessionPath: string;
  /** The store's folder on disk; without one it does not spill. */
  readonly spillPath: string | undefined;
  readonly hostname: string;
  readonly version: string;
  readonly startedAtMs: number;
}

/** The same with what the host knows. */
export interface HostedNodeStart extends NodeStart {
  readonly childEntries: ChildEntries;
}

/** What a child process of the node runs. */
export interface ChildEntries {
  readonly processUrl: string;
  readonly threadUrl: string;
}

/** A driver of the node's own process. */
export interface DriverJoin {
  readonly type: "driver_join";
  readonly identity: SessionIdentity;
  readonly mailbox: MailboxBuffer;
  /** The node's end of its link to the driver. */
  readonly link: RingLinkEnd;
  readonly control: MessagePort;
}

/** What an executor thread is started with. */
export interface ExecutorStart {
  readonly type: "executor_start";
  readonly identity: SessionIdentity;
  readonly mailbox: MailboxBuffer;
  readonly nodeLink: RingLinkEnd;
  readonly control: MessagePort;
  readonly sessionPath: string;
  /** The process is there for this thread alone. */
  readonly isChild?: boolean;
}

export type ToHost =
  | {
    readonly type: "start_thread";
    readonly workerId: WorkerId;
    readonly start: ExecutorStart;
  }
  | { readonly type: "stop_thread"; readonly workerId: WorkerId }
  /** The node holds nothing of the system any more. */
  | { readonly type: "node_ended" };

export type FromHost =
  | HostedNodeStart
  | DriverJoin
  /** The session is over. */
  | { readonly type: "node_end" }
  | {
    readonly type: "thread_ended";
    readonly workerId: WorkerId;
    readonly reason: string;
  };

// What the node thread and the process's main thread say to one another: only
// the main thread starts and stops web workers.

import type { ResolvedSystemConfig } from "./api/system_config.ts";
import type { NodeId, WorkerId } from "./base/ids.ts";
import type { ResourceSet } from "./base/resources.ts";
import type { StateChange, StateRow } from "./platform/state_file.ts";
import type { SessionIdentity } from "./protocol/node_messages.ts";
import type { WireError } from "./protocol/wire_error.ts";
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
  /** Who keeps an eye on the memory, and how. */
  readonly memory: ResolvedSystemConfig;
  readonly hostname: string;
  readonly version: string;
  readonly startedAtMs: number;
  /** Without it, the node is reached from its own process only. */
  readonly listen?: NodeListen;
  /** With it, the node joins a head; without, it is one. */
  readonly join?: NodeJoin;
}

/** The head that a node joins. */
export interface NodeJoin {
  /** `host:port`. */
  readonly address: string;
  /** The fingerprint of its certificate, if it speaks TLS. */
  readonly pin?: string;
}

/** Where a node is reached from other processes. */
export interface NodeListen {
  readonly hostname: string;
  /** 0: any free one. */
  readonly port: number;
  readonly token: string;
  /** The certificate and its key, in PEM; plain text without. */
  readonly tls?: {
    readonly cert: string;
    readonly key: string;
    /** The certificate's fingerprint, for other nodes. */
    readonly pin?: string;
  };
  /** Names beside its addresses that requests may call it by. */
  readonly names?: readonly string[];
  /** Where a head keeps what is to outlive its process. */
  readonly state?: { readonly folder: string } | HostedStateStart;
}

/** What the node's thread is given of an opened state. */
export interface HostedStateStart {
  readonly rows: readonly StateRow[];
  /** What was answered: the number of the request, how it went, why not. */
  readonly board: SharedArrayBuffer;
}

/** What the node's thread asks for. */
export type StateRequest =
  | { readonly type: "commit"; readonly changes: readonly StateChange[] }
  | { readonly type: "close"; readonly isOver: boolean };

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

/** Who an executor is, and where its code is. */
export interface ExecutorHome {
  readonly identity: SessionIdentity;
  /** If its driver is in another process. */
  readonly codeFolder?: string | undefined;
}

/** What an executor thread is started with. */
export interface ExecutorStart extends ExecutorHome {
  readonly type: "executor_start";
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
  | { readonly type: "node_listens"; readonly port: number }
  | { readonly type: "node_cannot_listen"; readonly error: WireError }
  /** The head has let it in. */
  | { readonly type: "node_joined" }
  /** It must end: the head does not have it, or it has drained. */
  | { readonly type: "node_over"; readonly error?: WireError }
  /** The thread sleeps until it is answered. */
  | {
    readonly type: "state_request";
    readonly number: number;
    readonly request: StateRequest;
  }
  /** For its log. */
  | { readonly type: "node_says"; readonly text: string }
  /** The node holds nothing of the system any more. */
  | { readonly type: "node_ended" };

export type FromHost =
  | HostedNodeStart
  | DriverJoin
  /** The node is to leave the cluster when its tasks are done. */
  | { readonly type: "node_drain" }
  /** The session is over; what is kept of its cluster may stay. */
  | { readonly type: "node_end"; readonly keepsCluster: boolean }
  | {
    readonly type: "thread_ended";
    readonly workerId: WorkerId;
    readonly reason: string;
  };

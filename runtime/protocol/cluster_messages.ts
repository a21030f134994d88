// What two nodes say to one another on stream 0 of their session. Tasks are
// never spoken of here, only demand, leases, actors, bundles and objects.
// docs/protocol.md describes the exchanges; change both together.

import type {
  ActorId,
  JobId,
  NodeId,
  PlacementGroupId,
  WorkerId,
} from "../base/ids.ts";
import type { ResourceSet } from "../base/resources.ts";
import type { WireProcess } from "./driver_messages.ts";
import type { WireStrategy } from "./messages.ts";
import type {
  FromNode,
  ToNode,
  UnschedulableReason,
  WireClass,
} from "./node_messages.ts";
import type { NodePart, PartRequest } from "./state_answers.ts";
import type { WireError } from "./wire_error.ts";

/** What a node is; the same from its start to its end. */
export interface NodeFacts {
  readonly nodeId: NodeId;
  /** `host:port` where other nodes reach it, if they can. */
  readonly address: string;
  /** The fingerprint of its certificate, if it speaks TLS. */
  readonly pin?: string;
  readonly hostname: string;
  readonly isHead: boolean;
  readonly total: ResourceSet;
  readonly labels: Readonly<Record<string, string>>;
  readonly storeBytes: number;
  readonly pid: number;
  readonly version: string;
  readonly startedAtMs: number;
}

/** What changes of a node while it lives; the latest report counts. */
export interface NodeReport {
  /** What is free, in units. */
  readonly available: ResourceSet;
  readonly storeUsedBytes: number;
  readonly storeSpilledBytes: number;
  /** Leases, actors and groups that wait at it. */
  readonly waiting: number;
  /** It takes no new work and will leave. */
  readonly isDraining: boolean;
}

/** A node as all others see it. */
export interface NodeView {
  readonly facts: NodeFacts;
  readonly report: NodeReport;
  readonly state: "alive" | "draining" | "dead";
  /** Why it is dead. */
  readonly reason?: string;
}

/** A job, for a node that is to run something of it. */
export interface JobFacts {
  readonly jobId: JobId;
  readonly driver: WorkerId;
  /** The node that the driver is linked to. */
  readonly home: NodeId;
  readonly namespace: string;
  /** The driver is gone. */
  readonly isOver: boolean;
}

/** What a node has, for a head that was started again. */
export interface NodeHosting {
  /** Its threads, and the drivers that are linked to it. */
  readonly workers: readonly WorkerId[];
  /** Those without a thread wait for one. */
  readonly actors: readonly {
    readonly actorId: ActorId;
    readonly threadId?: WorkerId;
  }[];
  readonly bundles: readonly {
    readonly groupId: PlacementGroupId;
    readonly attempt: number;
    readonly isCommitted: boolean;
  }[];
}

/** The first message on a session between nodes; from who dials. */
export interface NodeHello {
  readonly type: "node_hello";
  readonly facts: NodeFacts;
  readonly report: NodeReport;
  readonly home: WireProcess;
  /** It takes who it has dialed for its head. */
  readonly isJoining: boolean;
  /** The cluster whose head it has lost, and comes back to. */
  readonly clusterId?: string;
}

export type ClusterMessage =
  // -- Joining: the first on a session, and its answer -----------------------
  | NodeHello
  | {
    readonly type: "node_welcome";
    readonly nodeId: NodeId;
    readonly home: WireProcess;
    /** All nodes, from the head only. */
    readonly views?: readonly NodeView[];
    /** From a head that can be started again, and is the same then. */
    readonly clusterId?: string;
  }
  /** Instead of a welcome: the node may not join. */
  | { readonly type: "node_refused"; readonly reason: string }
  // -- The head and its nodes ------------------------------------------------
  /** From a node: at the latest so often that it is not held for dead. */
  | { readonly type: "node_report"; readonly report: NodeReport }
  /** From the head: those that have changed. */
  | { readonly type: "views_changed"; readonly views: readonly NodeView[] }
  /** From the head to one that was declared dead: it must start afresh. */
  | { readonly type: "node_dead"; readonly nodeId: NodeId }
  /** Through the head: the receiver is to open a session with `from`. */
  | {
    readonly type: "link_wanted";
    readonly from: NodeId;
    readonly to: NodeId;
  }
  /** From the head: so many messages for it are kept, since it is there. */
  | { readonly type: "head_taken"; readonly count: number }
  /** To a head that was started again, after all that it must hear first. */
  | { readonly type: "node_returned"; readonly hosting: NodeHosting }
  // -- Jobs ------------------------------------------------------------------
  /** Before anything else of the job. */
  | { readonly type: "job_opened"; readonly job: JobFacts }
  /** To the home: something of the job may run at the sender's. */
  | { readonly type: "job_entered"; readonly jobId: JobId }
  /** Its driver is gone: what is not detached goes. */
  | { readonly type: "job_over"; readonly jobId: JobId }
  // -- Envelopes -------------------------------------------------------------
  /** A worker of the sender's says this; the receiver answers it. */
  | {
    readonly type: "from_worker";
    readonly worker: WorkerId;
    readonly jobId: JobId;
    readonly message: ToNode;
  }
  /** For a worker of the receiver's. */
  | {
    readonly type: "to_worker";
    readonly worker: WorkerId;
    readonly message: FromNode;
  }
  /** A worker of the sender's is gone. */
  | {
    readonly type: "worker_over";
    readonly worker: WorkerId;
    readonly reason: WireError;
  }
  /** A worker of the receiver's is to end. */
  | {
    readonly type: "worker_stop";
    readonly worker: WorkerId;
    readonly reason: string;
  }
  /** To who numbers the streams: two workers want to be linked. */
  | {
    readonly type: "peers_wanted";
    /** The sender's. */
    readonly source: WorkerId;
    /** Of the source. */
    readonly jobId: JobId;
    /** The receiver's. */
    readonly target: WorkerId;
  }
  /** They are linked over this stream, which the sender has opened. */
  | {
    readonly type: "peers_linked";
    readonly stream: number;
    readonly source: WorkerId;
    readonly jobId: JobId;
    readonly target: WorkerId;
  }
  // -- Demand ----------------------------------------------------------------
  /** The owner, of the sender's, wants so many leases from the receiver. */
  | {
    readonly type: "demand_spread";
    readonly owner: WorkerId;
    readonly jobId: JobId;
    readonly schedulingClass: WireClass;
    readonly count: number;
    readonly depth: number;
  }
  // -- Actors and groups: the head asks, the node answers --------------------
  | {
    readonly type: "actor_request";
    readonly actorId: ActorId;
    readonly owner: WorkerId;
    readonly jobId: JobId;
    readonly placement: ResourceSet;
    readonly held: ResourceSet;
    readonly strategy: WireStrategy;
    readonly labelSelector?: Readonly<Record<string, string>>;
    readonly isolation: "thread" | "process" | "shared";
  }
  | { readonly type: "actor_release"; readonly actorId: ActorId }
  | {
    readonly type: "actor_placed_at";
    readonly actorId: ActorId;
    readonly threadId: WorkerId;
    readonly gpuIds?: readonly string[];
  }
  | {
    readonly type: "actor_not_placed";
    readonly actorId: ActorId;
    readonly reason: UnschedulableReason;
  }
  /** Answered when they are set aside; each attempt ends the one before. */
  | {
    readonly type: "bundles_prepare";
    readonly groupId: PlacementGroupId;
    readonly attempt: number;
    /** By their numbers in the group. */
    readonly bundles: readonly (readonly [index: number, ResourceSet])[];
  }
  | {
    readonly type: "bundles_prepared";
    readonly groupId: PlacementGroupId;
    readonly attempt: number;
    readonly isPrepared: boolean;
  }
  | {
    readonly type: "bundles_commit";
    readonly groupId: PlacementGroupId;
    readonly attempt: number;
  }
  | {
    readonly type: "bundles_return";
    readonly groupId: PlacementGroupId;
    readonly attempt: number;
  }
  /** All of the group that is at the node goes, with what runs in it. */
  | { readonly type: "bundles_remove"; readonly groupId: PlacementGroupId }
  /** To the head: answered now, and at each change. */
  | { readonly type: "group_locate"; readonly groupId: PlacementGroupId }
  | {
    readonly type: "group_located";
    readonly groupId: PlacementGroupId;
    /** By their numbers; one without a node is being placed. */
    readonly bundles: readonly {
      readonly nodeId?: NodeId;
      readonly resources: ResourceSet;
    }[];
  }
  | { readonly type: "group_gone"; readonly groupId: PlacementGroupId }
  // -- Objects ---------------------------------------------------------------
  /** To the owner's home: the object is whole in the sender's store. */
  | {
    readonly type: "object_sealed_at";
    readonly owner: WorkerId;
    readonly number: number;
    readonly sizeBytes: number;
    /** The sender may drop it, since another node keeps it. */
    readonly isCopy: boolean;
  }
  /**
   * To the owner's home: where is it? Answered once it is somewhere, and that
   * node may serve one more. Ends what the sender was told before.
   */
  | {
    readonly type: "object_locate";
    readonly owner: WorkerId;
    readonly number: number;
    /** Nodes that the sender could not have it from. */
    readonly except: readonly NodeId[];
  }
  | {
    readonly type: "object_located";
    readonly owner: WorkerId;
    readonly number: number;
    /** Where the receiver shall have it from; none: it is no more. */
    readonly source?: NodeId;
    readonly sizeBytes: number;
    /** It was somewhere, and every copy is gone. */
    readonly isLost: boolean;
  }
  /**
   * To the owner's home: this node, which may be the sender, has not got the
   * object, or not as it was. The sender does not pull it any more.
   */
  | {
    readonly type: "object_gone_at";
    readonly owner: WorkerId;
    readonly number: number;
    readonly nodeId: NodeId;
  }
  /** From the owner's home: the object is not needed any more. */
  | {
    readonly type: "object_freed";
    readonly owner: WorkerId;
    readonly number: number;
  }
  /**
   * From the owner's home: the receiver keeps the object from now on, and
   * pulls it if it has not got it. It says so by `object_sealed_at`.
   */
  | {
    readonly type: "object_keep";
    readonly owner: WorkerId;
    readonly number: number;
  }
  /** To who numbers the streams: one for objects is wanted. */
  | { readonly type: "objects_wanted" }
  /** Objects travel over this stream, which the sender has opened. */
  | { readonly type: "objects_linked"; readonly stream: number }
  // -- Code ------------------------------------------------------------------
  /** To the job's home: a bundle that its executors need. */
  | {
    readonly type: "bundle_wanted";
    readonly jobId: JobId;
    readonly hash: string;
  }
  | {
    readonly type: "bundle_given";
    readonly hash: string;
    /** Its text in UTF-8, in pieces; none: nobody has it. */
    readonly pieces?: readonly Uint8Array[];
  }
  // -- Listings --------------------------------------------------------------
  /** From the head: what does the receiver know of it? */
  | {
    readonly type: "part_wanted";
    readonly request: number;
    readonly wanted: PartRequest;
  }
  | {
    readonly type: "part_given";
    readonly request: number;
    readonly part: NodePart;
  };

/** What a node says of a place that it was asked for. */
export type PlaceAnswer = Extract<
  ClusterMessage,
  { type: "actor_placed_at" | "actor_not_placed" | "bundles_prepared" }
>;

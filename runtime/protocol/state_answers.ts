// What a node knows that is listed, as it travels to who lists it: plain data,
// one part for each node. Who has asked puts the parts together.

import type { JobId, NodeId, WorkerId } from "../base/ids.ts";
import type { TaskEvents } from "./task_events.ts";
import type { ThreadTasks } from "./thread_tasks.ts";

/** What nodes can be asked for, each by itself. */
export const PART_NOUNS = [
  "tasks",
  "workers",
  "objects",
  "pending",
  "actors",
  "groups",
] as const;
export type PartNoun = typeof PART_NOUNS[number];

/** What only the head knows, for all nodes. */
export const HEAD_NOUNS: ReadonlySet<PartNoun> = new Set(["actors", "groups"]);

/** What a node is asked for. */
export interface PartRequest {
  readonly noun: PartNoun;
  /** Of tasks: those of a job; without it, of all. */
  readonly jobId?: JobId;
  /** How much it may tell, about. */
  readonly bytesMax: number;
}

/** Work that waits for a place. */
export interface PendingListing {
  readonly kind: "task" | "actor" | "group";
  /** What each of it needs. */
  readonly resources: Record<string, number>;
  readonly count: number;
  /** `busy` when it only has to wait; else what no node has. */
  readonly why: "busy" | "resources" | "labels" | "nodes" | "group";
}

/** What one thread has run, in the order of its end. */
export interface ThreadEvents {
  readonly workerId: WorkerId;
  readonly jobId: JobId;
  readonly events: TaskEvents;
}

/** What one thread has said when it was asked. */
export interface ToldTasks {
  readonly workerId: WorkerId;
  readonly jobId: JobId;
  /** Absent if it computes, and did not answer in time. */
  readonly tasks?: ThreadTasks;
}

/** A thread or driver that has not ended. */
export interface WorkerListing {
  readonly workerId: WorkerId;
  readonly jobId: JobId;
  readonly kind: "driver" | "thread" | "process";
  /** What is on it: actors, and leases for tasks. */
  readonly actors: number;
  readonly leases: number;
}

/** An actor as it is listed; also when it is dead. */
export interface ActorListing {
  readonly id: string;
  readonly name: string;
  readonly className: string;
  readonly state: string;
  readonly jobId: string;
  readonly nodeId?: string;
  readonly workerId?: string;
  readonly restarts: number;
  /** What its calls fail with, and why it is dead; not while it lives. */
  readonly errorType?: string;
  readonly deathCause?: string;
  readonly namespace: string;
  readonly isDetached: boolean;
}

/** A placement group that was not removed. */
export interface GroupListing {
  readonly id: string;
  readonly name: string;
  readonly isCreated: boolean;
  readonly strategy: string;
  /** What each bundle holds. */
  readonly bundles: readonly Record<string, number>[];
  readonly jobId: string;
  readonly isDetached: boolean;
}

/** An object in the node's store. */
export interface ObjectListing {
  readonly owner: WorkerId;
  readonly number: number;
  readonly sizeBytes: number;
  readonly state: string;
  readonly isCopy: boolean;
  readonly jobId?: JobId;
}

/** What one node knows of what was asked for. */
export interface NodePart {
  readonly nodeId: NodeId;
  /** Why nothing is known of it. */
  readonly failure?: string;
  readonly events?: readonly ThreadEvents[];
  readonly threads?: readonly ToldTasks[];
  readonly workers?: readonly WorkerListing[];
  readonly objects?: readonly ObjectListing[];
  readonly actors?: readonly ActorListing[];
  readonly groups?: readonly GroupListing[];
  readonly pending?: readonly PendingListing[];
  /** How many of what was asked for are left out, at least. */
  readonly omitted?: number;
}

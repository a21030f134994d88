// The calls that a thread makes to its node beside the flow of tasks: lookups
// and listings, by comlink. Plain data in, plain data out; errors come back
// as values, since classes do not survive the way.

import type { MemoryListing } from "./api/session_port.ts";
import type { ActorId, JobId, PlacementGroupId } from "./base/ids.ts";
import type { WireActorInterface } from "./protocol/node_messages.ts";
import type {
  NodePart,
  PartNoun,
  PendingListing,
} from "./protocol/state_answers.ts";
import type { WireError } from "./protocol/wire_error.ts";

/** A node as it is listed; `api/session_types.ts` has the user's view. */
export interface NodeListing {
  readonly nodeId: string;
  readonly address: string;
  readonly hostname: string;
  readonly alive: boolean;
  readonly isHead: boolean;
  readonly state: "alive" | "draining" | "dead";
  readonly resources: Record<string, number>;
  readonly available: Record<string, number>;
  readonly labels: Readonly<Record<string, string>>;
  readonly objectStore: {
    readonly capacityBytes: number;
    readonly usedBytes: number;
    readonly spilledBytes: number;
  };
  readonly pid: number;
  readonly version: string;
  readonly startedAtMs: number;
  /** Of a dead one: why. */
  readonly deathReason?: string;
}

/** An actor that was found by its name. */
export interface FoundActor {
  readonly actorId: ActorId;
  readonly interface: WireActorInterface;
}

/** A driver and what runs for it. */
export interface JobListing {
  readonly jobId: string;
  readonly namespace: string;
  /** `ended`: its driver is gone, what is detached lives on. */
  readonly state: "running" | "ended";
  readonly startedAtMs: number;
  /** Threads that run its code. */
  readonly threads: number;
}

/** What a node holds for the threads of a session. */
export interface NodeLeftovers {
  readonly leases: number;
  readonly actors: number;
  readonly objects: number;
}

/** See the head of the file. */
export interface NodeControl {
  /** All nodes of the cluster, dead ones included. */
  nodes(): NodeListing[];
  totals(): Record<string, number>;
  available(): Record<string, number>;
  /** An actor that is being made under this name is waited for. */
  findActor(name: string, namespace: string): Promise<FoundActor | undefined>;
  /** What waits at any node, and why. */
  pending(): Promise<PendingListing[]>;
  /** What each node of the cluster knows; tasks are of a job or of all. */
  parts(noun: PartNoun, jobId: JobId | null): Promise<readonly NodePart[]>;

  /** What memory is used, and how often work was stopped for it. */
  memory(): MemoryListing;
  jobs(): JobListing[] | Promise<JobListing[]>;
  /** Has a bundle kept where the node's executors look; if not, why. */
  bundle(hash: string): Promise<WireError | undefined>;
  /** Resolves when the group is there, or with why it never will be. */
  groupReady(groupId: PlacementGroupId): Promise<WireError | undefined>;
  /** What the session still holds; for tests and `manta memory`. */
  leftovers(): NodeLeftovers;
  /** Has all threads collect garbage, soon; for tests. */
  collectGarbage(): void;
}

// What of a head outlives its process, as plain records: enough to know its
// nodes, jobs, actors and groups again. What nodes can tell by themselves, who
// holds an actor for example, is not kept.

import type {
  ActorId,
  JobId,
  NodeId,
  PlacementGroupId,
  WorkerId,
} from "../base/ids.ts";
import type { ResourceSet } from "../base/resources.ts";
import type { JobFacts, NodeFacts } from "../protocol/cluster_messages.ts";
import type { WireActor } from "../protocol/node_messages.ts";
import type { ActorRecord } from "./actor_record.ts";

/** An actor that is not dead. */
export interface SavedActor {
  readonly actor: WireActor;
  readonly creator: WorkerId;
  readonly jobId: JobId;
  readonly incarnation: number;
  readonly restartsUsed: number;
  /** Where it lives, once it has been made there. */
  readonly threadId?: WorkerId;
}

/** A group that was not removed. */
export interface SavedGroup {
  readonly groupId: PlacementGroupId;
  readonly name?: string;
  readonly detached: boolean;
  readonly creator: WorkerId;
  readonly jobId: JobId;
  readonly bundles: readonly ResourceSet[];
  readonly strategy: "pack" | "spread" | "strictPack" | "strictSpread";
  /** By bundle, where it is set aside for good; empty before it ever was. */
  readonly nodes: readonly (NodeId | null)[];
  /** Of the latest attempt: later ones have larger numbers. */
  readonly attempt: number;
}

/** All of it. */
export interface SavedHead {
  readonly clusterId: string;
  /** Those that were alive, the head's own among them. */
  readonly nodes: readonly NodeFacts[];
  readonly jobs: readonly JobFacts[];
  readonly actors: readonly SavedActor[];
  readonly groups: readonly SavedGroup[];
  /** Late news may still be of these: they are not to be made again. */
  readonly deadActors: readonly ActorId[];
  readonly removedGroups: readonly PlacementGroupId[];
}

/** The part of an actor that changes; the rest is written once. */
export type SavedLife = Omit<SavedActor, "actor" | "creator" | "jobId">;

/** What is kept of an actor's life; an actor that is being made lives nowhere. */
export function savedLife(record: ActorRecord): SavedLife {
  const { incarnation, restartsUsed, state, threadId } = record;
  return {
    incarnation,
    restartsUsed,
    ...(state === "ALIVE" && threadId ? { threadId } : {}),
  };
}

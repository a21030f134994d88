// What an owner knows of one task or actor call, and of the templates that
// tasks are made from.

import type { ActorId } from "../base/ids.ts";
import type { ResourceSet } from "../base/resources.ts";
import type { WireArguments, WireTemplate } from "../protocol/messages.ts";
import type { ObjectRef } from "./object_ref.ts";

/** Everything that decides where a task may run. */
export interface SchedulingClass {
  /** The same for all tasks that can use one another's leases. */
  readonly key: string;
  readonly resources: ResourceSet;
  readonly strategy: unknown;
  readonly labelSelector?: Readonly<Record<string, string>>;
  readonly isolation?: "process";
  readonly isTimed?: boolean;
  readonly isOnce?: boolean;
}

/** How tasks of one `remote()` with its options are made and retried. */
export interface TaskTemplate {
  /** This thread's number for it; what pushes name. */
  readonly index: number;
  readonly name: string;
  readonly returns: number;
  readonly backpressure: number;
  readonly timeoutMs: number | undefined;
  /** Retries after failures of the system; -1 = no limit. */
  readonly maxRetries: number;
  /** Whether this failure of user code is to be retried. */
  readonly retries: (error: unknown) => boolean;
  /** Absent for methods of actors. */
  readonly schedulingClass?: SchedulingClass;
  readonly actorId?: ActorId;
  /** What executors are told; absent until the code is bundled. */
  spec: WireTemplate | undefined;
  /** Settles when `spec` is there, or with why it cannot be. */
  readonly prepare?: () => Promise<WireTemplate>;
  /** The one call of `prepare`. */
  preparing?: Promise<WireTemplate>;
}

/** Where a task stands with its owner. */
export type TaskStatus = "waiting" | "queued" | "pushed" | "ended";

/** What a stream of refs does with its task's items. */
export interface StreamSink {
  /** The ref that settles when the stream has ended, if there is one. */
  readonly whole?: ObjectRef;
  yielded(index: number, ref: ObjectRef): void;
  ended(count: number): void;
  failed(error: unknown): void;
  /** The task runs again, and has come to an item that came before. */
  restarted?(): void;
}

/** One task or actor call, from submission to its last result. */
export class TaskRecord {
  readonly number: number;
  readonly template: TaskTemplate;
  /** The results, empty for a stream; those that were lost if it is remade. */
  readonly refs: readonly ObjectRef[];
  args: WireArguments;
  status: TaskStatus = "waiting";
  /** Counts from 0. */
  attempt = 0;
  /** Attempts that do not count as retries: the node's memory ended them. */
  uncounted = 0;
  /** Refs and handles that the arguments hold; pinned until the end. */
  contained: readonly object[] | undefined = undefined;
  /** Refs given as arguments themselves; pinned until the end. */
  dependencies: readonly ObjectRef[] | undefined = undefined;
  /** The lease or actor channel that it was pushed on. */
  place: unknown = undefined;
  /** The claim word that says whether the executor has begun it. */
  claim = 0;
  /** The run that submitted it, in an executor. */
  parent: object | undefined = undefined;
  cancelRequested = false;
  /** Its refs were settled early; its thread is not done with it yet. */
  stopped = false;
  stream: StreamSink | undefined = undefined;
  /** Items of the stream that have come. */
  itemCount = 0;
  timer: unknown = undefined;
  /** Position among the calls of its caller on its actor. */
  sequence = 0;
  /** What is kept of it already: of a stream, or of what is made again. */
  lineage: LineageRecord | undefined = undefined;

  constructor(
    number: number,
    template: TaskTemplate,
    refs: readonly ObjectRef[],
    args: WireArguments,
  ) {
    this.number = number;
    this.template = template;
    this.refs = refs;
    this.args = args;
  }

  /** The number that the store has the first result by, if it is large. */
  get storedFrom(): number {
    return this.lineage?.storedFrom ?? this.number;
  }

  /** Whether it runs for results that were lost. */
  get isRemaking(): boolean {
    return this.storedFrom !== this.number;
  }
}

/**
 * What a task was given: a ref that is kept alive with its value, the number
 * of an own object that can be made again, or an actor.
 */
export type LineageNeed = ObjectRef | number | ActorId;

/**
 * What is kept of a task that has ended, to run it again if its results are
 * lost; see `lineage.ts`.
 */
export interface LineageRecord {
  /** The task's. */
  readonly number: number;
  readonly template: TaskTemplate;
  readonly args: WireArguments;
  readonly needs: readonly LineageNeed[];
  readonly bytes: number;
  /** Results that are or were in the store. */
  readonly results: Set<number>;
  /** As the task had them at its latest end. */
  attempt: number;
  uncounted: number;
  /** Results that can be reached, and what the store has them by. */
  readonly live: Map<number, number | undefined>;
  /** The number that the store has the latest run's first result by. */
  storedFrom: number;
  /** How many needs of other records its results are. */
  dependents: number;
  /** The task runs: for the first time, if it is a stream, or again. */
  underWay: TaskRecord | undefined;
  /** Lost results that the task is to give, now or when it is run. */
  wanted: ObjectRef[];
  /** Items that were lost while their stream went on, maybe past them. */
  late: ObjectRef[];
}

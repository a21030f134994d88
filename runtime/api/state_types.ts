// What `manta/state` lists: the types of its items and of what they are asked
// for with. Plain data; only what is really known is there.

/** Which of the items: a field, how it is compared, and with what. */
export type StateFilter = readonly [
  field: string,
  comparison: "=" | "!=",
  value: string | number | boolean,
];

/** Options of the functions of `manta/state`. */
export interface StateOptions {
  /** Only items that pass all of these, such as `["state", "=", "RUNNING"]`. */
  readonly filters?: readonly StateFilter[];
  /**
   * How many items to give.
   * @default {100}
   */
  readonly limit?: number;
  /**
   * Whether to give the fields, too, that few need.
   * @default {false}
   */
  readonly detail?: boolean;
}

/** A part of what there is. */
export interface StateListing<Item> {
  /** The first of those that pass the filters. */
  readonly items: readonly Item[];
  /** How many there are, given or not; more, if `warnings` say so. */
  readonly total: number;
  /** Whether some of them are not among the items. */
  readonly truncated: boolean;
  /** Nodes that did not answer, and the like; each a sentence. */
  readonly warnings: readonly string[];
}

/** One attempt to run a task or a call of an actor. */
export interface TaskItem {
  /** The same for all attempts of a task. */
  readonly id: string;
  /** Of the function, or of the class and the method. */
  readonly name: string;
  /** How far the attempt has come. */
  readonly state:
    | "PENDING_ARGS_AVAIL"
    | "PENDING_NODE_ASSIGNMENT"
    | "SUBMITTED_TO_WORKER"
    | "RUNNING"
    | "FINISHED"
    | "FAILED";
  /** Counts from 0. */
  readonly attempt: number;
  /** Whether it is a call of an actor. */
  readonly type: "NORMAL_TASK" | "ACTOR_TASK";
  /** The job that it is of. */
  readonly jobId: string;
  /** Where it runs or has run. */
  readonly nodeId?: string;
  /** The thread that runs it or has run it. */
  readonly workerId?: string;
  /** The actor that was called. */
  readonly actorId?: string;
  /** The name of the error that it failed with. */
  readonly errorType?: string;
  /** What that error says. */
  readonly errorMessage?: string;
  /** When it began, in milliseconds since 1970. */
  readonly startedAtMs?: number;
  /** When it ended, in milliseconds since 1970. */
  readonly endedAtMs?: number;
  /** With `detail`: the thread that has submitted it. */
  readonly ownerId?: string;
}

/** An actor, also when it is dead. */
export interface ActorItem {
  /** The id of the actor, such as `a-x4k2…`. */
  readonly id: string;
  /** Empty if it has none. */
  readonly name: string;
  /** The name of its class. */
  readonly className: string;
  /** Where it is in its life. */
  readonly state: "PENDING_CREATION" | "ALIVE" | "RESTARTING" | "DEAD";
  /** The job that has made it. */
  readonly jobId: string;
  /** The node that it lives on. */
  readonly nodeId?: string;
  /** The thread that it lives in. */
  readonly workerId?: string;
  /** How often it was made again. */
  readonly restarts: number;
  /** The name of the error that its calls fail with, if it is dead. */
  readonly errorType?: string;
  /** Why it is dead. */
  readonly deathCause?: string;
  /** With `detail`: where its name is known. */
  readonly namespace?: string;
  /** With `detail`: whether it outlives its driver. */
  readonly isDetached?: boolean;
}

/** A node, also when it is dead. */
export interface NodeItem {
  /** The id of the node, such as `n-x4k2…`. */
  readonly id: string;
  /** Of its machine. */
  readonly name: string;
  /** `DRAINING` nodes take nothing new. */
  readonly state: "ALIVE" | "DRAINING" | "DEAD";
  /** The node's `host:port`, or `local`. */
  readonly address: string;
  /** Whether it runs the control plane. */
  readonly isHead: boolean;
  /** The id of its process. */
  readonly pid: number;
  /** The version of Manta that it runs. */
  readonly version: string;
  /** When it started, in milliseconds since 1970. */
  readonly startedAtMs: number;
  /** Why it is dead. */
  readonly deathCause?: string;
  /** With `detail`: all its resources, by name. */
  readonly resources?: Readonly<Record<string, number>>;
  /** With `detail`: what nothing holds of them. */
  readonly available?: Readonly<Record<string, number>>;
  /** With `detail`: its labels. */
  readonly labels?: Readonly<Record<string, string>>;
  /** With `detail`: the state of its object store. */
  readonly objectStore?: {
    readonly capacityBytes: number;
    readonly usedBytes: number;
    readonly spilledBytes: number;
  };
}

/** A driver and what runs for it. */
export interface JobItem {
  /** The id of the job, such as `j-x4k2…`. */
  readonly id: string;
  /** Its namespace. */
  readonly name: string;
  /** `ENDED`: its driver is gone, and detached actors live on. */
  readonly state: "RUNNING" | "ENDED";
  /** When it began, in milliseconds since 1970. */
  readonly startedAtMs: number;
}

/** An object in a node's store; small ones are with their owners. */
export interface ObjectItem {
  /** The id of the object, such as `o-x4k2…`. */
  readonly id: string;
  /** `SEALED` can be read, `SPILLED` is on disk. */
  readonly state:
    | "WAITING"
    | "ALLOCATING"
    | "WRITING"
    | "SEALED"
    | "SPILLED"
    | "RESTORING";
  /** How large it is. */
  readonly sizeBytes: number;
  /** The node whose store has it. */
  readonly nodeId: string;
  /** Another node keeps it, and this one may drop it. */
  readonly isCopy: boolean;
  /** The job that it is of, while its owner lives. */
  readonly jobId?: string;
  /** With `detail`: the thread that has put it or submitted its task. */
  readonly ownerId?: string;
}

/** A driver, or a thread or child process that runs tasks and actors. */
export interface WorkerItem {
  /** The id of the worker, such as `w-x4k2…`. */
  readonly id: string;
  /** Whether it only submits, or also runs. */
  readonly type: "DRIVER" | "WORKER";
  /** Those that have ended are not listed. */
  readonly state: "ALIVE";
  /** The node that it is of or, a driver, linked to. */
  readonly nodeId: string;
  /** The job whose code it runs. */
  readonly jobId: string;
  /** Of what runs on it; not for drivers. */
  readonly isolation?: "thread" | "process";
  /** Actors that live on it. */
  readonly actors: number;
  /** Rights to run tasks on it that owners have. */
  readonly leases: number;
}

/** A placement group that was not removed. */
export interface PlacementGroupItem {
  /** The id of the group, such as `p-x4k2…`. */
  readonly id: string;
  /** Empty if it has none. */
  readonly name: string;
  /** `CREATED` once all bundles are set aside. */
  readonly state: "PENDING" | "CREATED";
  /** How its bundles are spread. */
  readonly strategy: string;
  /** The job that has made it. */
  readonly jobId: string;
  /** With `detail`: what each bundle holds. */
  readonly bundles?: readonly Readonly<Record<string, number>>[];
  /** With `detail`: whether it outlives its driver. */
  readonly isDetached?: boolean;
}

/** Items that have something in common. */
export interface StateSummary {
  /** Of the function, the class or, for objects, the node. */
  readonly name: string;
  /** How many there are. */
  readonly total: number;
  /** How many there are in each state. */
  readonly states: Readonly<Record<string, number>>;
}

/** What is listed, and as what. */
export interface StateItems {
  /** Attempts to run tasks and calls. */
  readonly tasks: TaskItem;
  /** Actors, also dead ones. */
  readonly actors: ActorItem;
  /** Nodes, also dead ones. */
  readonly nodes: NodeItem;
  /** Drivers and what runs for them. */
  readonly jobs: JobItem;
  /** Objects in the stores. */
  readonly objects: ObjectItem;
  /** Drivers, threads and child processes. */
  readonly workers: WorkerItem;
  /** Those that were not removed. */
  readonly placementGroups: PlacementGroupItem;
}

/** What can be listed. */
export type StateNoun = keyof StateItems;

/** What was found, before it is filtered and bounded. */
export interface FoundItems<Item> {
  readonly items: readonly Item[];
  /** How many more there are that nobody has told of one by one. */
  readonly omitted: number;
  readonly warnings: readonly string[];
}

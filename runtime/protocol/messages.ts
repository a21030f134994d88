// What threads say to one another: one union per direction. Values of users
// stand in them as primitives or as bytes of the value codec; nothing here
// is decoded by anybody but the thread that asked for it.
// docs/protocol.md describes the exchanges; change both together.

import type {
  ActorId,
  LeaseId,
  NodeId,
  PlacementGroupId,
  WorkerId,
} from "../base/ids.ts";
import type { ResourceSet } from "../base/resources.ts";
import type { WireError } from "./wire_error.ts";

/** Values that travel as they are, without the value codec. */
export type Primitive = null | undefined | boolean | number | string;

/** An object, wherever it is: its owner and the owner's number for it. */
export type ObjectKey = readonly [owner: WorkerId, number: number];

/** The refs and the actors' handles that a value holds. */
export interface WireHeld {
  readonly c?: readonly ObjectKey[];
  readonly a?: readonly ActorId[];
}

/** A value in the store of some node. */
export interface WireStored extends WireHeld {
  readonly o: ObjectKey;
  /** The number that the store has it by, if it was lost and made again. */
  readonly at?: number;
}

/**
 * A value on the wire: a primitive (`v`), bytes of the value codec (`p`), or
 * the place of an object in the node's store (`o`).
 */
export type WireValue =
  | { readonly v: Primitive }
  | ({ readonly p: Uint8Array } & WireHeld)
  | WireStored;

/**
 * Arguments on the wire: none, primitives only, all of them as one list in
 * bytes of the codec, or one by one.
 */
export type WireArguments =
  | null
  | readonly Primitive[]
  | Uint8Array
  | { readonly parts: readonly WireValue[] };

/** Where a function's or class's code is found. */
export interface WireCode {
  readonly hash: string;
  readonly exportName: string;
  readonly path: string;
}

/**
 * What a task or an actor runs in, over what the process has. Children inherit
 * it; the packages are in the code's bundle already.
 */
export interface WireEnvironment {
  readonly envVars?: Readonly<Record<string, string>>;
  /** Absolute. */
  readonly workingDirectory?: string;
  readonly npm?: readonly string[];
}

/** What all tasks made by one `remote()` and its options have in common. */
export interface WireTemplate {
  readonly name: string;
  /** The function's code; absent for a method of an actor. */
  readonly code?: WireCode;
  readonly actorId?: ActorId;
  readonly method?: string;
  readonly concurrencyGroup?: string;
  /** How many refs a call gives; -1 is a stream of them. */
  readonly returns: number;
  /** How many items a stream may be ahead of its reader; 0 = no bound. */
  readonly backpressure: number;
  readonly timeoutMs?: number;
  /** The resources that the task holds, for `context()`. */
  readonly resources: ResourceSet;
  readonly environment?: WireEnvironment;
  readonly captureGroup?: PlacementGroupId;
}

// -- Owner to executor -------------------------------------------------------

/** Said once per link before the first push that names the template. */
export interface TemplateDefine {
  readonly type: "template_define";
  readonly template: number;
  readonly spec: WireTemplate;
}

/** Tasks of one template, to run in the order given. */
export interface TaskPush {
  readonly type: "task_push";
  readonly template: number;
  /** The lease that pays for them; absent for calls of actors. */
  readonly lease?: LeaseId;
  /** The life of the actor that the calls are for; no other runs them. */
  readonly incarnation?: number;
  /** The owner's number of each task, also that of its first result. */
  readonly numbers: readonly number[];
  readonly args: readonly WireArguments[];
  /**
   * The first task's claim, the others have the next; absent for actors, and
   * where nothing can be taken back.
   */
  readonly claim?: number;
  /** The GPUs of the lease, if it has any. */
  readonly gpuIds?: readonly string[];
  /** Which attempt this is, from 0; absent when all are the first. */
  readonly attempts?: readonly number[];
  /**
   * The number that the store is to have each one's first result by; absent
   * when it is the task's own for all. What was lost is made again under
   * another, so that late news of the old one is not taken for its own.
   */
  readonly storedFrom?: readonly number[];
}

export interface TaskCancel {
  readonly type: "task_cancel";
  readonly number: number;
  readonly recursive: boolean;
}

/** The reader of a stream has taken so many items. */
export interface StreamConsumed {
  readonly type: "stream_consumed";
  readonly number: number;
  readonly consumed: number;
}

/** The owner holds the refs in these results now; the executor may let go. */
export interface ResultsTaken {
  readonly type: "results_taken";
  readonly numbers: readonly number[];
}

// -- Executor to owner -------------------------------------------------------

/** Tasks with one small result each: the common case, in columns. */
export interface TasksDone {
  readonly type: "tasks_done";
  readonly numbers: readonly number[];
  /** A primitive, or bytes of the value codec. */
  readonly values: readonly (Primitive | Uint8Array)[];
}

/** A task with several, large or ref-holding results. */
export interface TaskReturned {
  readonly type: "task_returned";
  readonly number: number;
  readonly returns: readonly WireValue[];
}

export interface TaskFailed {
  readonly type: "task_failed";
  readonly number: number;
  readonly error: WireError;
}

/** One item of a stream. */
export interface StreamYielded {
  readonly type: "stream_yielded";
  readonly number: number;
  readonly index: number;
  readonly item: WireValue | { readonly error: WireError };
}

export interface StreamEnded {
  readonly type: "stream_ended";
  readonly number: number;
  readonly count: number;
}

/** Said for templates with a time limit, when a task begins. */
export interface TaskStarted {
  readonly type: "task_started";
  readonly number: number;
}

/** The lease's task waits; these tasks were not begun and go back. */
export interface LeaseBlocked {
  readonly type: "lease_blocked";
  readonly lease: LeaseId;
  readonly returned: readonly number[];
}

export interface LeaseResumed {
  readonly type: "lease_resumed";
  readonly lease: LeaseId;
}

// -- Borrower to owner, and back --------------------------------------------

/** The sender holds refs to these objects of the receiver from now on. */
export interface Borrow {
  readonly type: "borrow";
  readonly numbers: readonly number[];
}

/** Answers a `borrow`: the owner counts on the borrower. */
export interface Borrowed {
  readonly type: "borrowed";
  readonly numbers: readonly number[];
}

export interface BorrowEnded {
  readonly type: "borrow_ended";
  readonly numbers: readonly number[];
}

/** Asks for an object's value as soon as there is one. */
export interface ObjectWanted {
  readonly type: "object_wanted";
  readonly number: number;
  /** The store has nothing by this number, which the asker was given. */
  readonly gone?: number;
}

export interface ObjectValue {
  readonly type: "object_value";
  readonly number: number;
  readonly value: WireValue | { readonly error: WireError };
}

/** A borrower asks the owner to cancel the task behind an object. */
export interface CancelWanted {
  readonly type: "cancel_wanted";
  readonly number: number;
  readonly force: boolean;
  readonly recursive: boolean;
}

/** Asks for the place of code that was not bundled when it was sent. */
export interface CodeWanted {
  readonly type: "code_wanted";
  readonly code: number;
}

export interface CodeFound {
  readonly type: "code_found";
  readonly code: number;
  readonly result: WireCode | { readonly error: WireError };
}

/** Everything that one thread with user code says to another. */
export type PeerMessage =
  | TemplateDefine
  | TaskPush
  | TaskCancel
  | StreamConsumed
  | ResultsTaken
  | TasksDone
  | TaskReturned
  | TaskFailed
  | StreamYielded
  | StreamEnded
  | TaskStarted
  | LeaseBlocked
  | LeaseResumed
  | Borrow
  | Borrowed
  | BorrowEnded
  | ObjectWanted
  | ObjectValue
  | CancelWanted
  | CodeWanted
  | CodeFound;

// -- Threads and their node: see node_messages.ts ----------------------------

/** Where a task may run. */
export type WireStrategy =
  | "default"
  | "spread"
  | { readonly nodeId: NodeId; readonly soft: boolean }
  | {
    readonly placementGroup: PlacementGroupId;
    readonly bundleIndex?: number;
    readonly captureChildTasks?: boolean;
  };

// Every error that Manta itself raises, in one place. A class's `code` is its
// identity: classes do not survive threads and wires, codes do
// (see `protocol/wire_error.ts`). Imports nothing of ours.

/** What every Manta error carries beside its message. */
export interface MantaErrorOptions {
  /** The error that led to this one. */
  cause?: unknown;
  /** Facts about the failure, copied onto the error as fields. */
  details?: Record<string, unknown>;
}

/**
 * The base of every error that Manta raises on its own account.
 *
 * @example Telling failures apart
 * ```ts ignore
 * try {
 *   await get(ref);
 * } catch (error) {
 *   if (error instanceof MantaError && error.retryable) retry();
 * }
 * ```
 */
export class MantaError extends Error {
  /** The name of the class. */
  override readonly name: string = "MantaError";
  /** The stable name of this kind of failure, in snake_case. */
  readonly code: string = "manta_error";
  /** Whether trying the same again can succeed. */
  readonly retryable: boolean = false;

  /** Makes an error; `details` become fields of it. */
  constructor(message: string, options: MantaErrorOptions = {}) {
    super(message, "cause" in options ? { cause: options.cause } : undefined);
    if (options.details) Object.assign(this, options.details);
  }
}

/** User code threw: `cause` is the user's error, rebuilt. */
export class TaskError extends MantaError {
  override readonly name: string = "TaskError";
  override readonly code = "task_error";
}

/** The task was cancelled before it could finish. */
export class TaskCancelledError extends MantaError {
  override readonly name: string = "TaskCancelledError";
  override readonly code = "task_cancelled";
}

/** No node can ever run the task under its hard constraints. */
export class TaskUnschedulableError extends MantaError {
  override readonly name: string = "TaskUnschedulableError";
  override readonly code = "task_unschedulable";
}

/** The task ran longer than its `timeout` option. */
export class TaskTimeoutError extends MantaError {
  override readonly name: string = "TaskTimeoutError";
  override readonly code = "task_timeout";
}

/** `get` waited for its `timeout` and the value was not there. */
export class GetTimeoutError extends MantaError {
  override readonly name: string = "GetTimeoutError";
  override readonly code = "get_timeout";
  override readonly retryable = true;
}

/** The actor is dead; `cause` says what killed it. */
export class ActorDiedError extends MantaError {
  override readonly name: string = "ActorDiedError";
  override readonly code = "actor_died";
}

/** The actor is restarting or out of reach; the call may have run. */
export class ActorUnavailableError extends MantaError {
  override readonly name: string = "ActorUnavailableError";
  override readonly code = "actor_unavailable";
  override readonly retryable = true;
}

/** Another live actor of the namespace has this name. */
export class ActorNameTakenError extends MantaError {
  override readonly name: string = "ActorNameTakenError";
  override readonly code = "actor_name_taken";
}

/** The handle has `maxPendingCalls` unfinished calls. */
export class PendingCallsLimitError extends MantaError {
  override readonly name: string = "PendingCallsLimitError";
  override readonly code = "pending_calls_limit";
  override readonly retryable = true;
}

/** The thread or process that ran the task ended under it. */
export class WorkerDiedError extends MantaError {
  override readonly name: string = "WorkerDiedError";
  override readonly code = "worker_died";
  override readonly retryable = true;
}

/** The node that ran the task is gone. */
export class NodeDiedError extends MantaError {
  override readonly name: string = "NodeDiedError";
  override readonly code = "node_died";
  override readonly retryable = true;
}

/** Stopped because the machine was running out of memory. */
export class OutOfMemoryError extends MantaError {
  override readonly name: string = "OutOfMemoryError";
  override readonly code = "out_of_memory";
  override readonly retryable = true;
}

/** The object cannot be had any more. */
export class ObjectLostError extends MantaError {
  override readonly name: string = "ObjectLostError";
  override readonly code: string = "object_lost";
}

/** The thread that owned the object is gone, and the object with it. */
export class OwnerDiedError extends ObjectLostError {
  override readonly name: string = "OwnerDiedError";
  override readonly code = "owner_died";
}

/** The object was lost and could not be rebuilt from its lineage. */
export class ReconstructionError extends ObjectLostError {
  override readonly name: string = "ReconstructionError";
  override readonly code = "reconstruction_failed";
}

/** The object store has no room, and nothing in it can go. */
export class ObjectStoreFullError extends MantaError {
  override readonly name: string = "ObjectStoreFullError";
  override readonly code = "object_store_full";
  override readonly retryable = true;
}

/** The disk under the spill directory is full. */
export class OutOfDiskError extends MantaError {
  override readonly name: string = "OutOfDiskError";
  override readonly code = "out_of_disk";
  override readonly retryable = true;
}

/** A value cannot be serialised; `path` says which part of it. */
export class SerializationError extends MantaError {
  override readonly name: string = "SerializationError";
  override readonly code = "serialization_failed";
  /** Where in the value, such as `args[0].socket`. */
  declare readonly path?: string;
}

/** A function uses variables that cannot be shipped with it. */
export class CaptureError extends MantaError {
  override readonly name: string = "CaptureError";
  override readonly code = "capture_failed";
  /** The captured variables, with the line each is used on. */
  declare readonly captures?: readonly { name: string; line: number }[];
}

/** The runtime environment of a job, task or actor could not be made. */
export class RuntimeEnvError extends MantaError {
  override readonly name: string = "RuntimeEnvError";
  override readonly code = "runtime_env_failed";
}

/** The placement group was removed under its tasks and actors. */
export class PlacementGroupRemovedError extends MantaError {
  override readonly name: string = "PlacementGroupRemovedError";
  override readonly code = "placement_group_removed";
}

/** No connection to the cluster could be made, or it was lost. */
export class ConnectionError extends MantaError {
  override readonly name: string = "ConnectionError";
  override readonly code = "connection_failed";
  override readonly retryable = true;
}

/** The cluster refused the token. */
export class AuthenticationError extends MantaError {
  override readonly name: string = "AuthenticationError";
  override readonly code = "authentication_failed";
}

/** Bytes from a peer that are no message of the protocol. */
export class ProtocolError extends MantaError {
  override readonly name: string = "ProtocolError";
  override readonly code = "protocol_error";
}

/** A bug of ours: a state machine was led where it must not go. */
export class InvariantError extends MantaError {
  override readonly name: string = "InvariantError";
  override readonly code = "invariant_broken";
}

/** Every class by its code; what `wire_error.ts` rebuilds errors with. */
export const ERROR_CLASSES: ReadonlyMap<
  string,
  new (message: string, options?: MantaErrorOptions) => MantaError
> = new Map(
  [
    MantaError,
    TaskError,
    TaskCancelledError,
    TaskUnschedulableError,
    TaskTimeoutError,
    GetTimeoutError,
    ActorDiedError,
    ActorUnavailableError,
    ActorNameTakenError,
    PendingCallsLimitError,
    WorkerDiedError,
    NodeDiedError,
    OutOfMemoryError,
    ObjectLostError,
    OwnerDiedError,
    ReconstructionError,
    ObjectStoreFullError,
    OutOfDiskError,
    SerializationError,
    CaptureError,
    RuntimeEnvError,
    PlacementGroupRemovedError,
    ConnectionError,
    AuthenticationError,
    ProtocolError,
    InvariantError,
  ].map((errorClass) => [new errorClass("").code, errorClass]),
);

/** For the `default` of an exhaustive `switch`. */
export function unreachable(value: never): never {
  throw new InvariantError(`Unexpected case: ${JSON.stringify(value)}`);
}

// What an executor needs of its surroundings, given by the thread's wiring;
// tests and the simulation give their own.

import type { LeaseId, WorkerId } from "../base/ids.ts";
import type {
  PeerMessage,
  WireCode,
  WireEnvironment,
  WireStored,
  WireValue,
} from "../protocol/messages.ts";
import type { WireActor } from "../protocol/node_messages.ts";
import type { WireError } from "../protocol/wire_error.ts";
import type { ActorPlace, TaskRun } from "./task_run.ts";

/** A value turned into bytes. */
export interface EncodedResult {
  readonly sizeBytes: number;
  readonly contained: readonly object[];
  toPayload(): Uint8Array;
  layOut(target: Uint8Array): void;
}

/** Which actor, and which of its lives. */
export type ActorLife = Pick<ActorPlace, "actorId" | "incarnation">;

/** See the head of the file. */
export interface ExecutorPorts {
  readonly workerId: WorkerId;
  send(owner: WorkerId, message: PeerMessage): void;
  /** Claims a pushed task; false when its owner has taken it back. */
  claim(owner: WorkerId, claim: number): boolean;
  revoke(owner: WorkerId, claim: number): boolean;
  /** Sends what waits, at the end of this turn. */
  flush(): void;
  /** Sends what waits at once: something long may follow. */
  flushNow(): void;
  /** Whether messages wait to be taken in. */
  poll(): void;
  readonly codec: {
    encode(value: unknown, root: string): EncodedResult;
    decode(bytes: Uint8Array, share: boolean): unknown;
    /** With stacks mapped to the user's source. */
    encodeError(error: unknown): WireError;
    /** Runs `work` with the classes that this code registered. */
    within<T>(codeHash: string | undefined, work: () => T): T;
  };
  readonly store: {
    write(
      owner: WorkerId,
      number: number,
      encoded: EncodedResult,
    ): Promise<void>;
    open(owner: WorkerId, number: number): Promise<Uint8Array>;
    /**
     * What has become of a value that could not be opened, as its owner says;
     * rejects, most often with the error. The run waits meanwhile.
     */
    again(
      value: WireStored,
      why: { readonly error: unknown; readonly tries: number },
      run: TaskRun | undefined,
    ): Promise<WireValue>;
  };
  readonly node: {
    /** Its CPU is for others; `isIdle`: for want of work, not for a wait. */
    blockLease(leaseId: LeaseId, why?: { readonly isIdle: true }): void;
    unblockLease(leaseId: LeaseId): void;
    /** Nothing runs any more under a lease that is gone. */
    leaveLease(leaseId: LeaseId): void;
    actorConstructed(actor: ActorLife): void;
    actorConstructionFailed(actor: ActorLife, error: WireError): void;
    actorExited(actor: ActorLife): void;
  };
  /** Loads code within the environment that it runs in. */
  loadCode(
    code: WireCode,
    environment: WireEnvironment | undefined,
  ): Promise<unknown>;
  /** Calls a function with the run as its context. */
  runAs(run: TaskRun, work: () => unknown): unknown;
  /** Calls a constructor with the actor as its context. */
  constructAs(actor: ActorPlace, work: () => unknown): unknown;
  /** Calls back when the owners of borrowed refs know of us. */
  whenAcknowledged(callback: () => void): void;
  readonly allAcknowledged: () => boolean;
  pin(contained: readonly object[]): void;
  unpin(contained: readonly object[]): void;
  /** Cancels what a run has submitted. */
  cancelChildren(run: TaskRun): void;
  /** Wraps what user code threw, with where that was. */
  taskError(run: TaskRun, error: unknown): unknown;
  /** The same for what a constructor threw. */
  actorError(actor: WireActor, error: unknown): unknown;
  /** `error` is what it failed with, if it did. */
  ended(run: TaskRun, error: WireError | undefined): void;
  nowMs(): number;
}

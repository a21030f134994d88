// What an owner needs of its surroundings, as interfaces: the wiring gives
// the real ones, tests and the simulator give their own.

import type { ActorId, LeaseId, WorkerId } from "../base/ids.ts";
import type { WireError } from "../protocol/wire_error.ts";
import type { PeerMessage } from "../protocol/messages.ts";
import type { SchedulingClass } from "./task_record.ts";
import type { ObjectRef } from "./object_ref.ts";

/** A peer thread, whether its link is open yet or not. */
export interface OwnerPeer {
  readonly id: WorkerId;
  readonly closed: boolean;
  send(message: PeerMessage): void;
  /**
   * The claims on what this owner pushes; absent until the link is open, and
   * where there is no shared memory.
   */
  readonly claims: Claims | undefined;
  whenOpen(callback: () => void): void;
}

/** The owner's side of a claim table; see `transport/claims.ts`. */
export interface Claims {
  readonly room: number;
  queue(): number;
  release(claim: number): void;
  revoke(claim: number): boolean;
}

/** What the owner says to its node. */
export interface OwnerNode {
  demand(schedulingClass: SchedulingClass, count: number): void;
  returnLease(leaseId: LeaseId): void;
  killThread(workerId: WorkerId, reason: string): void;
}

/** The node's store of large objects, as this thread reaches it. */
export interface OwnerStore {
  /** Takes the bytes over at once; resolves when the store accepts them. */
  write(
    owner: WorkerId,
    number: number,
    encoded: Pick<Encoded, "sizeBytes" | "layOut">,
  ): Promise<void>;
  open(owner: WorkerId, number: number): Promise<Uint8Array>;
  free(owner: WorkerId, number: number): void;
}

/** A value turned into bytes; see `protocol/value_codec.ts`. */
export interface Encoded {
  readonly sizeBytes: number;
  /** Refs, and the pins of handles, inside, each once. */
  readonly contained: readonly object[];
  toPayload(): Uint8Array;
  layOut(target: Uint8Array): void;
}

/** Values of users to bytes and back. */
export interface OwnerCodec {
  encode(value: unknown, root: string): Encoded;
  /** `source` keeps refs inside alive until their owners know of us. */
  decode(bytes: Uint8Array, share: boolean, source?: object): unknown;
  encodeError(error: unknown): WireError;
  decodeError(error: WireError): Error;
}

/** A collected ref, in words that do not keep it alive. */
export interface Collected {
  readonly owner: WorkerId;
  readonly number: number;
  /** The number that the store has its value by, if it has. */
  readonly storedAs: number | undefined;
  readonly contained: readonly object[] | undefined;
}

/** Tells of refs that the runtime has collected. */
export interface OwnerCollector {
  /** Watches a ref; a second call for a ref replaces the first. */
  watch(ref: ObjectRef, collected: Collected): void;
  unwatch(ref: ObjectRef): void;
}

/** Timers; they must not keep a process alive. */
export interface OwnerTimers {
  after(delayMs: number, callback: () => void): () => void;
}

/** Keeps an actor alive while it is pinned. */
export interface ActorPin {
  readonly actorId: ActorId;
  pin(): void;
  unpin(): void;
}

/** Everything together. */
export interface OwnerPorts {
  readonly workerId: WorkerId;
  peer(id: WorkerId): OwnerPeer;
  readonly node: OwnerNode;
  readonly store: OwnerStore;
  readonly codec: OwnerCodec;
  readonly collector: OwnerCollector;
  readonly timers: OwnerTimers;
  /** The time on a clock that never goes back. */
  nowMs(): number;
  /** Something was queued: `Owner.flush` is to be called soon. */
  scheduleFlush(): void;
  /** What keeps an actor alive, to be pinned in the same turn. */
  holdActor(actorId: ActorId): ActorPin;
  /** A failure that nobody has asked for is lost now. */
  reportUnseen(error: WireError): void;
}

// An owner with everything around it faked: what it sends is recorded, and
// nothing happens unless the test says so.

import type { LeaseId, WorkerId } from "../../../runtime/base/ids.ts";
import { ObjectRef } from "../../../runtime/owner/object_ref.ts";
import { Owner } from "../../../runtime/owner/owner.ts";
import type { Collected, OwnerPorts } from "../../../runtime/owner/ports.ts";
import type {
  SchedulingClass,
  TaskTemplate,
} from "../../../runtime/owner/task_record.ts";
import type {
  ObjectKey,
  PeerMessage,
} from "../../../runtime/protocol/messages.ts";
import {
  decodeError,
  encodeError,
} from "../../../runtime/protocol/wire_error.ts";
import { SessionCodec } from "../../../runtime/session_codec.ts";
import {
  ClaimTable,
  newClaimBuffer,
} from "../../../runtime/transport/claims.ts";

export const OWNER = "w-owner" as WorkerId;
export const EXECUTOR = "w-executor" as WorkerId;
export const OTHER = "w-other" as WorkerId;
export const LEASE = "l-1" as LeaseId;

/** Something the owner did; peers' messages are `{ to, ...message }`. */
export type Deed = Readonly<Record<string, unknown>>;

/** See the head of the file. */
export class OwnerFixture {
  readonly owner: Owner;
  readonly watched = new Map<ObjectRef, Collected>();
  /** What the executor's side sees of the claims. */
  readonly claims: ClaimTable;
  readonly timers: { readonly delayMs: number; callback(): void }[] = [];
  readonly closed = new Set<WorkerId>();
  /** Threads whose links never open. */
  readonly opening = new Set<WorkerId>();
  readonly codec: SessionCodec;
  #deeds: Deed[] = [];
  #templateCount = 0;
  readonly #classes = new Map<string, SchedulingClass>();

  constructor(options: { readonly lineageBytesMax?: number | undefined } = {}) {
    const buffer = newClaimBuffer();
    this.claims = new ClaimTable(buffer);
    this.codec = new SessionCodec({
      ref: {
        write: (object) =>
          object instanceof ObjectRef
            ? { value: [object.ownerId, object.number], holds: object }
            : undefined,
        read: (value, source) =>
          this.owner.references.importRef(value as ObjectKey, { source }),
      },
    });
    this.owner = new Owner(
      this.#ports(new ClaimTable(buffer)),
      options.lineageBytesMax,
    );
  }

  /** What was done since the last call. */
  take(): Deed[] {
    this.owner.flush();
    return this.#deeds.splice(0);
  }

  /** The messages among it, to all peers. */
  takeSent(type?: PeerMessage["type"]): Deed[] {
    return this.take().filter((deed) =>
      deed["to"] !== undefined && (!type || deed["type"] === type)
    );
  }

  template(options: Partial<TaskTemplate> = {}): TaskTemplate {
    const { returns = 1 } = options;
    return {
      index: ++this.#templateCount,
      name: "task",
      returns,
      backpressure: 0,
      timeoutMs: undefined,
      maxRetries: 3,
      retries: () => false,
      schedulingClass: this.#class("CPU"),
      spec: { name: "task", returns, backpressure: 0, resources: {} },
      ...options,
    };
  }

  /** A lease is granted, and its link is open. */
  grant(leaseId = LEASE, thread = EXECUTOR): void {
    this.owner.leaseGranted("CPU", leaseId, thread);
  }

  receive(message: PeerMessage, from = EXECUTOR): void {
    this.owner.receive(from, message);
  }

  die(worker: WorkerId, reason = new Error("crash")): void {
    this.closed.add(worker);
    this.owner.workerEnded(worker, encodeError(reason));
  }

  /** The runtime collects a ref. */
  collect(ref: ObjectRef): void {
    const collected = this.watched.get(ref);
    this.watched.delete(ref);
    if (collected) this.owner.references.collected(collected);
  }

  #class(key: string): SchedulingClass {
    let known = this.#classes.get(key);
    if (!known) {
      known = { key, resources: {}, strategy: "default" };
      this.#classes.set(key, known);
    }
    return known;
  }

  #ports(claims: ClaimTable): OwnerPorts {
    const note = (deed: Deed) => void this.#deeds.push(deed);
    const { closed } = this;
    return {
      workerId: OWNER,
      peer: (id) => ({
        id,
        get closed() {
          return closed.has(id);
        },
        claims,
        send: (message) => note({ to: id, ...message }),
        whenOpen: (callback) => {
          if (!this.opening.has(id)) callback();
        },
      }),
      node: {
        demand: ({ key }, count) => note({ demand: key, count }),
        returnLease: (leaseId) => note({ returned: leaseId }),
        killThread: (killed) => note({ killed }),
      },
      store: {
        write: (owner, number) => {
          note({ written: [owner, number] });
          return Promise.resolve();
        },
        open: () => Promise.resolve(new Uint8Array()),
        free: (owner, number) => note({ freed: [owner, number] }),
      },
      codec: {
        encode: (value, root) => this.codec.encode(value, root),
        decode: (bytes, share, source) =>
          this.codec.decode(bytes, share, source),
        encodeError: (error) => encodeError(error),
        decodeError: (error) => decodeError(error),
      },
      collector: {
        watch: (ref, collected) => void this.watched.set(ref, collected),
        unwatch: (ref) => void this.watched.delete(ref),
      },
      timers: {
        after: (delayMs, callback) => {
          const timer = { delayMs, callback };
          this.timers.push(timer);
          return () => {
            this.timers.splice(this.timers.indexOf(timer), 1);
          };
        },
      },
      nowMs: () => 0,
      scheduleFlush: () => {},
      holdActor: (actorId) => ({ actorId, pin() {}, unpin() {} }),
      reportUnseen: (error) => note({ unseen: error.message }),
    };
  }
}

// Leases that are over before they were returned: whoever runs under one is
// told to stop, and a thread that does not is stopped. Belongs to the wiring
// of a node.

import type { Timers } from "./base/clock.ts";
import { PlacementGroupRemovedError } from "./base/errors.ts";
import type { LeaseId, WorkerId } from "./base/ids.ts";
import { LEASE_OVER_GRACE_MS } from "./base/limits.ts";
import type { FromNode } from "./protocol/node_messages.ts";
import { encodeError } from "./protocol/wire_error.ts";
import type { RevokeLease } from "./scheduler/messages.ts";

/** What the node gives. */
export interface RevokedLeasesPorts {
  send(workerId: WorkerId, message: FromNode): void;
  stopThread(workerId: WorkerId, reason: string): void;
}

/** See the head of the file. */
export class RevokedLeases {
  readonly #ports: RevokedLeasesPorts;
  readonly #timers: Timers;
  /** Those under which something may still run. */
  readonly #leaving = new Map<LeaseId, () => void>();

  constructor(ports: RevokedLeasesPorts, timers: Timers) {
    this.#ports = ports;
    this.#timers = timers;
  }

  /** A lease is over: its thread and its owner are told. */
  revoke({ leaseId, owner, threadId, reason }: RevokeLease): void {
    if (reason === "thread_ended") return;
    const error = encodeError(
      new PlacementGroupRemovedError(
        "Cannot go on: the placement group of the task was removed",
      ),
    );
    const { send, stopThread } = this.#ports;
    if (reason === "group_removed") {
      send(owner, { type: "lease_revoke", leaseId, error });
    }
    send(threadId, { type: "lease_over", leaseId, error });
    // What does not heed it would run on beside others, on their CPUs.
    const forget = this.#timers.after(LEASE_OVER_GRACE_MS, () => {
      this.#leaving.delete(leaseId);
      stopThread(threadId, "a task of it went on without a lease");
    });
    this.#leaving.set(leaseId, forget);
  }

  /** Nothing runs under the lease any more. */
  left(leaseId: LeaseId): void {
    this.#leaving.get(leaseId)?.();
    this.#leaving.delete(leaseId);
  }
}

// Leases that have no work and whose owner does not answer when they are asked
// back, since its process is stopped or busy: their CPUs are lent out until
// there is work for them. Nothing is taken from the owner.

import type { LeaseId } from "../base/ids.ts";
import { IDS_REMEMBERED_MAX } from "../base/limits.ts";
import type { ExecutorPorts } from "./ports.ts";

/** See the head of the file. */
export class ParkedLeases {
  readonly #node: ExecutorPorts["node"];
  readonly #ids = new Set<LeaseId>();

  constructor(node: ExecutorPorts["node"]) {
    this.#node = node;
  }

  /** A lease without work is lent out. */
  park(leaseId: LeaseId): void {
    if (this.#ids.has(leaseId)) return;
    // Those that were returned meanwhile are never heard of again.
    if (this.#ids.size >= IDS_REMEMBERED_MAX) this.#ids.clear();
    this.#ids.add(leaseId);
    this.#node.blockLease(leaseId, { isIdle: true });
  }

  /** A lease gets work. */
  resume(leaseId: LeaseId): void {
    if (this.#ids.size > 0 && this.#ids.delete(leaseId)) {
      this.#node.unblockLease(leaseId);
    }
  }
}

// A node's own side of its health: when it tells the head how it is. What has
// changed is told soon, and what has not is told again and again, since who is
// silent is held for dead. Pure: the wiring asks it and sends.

import {
  NODE_DRAIN_MS_MAX,
  NODE_REPORT_MS,
  NODE_REPORT_MS_MAX,
} from "../base/limits.ts";
import { sameResources } from "../base/resources.ts";
import type { NodeReport } from "../protocol/cluster_messages.ts";

/** What a node tells of itself, but for what is kept here. */
export type NodeCondition = Omit<NodeReport, "isDraining">;

/** See the head of the file. */
export class NodeReports {
  #sent: NodeReport | undefined;
  #sentAtMs = -Infinity;
  #drainingSinceMs: number | undefined;

  /** Whether the node takes no new work; for good once it began. */
  get isDraining(): boolean {
    return this.#drainingSinceMs !== undefined;
  }

  /** The node is to end what it runs, and to leave. */
  drain(nowMs: number): void {
    this.#drainingSinceMs ??= nowMs;
  }

  /** Whether a draining node may leave: nothing is left, or it took too long. */
  mayLeave(left: number, nowMs: number): boolean {
    if (this.#drainingSinceMs === undefined) return false;
    return left === 0 || nowMs - this.#drainingSinceMs >= NODE_DRAIN_MS_MAX;
  }

  /** The report for a head that has none yet. */
  first(now: NodeCondition, nowMs: number): NodeReport {
    this.#sent = { ...now, isDraining: this.isDraining };
    this.#sentAtMs = nowMs;
    return this.#sent;
  }

  /** The report that is to be sent now, if one is. */
  due(now: NodeCondition, nowMs: number): NodeReport | undefined {
    const sinceMs = nowMs - this.#sentAtMs;
    // Cheaper than to compare; a node asks at each of its turns.
    if (sinceMs < NODE_REPORT_MS) return undefined;
    const report = { ...now, isDraining: this.isDraining };
    const isNews = !this.#sent || !isSameReport(this.#sent, report);
    if (!isNews && sinceMs < NODE_REPORT_MS_MAX) return undefined;
    return this.first(now, nowMs);
  }
}

/** Whether nobody needs to be told the second after the first. */
export function isSameReport(left: NodeReport, right: NodeReport): boolean {
  return left.storeUsedBytes === right.storeUsedBytes &&
    left.storeSpilledBytes === right.storeSpilledBytes &&
    left.waiting === right.waiting &&
    left.isDraining === right.isDraining &&
    sameResources(left.available, right.available);
}

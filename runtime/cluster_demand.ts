// Spreads what the owners of a node want over the nodes of its cluster: tells
// the pure part what happens, and performs what it decides. As long as there is
// no other node, demand goes to the own scheduler and past all of this.

import { type Clock, every, type Timers } from "./base/clock.ts";
import type {
  JobId,
  LeaseId,
  NodeId,
  PlacementGroupId,
  WorkerId,
} from "./base/ids.ts";
import { NODE_REPORT_MS } from "./base/limits.ts";
import type { Uncaused } from "./node_actors.ts";
import type { NodeJobs } from "./node_jobs.ts";
import { infeasibleText, unschedulableError } from "./node_texts.ts";
import type { ClusterMessage, NodeView } from "./protocol/cluster_messages.ts";
import type { FromNode, ToNode, WireClass } from "./protocol/node_messages.ts";
import { encodeError } from "./protocol/wire_error.ts";
import type { Unplaced } from "./listed_waiting.ts";
import { DemandSpread } from "./scheduler/cluster/demand_spread.ts";
import type {
  GroupLocated,
  ReportedNode,
  SpreadAction,
  SpreadEvent,
} from "./scheduler/cluster/messages.ts";
import type { ClassSpec, SchedulerEvent } from "./scheduler/messages.ts";
import type { Scheduler } from "./scheduler/scheduler.ts";

/** What is needed of the node and its cluster. */
export interface ClusterDemandPorts {
  readonly nodeId: NodeId;
  readonly scheduler: Scheduler;
  readonly jobs: NodeJobs;
  readonly labels: Readonly<Record<string, string>>;
  readonly clock: Clock;
  readonly timers: Timers;
  schedule(event: Uncaused<SchedulerEvent>): void;
  /** To an owner of this node. */
  send(owner: WorkerId, message: FromNode): void;
  /** To another node; it knows the job. */
  tellNode(nodeId: NodeId, jobId: JobId, message: ClusterMessage): void;
  /** Has the head tell where a group is, now and later. */
  locateGroup(groupId: PlacementGroupId): void;
  /** The driver of a job is to show a text. */
  warn(jobId: JobId | undefined, text: string): void;
  /** Sends what has come of a tick. */
  flush(): void;
}

type DemandChange = Extract<ToNode, { type: "demand_change" }>;
type DemandSpreadMessage = Extract<ClusterMessage, { type: "demand_spread" }>;

/** See the head of the file. */
export class ClusterDemand {
  readonly #ports: ClusterDemandPorts;
  readonly #spread: DemandSpread;
  /** Whether there has ever been another node. */
  #isUsed = false;
  /** The leases of owners of this node, by their threads. */
  readonly #leases = new Map<WorkerId, Set<LeaseId>>();
  readonly #threads = new Map<LeaseId, WorkerId>();
  #ticker: (() => void) | undefined;

  constructor(ports: ClusterDemandPorts) {
    this.#ports = ports;
    const { nodeId, scheduler, labels } = ports;
    this.#spread = new DemandSpread({
      nodeId,
      total: scheduler.totals(),
      labels,
      available: () => scheduler.available(),
    });
  }

  end(): void {
    this.#ticker?.();
  }

  // -- Owners of this node ---------------------------------------------------

  /** An owner wants leases; false if it is for the own scheduler alone. */
  wanted(owner: WorkerId, jobId: JobId, message: DemandChange): boolean {
    if (!this.#isUsed) return false;
    const { key: classKey, ...wire } = message.schedulingClass;
    const { count, depth } = message;
    const spec = specOf(wire);
    this.#tell({
      type: "demand_wanted",
      ...{ owner, jobId, classKey, spec, count, depth },
    });
    return true;
  }

  /** An owner gives a lease back; its node is to hear of it afterwards. */
  returning(leaseId: LeaseId): void {
    if (!this.#isUsed) return;
    this.#forgetLease(leaseId);
    this.#tell({ type: "lease_returning", leaseId });
  }

  ownerEnded(owner: WorkerId): void {
    if (this.#isUsed) this.#tell({ type: "owner_ended", owner });
  }

  // -- What schedulers say to owners of this node ----------------------------

  /** A node says something to an owner; true if that is not for the owner. */
  heard(nodeId: NodeId, owner: WorkerId, message: FromNode): boolean {
    if (!this.#isUsed) return false;
    switch (message.type) {
      case "lease_grant": {
        const { leaseId, classKey, threadId } = message;
        this.#noteLease(leaseId, threadId);
        this.#tell({ type: "lease_granted", leaseId, owner, classKey });
        return false;
      }
      case "lease_revoke":
        this.#leaseGone(message.leaseId);
        return false;
      case "demand_fail": {
        const { classKey, reason } = message;
        this.#tell({
          type: "demand_failed",
          ...{ owner, classKey, nodeId, reason },
        });
        return true;
      }
      default:
        return false;
    }
  }

  /** A thread is gone, and the leases on it. */
  threadEnded(threadId: WorkerId): void {
    for (const leaseId of this.#leases.get(threadId) ?? []) {
      this.#leaseGone(leaseId);
    }
  }

  #leaseGone(leaseId: LeaseId): void {
    this.#forgetLease(leaseId);
    this.#tell({ type: "lease_gone", leaseId });
  }

  #noteLease(leaseId: LeaseId, threadId: WorkerId): void {
    let leases = this.#leases.get(threadId);
    if (!leases) this.#leases.set(threadId, leases = new Set());
    leases.add(leaseId);
    this.#threads.set(leaseId, threadId);
  }

  #forgetLease(leaseId: LeaseId): void {
    const threadId = this.#threads.get(leaseId);
    if (!threadId) return;
    this.#threads.delete(leaseId);
    const leases = this.#leases.get(threadId)!;
    leases.delete(leaseId);
    if (leases.size === 0) this.#leases.delete(threadId);
  }

  // -- Other nodes -----------------------------------------------------------

  /** What no node is asked for. */
  unplaced(): Unplaced[] {
    return this.#spread.unplaced().map(({ needed: resources, count }) => (
      { kind: "task", resources, count }
    ));
  }

  /** An owner of another node wants leases of this one. */
  asked(message: DemandSpreadMessage): void {
    const { owner, jobId, schedulingClass, count, depth } = message;
    const { key: classKey, ...wire } = schedulingClass;
    this.#ports.schedule({
      type: "demand_changed",
      ...{ owner, jobId, classKey, spec: specOf(wire), count, depth },
    });
  }

  viewsChanged(views: readonly ReportedNode[]): void {
    const isOther = ({ nodeId }: ReportedNode) => nodeId !== this.#ports.nodeId;
    if (!this.#isUsed && !views.some(isOther)) return;
    if (!this.#isUsed) this.#begin();
    this.#tell({ type: "views_changed", views });
  }

  /** Where the bundles of a group are, for demand that is within it. */
  groupLocated(event: GroupLocated): void {
    this.#tell(event);
  }

  groupGone(groupId: PlacementGroupId): void {
    this.#tell({ type: "group_gone", groupId });
  }

  /** Another node is there: what the own scheduler was told is taken over. */
  #begin(): void {
    this.#isUsed = true;
    const { scheduler } = this.#ports;
    for (const { leaseId, threadId } of scheduler.leases()) {
      this.#noteLease(leaseId, threadId);
    }
    for (const demand of scheduler.demands()) {
      this.#tell({ type: "demand_adopted", ...demand });
    }
  }

  // -- Deciding --------------------------------------------------------------

  #tell(event: SpreadEvent): void {
    for (const action of this.#spread.handle(event)) this.#perform(action);
    if (!this.#spread.isWaiting) {
      this.#ticker?.();
      this.#ticker = undefined;
    } else this.#ticker ??= this.#tickEvery();
  }

  #tickEvery(): () => void {
    return every(this.#ports.timers, NODE_REPORT_MS, () => this.#tick());
  }

  #tick(): void {
    const nowMs = this.#ports.clock.nowMs();
    this.#tell({ type: "clock_ticked", nowMs });
    this.#ports.flush();
  }

  #perform(action: SpreadAction): void {
    const { nodeId: own, schedule, send, tellNode, warn, jobs, locateGroup } =
      this.#ports;
    switch (action.type) {
      case "set_demand": {
        const { type: _type, nodeId, ...demand } = action;
        if (nodeId === own) {
          return schedule({ type: "demand_changed", ...demand });
        }
        const { owner, jobId, classKey, spec, count, depth } = demand;
        return tellNode(nodeId, jobId, {
          type: "demand_spread",
          ...{ owner, jobId, count, depth },
          schedulingClass: classOf(classKey, spec),
        });
      }
      case "fail_demand": {
        const { owner, classKey, reason } = action;
        const error = encodeError(unschedulableError(reason, "the task"));
        return send(owner, { type: "demand_fail", classKey, error, reason });
      }
      case "warn_infeasible": {
        const jobId = jobs.of(action.subject.owner)?.driver.jobId;
        return warn(jobId, infeasibleText(action));
      }
      case "locate_group":
        return locateGroup(action.groupId);
    }
  }
}

/** A node's view, as far as it matters for what runs where. */
export function reportedNode(
  { facts, report, state }: NodeView,
): ReportedNode {
  const { nodeId, total, labels } = facts;
  const { available, waiting } = report;
  return { nodeId, state, total, available, labels, waiting };
}

/** A class as the scheduler has it. */
export function specOf(
  { strategy, isolation, ...spec }: Omit<WireClass, "key">,
): ClassSpec {
  return {
    ...spec,
    strategy: strategy as ClassSpec["strategy"],
    isolation: isolation ?? "thread",
  };
}

function classOf(key: string, { isolation, ...spec }: ClassSpec): WireClass {
  return { key, ...spec, ...(isolation === "process" ? { isolation } : {}) };
}

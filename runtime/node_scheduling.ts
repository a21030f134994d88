// The scheduler of a node: performs what it decides, through the threads' links
// and the node's other parts. Decides nothing itself. Belongs to the wiring of
// a node.

import { systemTimers, type Timers } from "./base/clock.ts";
import type { JobId, WorkerId } from "./base/ids.ts";
import type { PlacementGroups } from "./control/placement_groups.ts";
import type { NodeActors, Uncaused } from "./node_actors.ts";
import { gpuIdsOf } from "./node_gpus.ts";
import { RevokedLeases } from "./node_leases.ts";
import { infeasibleText, unschedulableError } from "./node_texts.ts";
import type { PlaceAnswer } from "./protocol/cluster_messages.ts";
import type { FromNode } from "./protocol/node_messages.ts";
import { encodeError } from "./protocol/wire_error.ts";
import type {
  ReclaimLease,
  SchedulerAction,
  SchedulerEvent,
  StartThread,
  WarnInfeasible,
} from "./scheduler/messages.ts";
import type { Scheduler } from "./scheduler/scheduler.ts";

/** What the scheduler needs of its node. */
export interface NodeSchedulingPorts {
  readonly actors: NodeActors;
  readonly groups: PlacementGroups;
  send(workerId: WorkerId, message: FromNode): void;
  startThread(thread: StartThread): void;
  stopThread(workerId: WorkerId, reason: string): void;
  /** There is a place for an actor or bundles, or none, for who has asked. */
  answered(answer: PlaceAnswer): void;
  /** The job of a driver or a thread. */
  jobOf(workerId: WorkerId): JobId | undefined;
  /** Tells the driver of a job. */
  warn(jobId: JobId | undefined, text: string): void;
}

/** See the head of the file. */
export class NodeScheduling {
  readonly revoked: RevokedLeases;
  readonly #scheduler: Scheduler;
  readonly #ports: NodeSchedulingPorts;
  #causeCount = 0;

  constructor(
    scheduler: Scheduler,
    ports: NodeSchedulingPorts,
    timers: Timers = systemTimers,
  ) {
    this.#scheduler = scheduler;
    this.#ports = ports;
    this.revoked = new RevokedLeases(ports, timers);
  }

  /** Tells the scheduler what happened, and does what follows. */
  take(event: Uncaused<SchedulerEvent>): void {
    const cause = `${event.type}-${++this.#causeCount}`;
    for (const action of this.#scheduler.handle({ ...event, cause })) {
      this.#perform(action);
    }
  }

  #perform(action: SchedulerAction): void {
    const { groups, send, startThread, stopThread, answered } = this.#ports;
    switch (action.type) {
      case "start_thread":
        return startThread(action);
      case "stop_thread":
        return stopThread(action.threadId, "nothing needs it any more");
      case "grant_lease":
        return send(action.owner, {
          type: "lease_grant",
          classKey: action.classKey,
          leaseId: action.leaseId,
          threadId: action.threadId,
          ...gpuIdsOf(action.gpus),
        });
      case "reclaim_lease":
        return this.#reclaim(action);
      case "revoke_lease":
        return this.revoked.revoke(action);
      case "place_actor":
        return answered({
          type: "actor_placed_at",
          actorId: action.actorId,
          threadId: action.threadId,
          ...gpuIdsOf(action.gpus),
        });
      case "fail_actor":
        return answered({
          type: "actor_not_placed",
          actorId: action.actorId,
          reason: action.reason,
        });
      case "answer_bundles":
        return answered({
          type: "bundles_prepared",
          groupId: action.groupId,
          attempt: action.attempt,
          isPrepared: action.isPrepared,
        });
      case "fail_demand":
        return send(action.owner, {
          type: "demand_fail",
          classKey: action.classKey,
          error: encodeError(unschedulableError(action.reason, "the task")),
          reason: action.reason,
        });
      case "warn_infeasible":
        return this.#warnInfeasible(action);
      case "confirm_group":
        return groups.created(action.groupId);
      case "fail_group":
        return groups.remove(action.groupId);
    }
  }

  #reclaim({ owner, leaseId, unanswered }: ReclaimLease): void {
    const { send } = this.#ports;
    send(owner, { type: "lease_reclaim", leaseId });
    if (unanswered) send(unanswered, { type: "lease_unanswered", leaseId });
  }

  #warnInfeasible(action: WarnInfeasible): void {
    const { subject } = action;
    const { actors, groups, jobOf, warn } = this.#ports;
    const jobId = "groupId" in subject
      ? groups.jobOf(subject.groupId)
      : "actorId" in subject
      ? actors.jobOf(subject.actorId)
      : jobOf(subject.owner);
    warn(jobId, infeasibleText(action));
  }
}

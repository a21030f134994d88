// What threads and drivers ask of their node: messages as events of the parts
// that answer them, or as calls. What the object store is asked goes past it.
// Belongs to the wiring of a node.

import { ProtocolError } from "./base/errors.ts";
import type { PlacementGroupId, WorkerId } from "./base/ids.ts";
import { specOf } from "./cluster_demand.ts";
import type { PlacementGroups } from "./control/placement_groups.ts";
import type { NodeActors, Uncaused } from "./node_actors.ts";
import type { NodeJob } from "./node_jobs.ts";
import type { RevokedLeases } from "./node_leases.ts";
import type { NodeMemory } from "./node_memory.ts";
import type { NodeTasks } from "./node_tasks.ts";
import { asMantaError, type NodeThreads } from "./node_threads.ts";
import type { ToNode } from "./protocol/node_messages.ts";
import { decodeError } from "./protocol/wire_error.ts";
import type { SchedulerEvent } from "./scheduler/messages.ts";

/** The parts of a node that answer. */
export interface AskedNode {
  readonly actors: NodeActors;
  readonly groups: PlacementGroups;
  readonly memory: Pick<NodeMemory, "given">;
  readonly threads: Pick<NodeThreads, "stop" | "exiting">;
  readonly tasks: Pick<NodeTasks, "given">;
  readonly revoked: RevokedLeases;
  schedule(event: Uncaused<SchedulerEvent>): void;
  /** Something that may be at any node needs a place, or no more. */
  place(event: Uncaused<SchedulerEvent>): void;
  removeGroup(groupId: PlacementGroupId): void;
  /** Makes a link between two, or says why there is none. */
  link(from: WorkerId, peer: WorkerId): void;
  /** Ends who has sent what is no message. */
  broken(peer: WorkerId, error: ProtocolError): void;
}

/** Takes in what a thread or a driver of the job has sent. */
export function receiveRequest(
  node: AskedNode,
  message: ToNode,
  from: WorkerId,
  job: NodeJob,
): void {
  const { jobId } = job.driver;
  switch (message.type) {
    case "demand_change": {
      const { key: classKey, ...wire } = message.schedulingClass;
      const { count, depth } = message;
      const spec = specOf(wire);
      return node.schedule({
        type: "demand_changed",
        ...{ owner: from, jobId, classKey, spec, count, depth },
      });
    }
    case "lease_return":
    case "lease_block":
    case "lease_unblock":
      return node.schedule({
        type: LEASE_EVENTS[message.type],
        leaseId: message.leaseId,
        ...("isIdle" in message ? { isIdle: true } : {}),
      });
    case "lease_left":
      return node.revoked.left(message.leaseId);
    case "link_request":
      return node.link(from, message.peer);
    case "peer_broken": {
      const { peer, error } = message;
      const isOfJob = job.threads.has(peer) || job.driver.workerId === peer;
      if (!isOfJob) return;
      return node.broken(peer, new ProtocolError(decodeError(error).message));
    }
    case "thread_kill":
      if (!job.threads.has(message.workerId)) return;
      return node.threads.stop(message.workerId, message.reason);
    case "thread_exiting":
      return node.threads.exiting(from, message.reason);
    case "memory_given":
      return node.memory.given(from, message);
    case "output":
      return job.output.printed(from, message.lines);
    case "output_wanted":
      return job.output.wanted();
    case "output_given":
      return job.output.given(from);
    case "task_events":
      return job.timeline.add(from, message.events);
    case "tasks_given":
      return node.tasks.given(from, message.tasks);
    default:
      return receiveOfControl(node, message, { from, job });
  }
}

/** Takes in a message that concerns actors or placement groups. */
function receiveOfControl(
  { actors, groups, place, removeGroup }: AskedNode,
  message: ToNode,
  { from, job }: { readonly from: WorkerId; readonly job: NodeJob },
): void {
  const { jobId } = job.driver;
  switch (message.type) {
    case "actor_register":
      return actors.direct({
        type: "actor_registered",
        actor: message.actor,
        creator: from,
        jobId,
      });
    case "actor_announce":
      return actors.direct({
        ...message,
        type: "actor_announced",
        workerId: from,
      });
    case "actor_watch":
    case "actor_hold":
    case "actor_drop":
      return actors.direct({
        type: ACTOR_EVENTS[message.type],
        actorId: message.actorId,
        workerId: from,
      });
    case "actor_constructed":
    case "actor_exited":
      return actors.direct({
        type: message.type,
        actorId: message.actorId,
        incarnation: message.incarnation,
      });
    case "actor_construction_failed":
      return actors.direct({
        type: "actor_construction_failed",
        actorId: message.actorId,
        incarnation: message.incarnation,
        error: asMantaError(decodeError(message.error)),
      });
    case "actor_kill":
      return actors.direct({
        type: "actor_killed",
        actorId: message.actorId,
        noRestart: message.noRestart,
      });
    case "group_create":
      if (!groups.create(message, from, jobId)) return;
      return place({
        type: "group_requested",
        groupId: message.groupId,
        bundles: message.bundles,
        strategy: message.strategy,
      });
    case "group_remove":
      return removeGroup(message.groupId);
  }
}

const LEASE_EVENTS = {
  lease_return: "lease_returned",
  lease_block: "lease_blocked",
  lease_unblock: "lease_unblocked",
} as const;

const ACTOR_EVENTS = {
  actor_watch: "actor_watched",
  actor_hold: "actor_held",
  actor_drop: "actor_dropped",
} as const;

// What threads ask of the control plane: messages about actors and placement
// groups, as events of the parts that answer them. Belongs to the wiring of a
// node.

import type { JobId, PlacementGroupId, WorkerId } from "./base/ids.ts";
import type { PlacementGroups } from "./control/placement_groups.ts";
import type { NodeActors, Uncaused } from "./node_actors.ts";
import { asMantaError } from "./node_threads.ts";
import type { ToNode } from "./protocol/node_messages.ts";
import { decodeError } from "./protocol/wire_error.ts";
import type { SchedulerEvent } from "./scheduler/messages.ts";

/** Who answers. */
export interface ControlPlane {
  readonly actors: NodeActors;
  readonly groups: PlacementGroups;
  schedule(event: Uncaused<SchedulerEvent>): void;
  removeGroup(groupId: PlacementGroupId): void;
}

/** Takes in a message that concerns actors or placement groups. */
export function receiveOfControl(
  { actors, groups, schedule, removeGroup }: ControlPlane,
  message: ToNode,
  { from, jobId }: { readonly from: WorkerId; readonly jobId: JobId },
): void {
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
      groups.create(message, from, jobId);
      return schedule({
        type: "group_requested",
        groupId: message.groupId,
        bundles: message.bundles,
        strategy: message.strategy,
      });
    case "group_remove":
      return removeGroup(message.groupId);
  }
}

const ACTOR_EVENTS = {
  actor_watch: "actor_watched",
  actor_hold: "actor_held",
  actor_drop: "actor_dropped",
} as const;
